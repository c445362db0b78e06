import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import pg from "pg";
import { freshDatabase } from "../support/database.js";
import { beginKith, type Outcome, runKith, startKith } from "../support/kith.js";
import { needRoot } from "../support/need.js";
import { isRunning, serverPid } from "../support/postmaster.js";
import { temporaryDirectory } from "../support/temporary.js";

const isRoot = process.getuid?.() === 0;

test("a fresh data directory is made private, served, and left in order by SIGTERM", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  assert.ok((await fetch(kith.url)).status < 500);
  assert.equal(statSync(dataDir).mode & 0o777, isRoot ? 0o711 : 0o700);
  assert.equal(statSync(join(dataDir, "postgres")).mode & 0o777, 0o700);
  assert.equal(statSync(join(dataDir, "secret")).mode & 0o777, 0o600);
  const server = serverPid(dataDir)!;
  assert.ok(isRunning(server));

  const { status } = await kith.stop("SIGTERM");
  assert.equal(status, 0);
  assert.ok(!isRunning(server));
  assert.equal(serverPid(dataDir), undefined);
});

test("as root, PostgreSQL and its files belong to an unprivileged user", { skip: needRoot() }, async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  const { uid } = statSync(join(dataDir, "postgres"));
  assert.notEqual(uid, 0);
  assert.equal(statSync(`/proc/${serverPid(dataDir)}`).uid, uid);
  assert.equal(statSync(join(dataDir, "secret")).uid, 0);
  await kith.stop();
});

test("a second kith start on the same data directory is refused in one line, and the first goes on", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const second = await runKith(["start"], { KITH_DATA_DIR: dataDir });
  assert.equal(second.status, 1);
  assert.match(second.stderr, /^kith: Kith is already running on the data directory .*\n$/);
  assert.ok((await fetch(first.url)).status < 500);
  await first.stop();
});

test("a command beside a running Kith uses its server and leaves it running", async () => {
  const dataDir = temporaryDirectory();
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  const { status } = await runKith(["migrate", "--status"], { KITH_DATA_DIR: dataDir });
  assert.equal(status, 0);
  assert.equal(serverPid(dataDir), server);
  assert.ok(isRunning(server));
  await kith.stop();
});

test("a command alone starts the server for its duration", async () => {
  const dataDir = temporaryDirectory();
  const { status } = await runKith(["migrate"], { KITH_DATA_DIR: dataDir });
  assert.equal(status, 0);
  assert.equal(serverPid(dataDir), undefined);
  assert.ok(existsSync(join(dataDir, "postgres/cluster/PG_VERSION")));
});

test("a folder of somebody else's is not made Kith's by a mistyped setting", async () => {
  const dataDir = temporaryDirectory();
  writeFileSync(join(dataDir, "letter.txt"), "dear ada");
  chmodSync(dataDir, 0o755);
  const { status, stderr } = await runKith(["start"], { KITH_DATA_DIR: dataDir });
  assert.equal(status, 1);
  assert.match(stderr, /^kith: .*holds something else.*\n$/);
  assert.equal(statSync(dataDir).mode & 0o777, 0o755);
});

test("configuration mistakes end the start with all of them, before anything is made", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const { status, stderr } = await runKith(["start"], {
    KITH_DATA_DIR: dataDir,
    KITH_ORIGIN: "x",
    KITH_TRUST_SLOTS: "0",
  });
  assert.equal(status, 1);
  assert.match(stderr, /KITH_ORIGIN/);
  assert.match(stderr, /KITH_TRUST_SLOTS/);
  assert.ok(!existsSync(dataDir));
});

/** Runs a command that has to end by itself; one that goes on is killed, and has no status then. */
async function ended(args: string[], env: Record<string, string>): Promise<Outcome> {
  const { process, outcome } = beginKith(args, env);
  const timer = setTimeout(() => process.kill("SIGKILL"), 20_000);
  return await outcome.finally(() => clearTimeout(timer));
}

