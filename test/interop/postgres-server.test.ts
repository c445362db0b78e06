import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { connect } from "#kith/db/connect.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { openPlace, Visitor } from "../support/app.js";
import { need } from "../support/need.js";
import { tellNewcomer } from "../support/newcomer.js";
import { type PostgresServer, startPostgresServer } from "../support/postgres-server.js";

const { postgres, skip } = need("postgres");

describe("on a PostgreSQL server of the system's own packages", { skip }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgresServer(postgres);
    const { db, close } = await connect({ databaseUrl: server.databaseUrl });
    await migrateToLatest(db);
    await close();
  });

  it("the whole way works, also when the server is killed and comes back", async () => {
    const place = await openPlace({ databaseUrl: server.databaseUrl });
    const { rows } = await place.context.pool.query("show server_version_num");
    assert.ok(Number(rows[0].server_version_num) >= 150_000, rows[0].server_version_num);
    await tellNewcomer(place);
    await server.kill();
    const lost = await new Visitor(place.app).get("/invite/x");
    assert.equal(lost.statusCode, 503);
    await server.start();
    assert.equal((await new Visitor(place.app).signIn("bea")).statusCode, 303);
  });
});
