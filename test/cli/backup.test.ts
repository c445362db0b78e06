import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import pg from "pg";
import { emptyDatabase, freshDatabase } from "../support/database.js";
import { runKith, startKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

test("kith backup in the wrong place says so, and makes neither a database nor a file", async () => {
  const dataDir = temporaryDirectory();
  const file = join(temporaryDirectory(), "backup");
  const { status, stderr } = await runKith(["backup", file], { KITH_DATA_DIR: dataDir });
  assert.equal(status, 1);
  assert.match(stderr, /^kith: there is no database in .*: run this as the user and in the directory of kith start/);
  assert.deepEqual(readdirSync(dataDir), []);
  assert.ok(!existsSync(file));
});

test("kith backup of a server's database that no Kith ever used says so", async () => {
  const databaseUrl = await emptyDatabase();
  const file = join(temporaryDirectory(), "backup");
  const { status, stderr } = await runKith(["backup", file], { DATABASE_URL: databaseUrl });
  assert.equal(status, 1);
  assert.match(stderr, /^kith: no Kith ever used this database/);
  assert.ok(!existsSync(file));
});

test("kith backup replaces nothing but a backup, and keeps away from the server secret", async () => {
  const { databaseUrl } = await freshDatabase();
  const [dataDir, elsewhere, links] = [temporaryDirectory(), temporaryDirectory(), temporaryDirectory()];
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: dataDir };
  const away = {
    DATABASE_URL: (await freshDatabase()).databaseUrl,
    KITH_DATA_DIR: dataDir,
    KITH_SECRET_FILE: join(elsewhere, "secret"),
  };
  for (const one of [env, away]) assert.equal((await runKith(["invite"], one)).status, 0, "makes the secret");
  writeFileSync(join(elsewhere, "secret.anchor"), "1 founded\n");
  writeFileSync(join(elsewhere, "notes"), "of somebody's\n");
  symlinkSync(elsewhere, join(links, "elsewhere"));
  symlinkSync(dataDir, join(links, "data"));
  const files = () =>
    [dataDir, elsewhere].map((at) => readdirSync(at).map((name) => [name, readFileSync(join(at, name))]));
  const before = files();
  for (const [file, why, where] of [
    [join(dataDir, "secret"), /is Kith's server secret/, env],
    [join(links, "data/secret"), /is Kith's server secret/, env],
    [join(elsewhere, "secret"), /is Kith's server secret/, away],
    [join(elsewhere, "secret.next"), /belongs to Kith's server secret/, away],
    [join(elsewhere, "secret.anchor"), /belongs to Kith's server secret/, away],
    [join(links, "elsewhere/secret.next"), /belongs to Kith's server secret/, away],
    [join(dataDir, "backup"), /is in the data directory/, env],
    [join(links, "data/backup"), /is in the data directory/, away],
    [join(elsewhere, "notes"), /is there and is no backup made by kith/, away],
  ] as const) {
    const { status, stderr } = await runKith(["backup", file], where);
    assert.equal(status, 1, file);
    assert.ok(stderr.startsWith(`kith: ${file} `), stderr);
    assert.match(stderr, why);
    assert.match(stderr, /: name another one\n$/);
    assert.deepEqual(files(), before);
  }

  const file = join(elsewhere, "backup");
  writeFileSync(file, "");
  for (const what of ["an empty file", "a backup"]) {
    const { status, stderr } = await runKith(["backup", file], away);
    assert.equal(status, 0, `${what}: ${stderr}`);
    assert.match(readFileSync(file, "utf8"), /^{"format":"kith backup 1"/);
  }
});

test("kith restore reads no pipe, of which a second look would see nothing", async () => {
  const env = { KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: (await freshDatabase()).databaseUrl };
  const file = join(temporaryDirectory(), "backup");
  assert.equal((await runKith(["invite"], env)).status, 0);
  assert.equal((await runKith(["backup", file], env)).status, 0);
  const empty = { ...env, DATABASE_URL: (await freshDatabase()).databaseUrl };
  const piped = await runKith(["restore", "/dev/stdin"], empty, `exec < <(cat '${file}')`);
  assert.equal(piped.status, 1, piped.stdout);
  assert.equal(piped.stderr, "kith: /dev/stdin is no regular file: save the backup to one, and restore that\n");
  const redirected = await runKith(["restore", "/dev/stdin"], empty, `exec < '${file}'`);
  assert.equal(redirected.status, 0, redirected.stderr);
  assert.match(redirected.stdout, /^[1-9]\d* rows are restored/);
});

test("kith backup leaves out and names tables that are not Kith's, whoever owns them, and is restored", async () => {
  const { databaseUrl, adminUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  assert.equal((await runKith(["invite"], env)).status, 0);
  for (const [url, table] of [
    [databaseUrl, "notes_of_kith"],
    [adminUrl, "notes_of_others"],
  ] as const) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`create table ${table} (account uuid references accounts, text text)`);
    await client.query(`insert into ${table} values (null, 'a stranger')`);
    await client.end();
  }
  const file = join(temporaryDirectory(), "backup");
  const { status, stderr } = await runKith(["backup", file], env);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "kith: not in the backup, since they are not Kith's: notes_of_kith, notes_of_others\n");
  assert.doesNotMatch(readFileSync(file, "utf8"), /notes_of|a stranger/);

  // As backups held them before.
  const withNotes = [
    ...readFileSync(file, "utf8").split("\n").slice(0, -2),
    '{"table":"notes_of_kith","columns":["account","text"]}',
    '[null,"a stranger"]',
    "",
  ].join("\n");
  const end = createHash("sha256").update(withNotes).digest("hex");
  writeFileSync(`${file}.before`, `${withNotes}${JSON.stringify({ end })}\n`);
  for (const [name, said] of [
    [file, ""],
    [`${file}.before`, "kith: not restored, since they are not Kith's: notes_of_kith\n"],
  ] as const) {
    const empty = await freshDatabase();
    const restored = await runKith(["restore", name], { ...env, DATABASE_URL: empty.databaseUrl });
    assert.equal(restored.status, 0, restored.stderr);
    assert.equal(restored.stderr, said);
  }
});

test("kith backup, kith secret rotate and kith doctor say that a newer Kith migrated the database", async () => {
  const { databaseUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  assert.equal((await runKith(["invite"], env)).status, 0);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("insert into kysely_migration values ('2099-01-01-change', '2099-01-01T00:00:00.000Z')");
  await client.end();
  const file = join(temporaryDirectory(), "backup");
  const secret = readFileSync(join(env.KITH_DATA_DIR, "secret"));
  for (const command of [
    ["backup", file],
    ["secret", "rotate"],
  ]) {
    const { status, stderr } = await runKith(command, env);
    assert.equal(status, 1, command.join(" "));
    assert.equal(stderr, "kith: the database was migrated by a newer Kith (2099-01-01-change): use that one\n");
  }
  assert.ok(!existsSync(file));
  assert.deepEqual(readFileSync(join(env.KITH_DATA_DIR, "secret")), secret);
  assert.ok(!existsSync(join(env.KITH_DATA_DIR, "secret.next")));

  const { status, stdout } = await runKith(["doctor"], env);
  assert.equal(status, 1);
  assert.match(stdout, /^WRONG {2}database: it was migrated by a newer Kith \(2099-01-01-change\)\n +→ use that one$/m);
});

/** Milliseconds after which a pool without work closes the connections it does not have to keep. */
const IDLE_MS = 11_000;

for (const where of ["on the embedded server", "on a server, idle and under another name"]) {
  test(`kith restore is refused while a Kith ${where} would write into what is restored`, async () => {
    const home = { DATABASE_URL: (await freshDatabase()).databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    const file = join(temporaryDirectory(), "backup");
    assert.equal((await runKith(["invite"], home)).status, 0);
    assert.equal((await runKith(["backup", file], home)).status, 0);

    const env: Record<string, string> = { KITH_DATA_DIR: temporaryDirectory() };
    const isEmbedded = where === "on the embedded server";
    if (!isEmbedded) env.DATABASE_URL = `${(await freshDatabase()).databaseUrl}&application_name=mine`;
    const kith = await startKith(env);
    if (!isEmbedded) await sleep(IDLE_MS);
    const refused = await runKith(["restore", file], env);
    assert.equal(refused.status, 1, refused.stdout);
    assert.match(
      refused.stderr,
      isEmbedded ? /^kith: Kith is already running on the data directory/ : /^kith: .*: stop every kith start/,
    );
    assert.equal((await kith.stop()).status, 0);
    const { status, stderr } = await runKith(["restore", file], env);
    assert.equal(status, 0, stderr);
  });
}

test("kith restore says of whatever is no backup that it is none", async () => {
  const env = { DATABASE_URL: (await freshDatabase()).databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "directory"));
  for (const [name, bytes] of Object.entries({
    gzip: gzipSync('{"format":"kith backup 1"}\n'),
    "pg_dump's": Buffer.from("PGDMP\u0001\u000e\u0000\u0004\b\u0001\u0001"),
    "pg_dump's text": "--\n-- PostgreSQL database dump\n--\n",
    null: "null\n",
    list: '[{"format":"kith backup 1"}]\n',
    empty: "",
    long: "x".repeat(100_000),
    "of another format": '{"format":"kith backup 99","migration":"2026-11-24-create-accounts"}\n{"end":""}\n',
    "without a migration": '{"format":"kith backup 1","migration":null}\n{"end":""}\n',
  })) {
    writeFileSync(join(directory, name), bytes);
  }
  for (const name of readdirSync(directory)) {
    const file = join(directory, name);
    const { status, stderr } = await runKith(["restore", file], env);
    assert.equal(status, 1, name);
    assert.equal(stderr, `kith: ${file} is not a backup made by kith\n`, name);
  }
});
