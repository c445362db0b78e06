import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sql } from "kysely";
import { type Connection, connect, isDatabaseDown } from "#kith/db/connect.js";
import { hasAccounts } from "#kith/db/has-accounts.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { openDatabase } from "#kith/db/open.js";
import { freshDatabase } from "../support/database.js";
import { runKith, startKith } from "../support/kith.js";
import { need } from "../support/need.js";
import { startPostgresServer } from "../support/postgres-server.js";
import { temporaryDirectory } from "../support/temporary.js";

const { postgres, skip } = need("postgres");

describe("a PostgreSQL server by DATABASE_URL", { skip }, () => {
  test("serves Kith, without an embedded one beside it", async () => {
    const server = await startPostgresServer(postgres);
    const dataDir = temporaryDirectory();
    const env = { KITH_DATA_DIR: dataDir, DATABASE_URL: server.databaseUrl };
    const kith = await startKith(env);
    assert.ok((await fetch(kith.url)).status < 500);
    const { stdout } = await runKith(["migrate", "--status", "--json"], env);
    const { migrations } = JSON.parse(stdout) as { migrations: { appliedAt?: string }[] };
    assert.ok(migrations.length > 0 && migrations.every(({ appliedAt }) => appliedAt !== undefined));
    assert.equal((await kith.stop()).status, 0);
    const { readdirSync } = await import("node:fs");
    assert.deepEqual(readdirSync(dataDir).sort(), ["secret", "secret.anchor"]);
    await server.stop();
  });

  test("may go away and come back without a restart of Kith", async () => {
    const server = await startPostgresServer(postgres);
    const connection = await connect({ databaseUrl: server.databaseUrl });
    const ask = () => sql`select 1 as one`.execute(connection.db);
    await ask();
    await server.kill();
    for (let round = 0; round < 3; round++) await assert.rejects(ask(), isDatabaseDown);
    await server.start();
    assert.deepEqual((await ask()).rows, [{ one: 1 }]);
    await connection.close();
    await server.stop();
  });

  test("that is not there is reported in one line without its password", async () => {
    const env = { KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: "postgresql://kith:hunter2@127.0.0.1:1/kith" };
    const { status, stderr } = await runKith(["start"], env);
    assert.equal(status, 1);
    assert.match(stderr, /^kith: the database can't be reached .*\n$/);
    assert.doesNotMatch(stderr, /hunter2/);
  });

  test("knows whether there are accounts, also before the first migration", async () => {
    const server = await startPostgresServer(postgres);
    const connection = await connect({ databaseUrl: server.databaseUrl });
    assert.equal(await hasAccounts(connection.db), false);
    await migrateToLatest(connection.db);
    assert.equal(await hasAccounts(connection.db), false);
    await connection.close();
    await server.stop();
  });
});

test("what takes long is not ended by a timeout that the database has by itself", async () => {
  const { databaseUrl, name } = await freshDatabase();
  const connection = await connect({ databaseUrl });
  await sql`alter database ${sql.id(name)} set statement_timeout = '50ms'`.execute(connection.db);
  await connection.close();
  const database = await openDatabase({ databaseUrl, dataDir: temporaryDirectory() }, "command");
  const timeout = async (db: Connection["db"]) =>
    (await sql<{ statement_timeout: string }>`show statement_timeout`.execute(db)).rows[0]?.statement_timeout;
  assert.equal(await timeout(database.db), "15s");
  assert.equal(await database.unhurried(timeout), "0");
  await database.unhurried((db) => sql`select pg_sleep(0.2)`.execute(db));
  await database.close();
});

test("only lost connections count as a database that is down", () => {
  const withCode = (code: string, extra = {}) => Object.assign(new Error("x"), { code, ...extra });
  for (const code of ["ECONNREFUSED", "ECONNRESET", "57P01", "57P03", "08006", "08000", "53300"]) {
    assert.ok(isDatabaseDown(withCode(code)), code);
  }
  assert.ok(isDatabaseDown(withCode("ENOENT", { syscall: "connect" })));
  assert.ok(isDatabaseDown(new Error("Connection terminated unexpectedly")));
  assert.ok(isDatabaseDown(new Error("Query failed", { cause: withCode("57P01") })));
  for (const code of ["23505", "42P01", "22P02", "40001", "57014"]) assert.ok(!isDatabaseDown(withCode(code)), code);
  assert.ok(!isDatabaseDown(withCode("ENOENT", { syscall: "open" })));
  assert.ok(!isDatabaseDown(new Error("no such account")));
  assert.ok(!isDatabaseDown("ECONNREFUSED"));
});
