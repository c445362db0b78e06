import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "#kith/db/connect.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { need } from "../support/need.js";
import { startPostgresServer } from "../support/postgres-server.js";
import { openCommunity, trustAll } from "../support/resets.js";

const { postgres, skip } = need("postgres");

// At its defaults a server logs every statement that fails, and quotes the values of a violated constraint.

test("whatever fails, no name stands in the log of a PostgreSQL with default settings", { skip }, async () => {
  const server = await startPostgresServer(postgres, { logging_collector: "on", log_directory: "log" });
  const { databaseUrl } = server;
  const connection = await connect({ databaseUrl });
  await migrateToLatest(connection.db);
  const { place, nour, who } = await openCommunity(["canarybea", "canarycem"], { databaseUrl });
  await trustAll(who.canarybea, ["canarycem"]);

  const taken = await place.visitor().join(await nour.invite(), "canarycem");
  assert.equal(taken.statusCode, 422, "the name is somebody's");
  const letter = await nour.invite();
  const joins = await Promise.all([1, 2, 3].map((number) => place.visitor().join(letter, `canary${number}`)));
  assert.equal(joins.filter(({ statusCode }) => statusCode === 303).length, 1);
  await Promise.all([1, 2, 3].map(() => who.canarycem.help("canarybea", true)));
  await Promise.all([who.canarybea.trust("nour"), who.canarybea.signIn(), who.canarybea.rules(1)]);
  for (const odd of ["canary\u0000", "canary'; select 1/0 --", "\ud800canary", "canary".repeat(2_000)]) {
    await place.visitor().signIn(odd);
    await nour.trust(odd);
    await nour.help(odd);
  }
  await assert.rejects(place.context.pool.query("select $1::int", ["canary"]), /invalid input syntax/);
  await connection.close();
  // What is still on its way to the log is written before the server ends.
  await server.stop();

  const log = readdirSync(join(server.cluster, "log"))
    .map((name) => readFileSync(join(server.cluster, "log", name), "utf8"))
    .join("");
  assert.match(log, /ERROR: {2}invalid input syntax for type integer: "canary"/, "the log is the one that was meant");
  const rest = log.split("\n").filter((line) => line.includes("canary") && !line.includes("invalid input syntax"));
  assert.deepEqual(rest, []);
});