test("a place to listen that is taken ends kith start and kith onion serve, and the line says which setting it is", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const { databaseUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  const said = (setting: string) => `kith: something else already listens on ${address}: set ${setting}\n`;
  for (const setting of ["KITH_LISTEN", "KITH_METRICS_LISTEN", "KITH_ONION_TCP_TABLE", "KITH_ONION_READSOCKET"]) {
    const { status, stdout, stderr } = await ended(["start"], { ...env, [setting]: address });
    assert.equal(status, 1, setting);
    assert.ok(stderr.endsWith(said(setting)), stderr);
    assert.doesNotMatch(stdout, /listens on/);
  }
  for (const [args, settings, setting] of [
    [["--metrics", address], { KITH_ONION_SOCKETMAP: "127.0.0.1:0" }, "--metrics"],
    [[], { KITH_ONION_SOCKETMAP: address }, "KITH_ONION_SOCKETMAP"],
  ] as const) {
    const { status, stderr } = await ended(["onion", "serve", ...args], { ...env, ...settings });
    assert.equal(status, 1, setting);
    assert.ok(stderr.endsWith(said(setting)), stderr);
  }
  taken.close();

  const away = join(temporaryDirectory(), "nowhere", "web");
  const { status, stderr } = await ended(["start"], { ...env, KITH_LISTEN: away });
  assert.equal(status, 1);
  const line = stderr.trimEnd().split("\n").at(-1);
  assert.match(line ?? "", /^kith: can't listen on .*\/nowhere\/web \((EACCES|ENOENT)\): set KITH_LISTEN$/);
});

test("a mail queue that can't begin ends kith start, which listens nowhere any more", async () => {
  const { adminUrl, databaseUrl } = await freshDatabase();
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query("create schema pgboss"); // another one's: Kith's role may not look into it
  await admin.end();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  const { status, stdout, stderr } = await ended(["start"], { ...env, KITH_MAIL_FROM: "kith@example.org" });
  assert.equal(status, 1);
  assert.match(stderr, /kith: permission denied for schema pgboss\n$/);
  assert.doesNotMatch(stdout, /listens on/);
});

test("wrong usage exits with 2, help with 0", async () => {
  assert.equal((await runKith(["strat"])).status, 2);
  assert.equal((await runKith(["start", "--quickly"])).status, 2);
  assert.equal((await runKith(["start", "--help"])).status, 0);
  assert.equal((await runKith(["--version"])).status, 0);
});

test("the server's settings keep statements, values and times of commit out of its log", async () => {
  const dataDir = temporaryDirectory();
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  const client = new pg.Client({ host: join(dataDir, "postgres"), port: 5432, user: "kith", database: "kith" });
  await client.connect();
  for (const [name, value] of Object.entries({
    listen_addresses: "",
    log_statement: "none",
    log_min_duration_statement: "-1",
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_parameter_max_length: "0",
    log_parameter_max_length_on_error: "0",
    track_commit_timestamp: "off",
    summarize_wal: "off",
    fsync: "on",
    jit: "off",
  })) {
    const { rows } = await client.query<Record<string, string>>(`show ${name}`);
    assert.equal(Object.values(rows[0]!)[0], value, name);
  }
  await assert.rejects(client.query("select 'canary-of-the-log'::uuid"));
  assert.equal((await client.query("show is_superuser")).rows[0].is_superuser, "off");
  await client.end();
  await kith.stop();
  assert.doesNotMatch(readFileSync(join(dataDir, "postgres.log"), "utf8"), /canary/);
});

test("a socket that a killed kith start left behind is taken again, one that somebody listens on is not", async () => {
  const folder = temporaryDirectory();
  const { databaseUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: folder, KITH_METRICS_LISTEN: join(folder, "metrics") };
  const first = await startKith(env);
  const elsewhere = { DATABASE_URL: (await freshDatabase()).databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  const { status, stderr } = await ended(["start"], { ...env, ...elsewhere });
  assert.equal(status, 1);
  assert.match(stderr, /something else already listens on .*metrics: set KITH_METRICS_LISTEN/);
  await first.stop("SIGKILL");
  assert.ok(existsSync(env.KITH_METRICS_LISTEN));
  const second = await startKith(env);
  assert.equal((await second.stop()).status, 0);
});

test("where the log can't be written, Kith serves all the same", async () => {
  const { databaseUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  const kith = await startKith(env, undefined, "exec 2>/dev/full");
  assert.ok((await fetch(kith.url)).status < 500);
  assert.equal((await kith.stop()).status, 0);
});

test("settings that are there and can't be read end every command", async () => {
  const folder = temporaryDirectory();
  mkdirSync(join(folder, ".env"));
  const { status, stderr } = await runKith(["migrate"], { KITH_DATA_DIR: join(folder, "data") }, `cd ${folder}`);
  assert.equal(status, 1);
  assert.match(stderr, /\.env can't be read \(EISDIR\)/);
  assert.ok(!existsSync(join(folder, "data")));
});
