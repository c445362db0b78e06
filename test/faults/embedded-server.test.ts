import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { freshDatabase } from "../support/database.js";
import { runKith, startKith } from "../support/kith.js";
import { isRunning, serverPid } from "../support/postmaster.js";
import { temporaryDirectory } from "../support/temporary.js";

test("the second start keeps database and secret", async () => {
  const dataDir = temporaryDirectory();
  await (await startKith({ KITH_DATA_DIR: dataDir })).stop("SIGINT");
  const secret = readFileSync(join(dataDir, "secret"));
  const made = statSync(join(dataDir, "postgres/cluster/PG_VERSION")).mtimeMs;
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  assert.deepEqual(readFileSync(join(dataDir, "secret")), secret);
  assert.equal(statSync(join(dataDir, "postgres/cluster/PG_VERSION")).mtimeMs, made);
  await kith.stop();
});

test("after kill -9 of Kith the next start adopts the orphaned server", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  await first.stop("SIGKILL");
  assert.ok(isRunning(server));
  const second = await startKith({ KITH_DATA_DIR: dataDir });
  assert.equal(serverPid(dataDir), server);
  await second.stop();
  assert.ok(!isRunning(server));
});

test("after kill -9 of both, a stale pid file is no obstacle", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  await first.stop("SIGKILL");
  process.kill(server, "SIGKILL");
  const second = await startKith({ KITH_DATA_DIR: dataDir });
  assert.notEqual(serverPid(dataDir), server);
  await second.stop();
});

test("a dead server's number that another program has got meanwhile is no obstacle, and that program is left alone", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  await first.stop("SIGKILL");
  process.kill(server, "SIGKILL");
  const bystander = spawn("sleep", ["60"]);
  for (const file of ["cluster/postmaster.pid", ".s.PGSQL.5432.lock"]) {
    const path = join(dataDir, "postgres", file);
    const [, ...rest] = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, [bystander.pid, ...rest].join("\n"));
  }
  const second = await startKith({ KITH_DATA_DIR: dataDir });
  assert.notEqual(serverPid(dataDir), bystander.pid);
  assert.equal(bystander.exitCode, null);
  await second.stop();
  const gone = once(bystander, "exit");
  bystander.kill();
  await gone;
});

test("an orphan whose socket is gone is stopped and replaced", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  await first.stop("SIGKILL");
  rmSync(join(dataDir, "postgres/.s.PGSQL.5432"));
  const second = await startKith({ KITH_DATA_DIR: dataDir });
  assert.ok(!isRunning(server));
  await second.stop();
});

test("a server that dies under a running Kith is brought back", async () => {
  const dataDir = temporaryDirectory();
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  process.kill(server, "SIGKILL");
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline && (serverPid(dataDir) === server || serverPid(dataDir) === undefined)) await sleep(50);
  assert.ok(isRunning(serverPid(dataDir)!));
  assert.equal((await runKith(["migrate", "--status"], { KITH_DATA_DIR: dataDir })).status, 0);
  const { status } = await kith.stop();
  assert.equal(status, 0);
});

test("a stop while the server is away ends in order", async () => {
  const dataDir = temporaryDirectory();
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  process.kill(serverPid(dataDir)!, "SIGKILL");
  // In the half second between two tries to bring it back.
  await sleep(300);
  const { status, stderr } = await kith.stop();
  assert.equal(status, 0, stderr);
});

test("several commands at once on a fresh data directory all succeed, and the last one stops the server", async () => {
  const dataDir = temporaryDirectory();
  const outcomes = await Promise.all(Array.from({ length: 4 }, () => runKith(["migrate"], { KITH_DATA_DIR: dataDir })));
  for (const { status, stderr } of outcomes) assert.equal(status, 0, stderr);
  assert.equal(serverPid(dataDir), undefined);
});

test("a data directory with a long path gets its socket elsewhere", async () => {
  const dataDir = join(temporaryDirectory(), "d".repeat(100));
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  assert.ok(!existsSync(join(dataDir, "postgres/.s.PGSQL.5432")));
  assert.equal((await runKith(["migrate", "--status"], { KITH_DATA_DIR: dataDir })).status, 0);
  await kith.stop();
});

test("a set-up that fails half-way says so in one line and leaves nothing that would be in the way", async () => {
  const dataDir = temporaryDirectory();
  // Files of at most 64 KiB: initdb gets going and then fails, as on a disk that fills up.
  const { status, stderr } = await runKith(["migrate"], { KITH_DATA_DIR: dataDir }, "ulimit -f 64");
  assert.equal(status, 1);
  assert.match(stderr, /^kith: the database can't be set up in .*\n$/);
  assert.deepEqual(readdirSync(join(dataDir, "postgres")), []);
  assert.equal((await runKith(["migrate"], { KITH_DATA_DIR: dataDir })).status, 0);
});

test("a start without the secret that the accounts need is refused, and no new secret is made", async () => {
  const database = await freshDatabase();
  await insertAnyAccount(database.adminUrl);
  const dataDir = temporaryDirectory();
  const { status, stderr } = await runKith(["start"], { KITH_DATA_DIR: dataDir, DATABASE_URL: database.databaseUrl });
  assert.equal(status, 1);
  assert.match(stderr, /^kith: the server secret .* is missing.*\n$/);
  assert.deepEqual(readdirSync(dataDir), []);
});

/** A row that fits the columns and means nothing. */
async function insertAnyAccount(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  const { rows } = await client.query<{ name: string; type: string }>(
    "select column_name as name, data_type as type from information_schema.columns where table_name = 'accounts'",
  );
  const value: Record<string, string> = { uuid: "gen_random_uuid()", bytea: "''::bytea", integer: "0", smallint: "0" };
  await client.query(
    `insert into accounts (${rows.map(({ name }) => name).join()}) values (${rows.map(({ type }) => value[type] ?? "'x'").join()})`,
  );
  await client.end();
}
