import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import pg from "pg";
import { expectDatabase } from "#kith/cli/with-database.js";
import { emptyDatabase } from "../support/database.js";
import { runKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

/** What is about somebody or something that is there, and must not say that there is nothing, in the wrong place. */
const LATER = [
  ["admin", "grant", "ada"],
  ["admin", "recover-review-key"],
  ["account", "suspend", "ada"],
  ["secret", "rotate"],
  ["migrate", "--status"],
  ["onion", "lookup", "example.org"],
  ["onion", "export", "--format", "json"],
  ["onion", "torrc"],
  ["onion", "check"],
  ["onion", "serve"],
];
/** What prints a link, or puts something in. */
const BEFORE = [
  { args: ["invite"], prints: /\/invite\// },
  { args: ["admin", "invite"], prints: /\/invite\// },
];

test("a command in the wrong place says so, prints no link and makes nothing, so that a backup there is still refused", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const env = { KITH_DATA_DIR: dataDir, KITH_ONION_TCP_TABLE: "127.0.0.1:0" };
  for (const args of [...LATER, ["backup", join(dataDir, "backup")]]) {
    const { status, stdout, stderr } = await runKith(args, env);
    const command = args.join(" ");
    assert.equal(status, 1, command);
    assert.equal(stdout, "", command);
    assert.equal(
      stderr,
      `kith: there is no database in ${dataDir}: run this as the user and in the directory of kith start, or set KITH_DATA_DIR\n`,
      command,
    );
    assert.deepEqual(readdirSync(join(dataDir, "..")), [], command);
  }
});

test("a name that nobody can have is refused before a place is looked for or begun", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  for (const args of [
    ["account", "suspend", "no name"],
    ["admin", "grant", "no name"],
    ["admin", "revoke", "no name"],
    ["admin", "confirm", "ada@elsewhere.example"],
    ["admin", "recover-review-key", "--for", "no name"],
  ]) {
    const { status, stderr } = await runKith(args, { KITH_DATA_DIR: dataDir });
    assert.equal(status, 2, args.join(" "));
    assert.match(stderr, /^kith: no member can have that name: .*\n$/, args.join(" "));
    assert.deepEqual(readdirSync(join(dataDir, "..")), []);
  }
});

test("what makes sense before the first start begins the place that KITH_DATA_DIR names, and no other", async () => {
  for (const { args, prints } of BEFORE) {
    const dataDir = join(temporaryDirectory(), "data");
    const ran = await runKith(args, { KITH_DATA_DIR: dataDir });
    assert.equal(ran.status, 0, `${args.join(" ")}: ${ran.stderr}`);
    assert.match(ran.stdout, prints, args.join(" "));
  }
  const list = join(temporaryDirectory(), "map.txt");
  writeFileSync(list, "");
  const dataDir = join(temporaryDirectory(), "data");
  const taken = await runKith(["onion", "import", list, "--format", "exim-txt"], { KITH_DATA_DIR: dataDir });
  assert.equal(taken.status, 0, taken.stderr);
  const nowhere = { databaseUrl: undefined, dataDir: join(temporaryDirectory(), "data"), isDataDirGiven: false };
  await assert.rejects(expectDatabase(nowhere, "told"), /there is no database in/);
});

test("what a place may begin with begins it, and every command works there from then on", async () => {
  for (const first of [["migrate"], ["demo"]]) {
    const env = { KITH_DATA_DIR: join(temporaryDirectory(), "data") };
    for (const args of [first, ["migrate", "--status"], ["invite"]]) {
      const { status, stderr } = await runKith(args, env);
      assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
    }
  }
});

test("a command in the wrong database says so in one line, and makes neither a table there nor a server secret", async () => {
  const databaseUrl = await emptyDatabase();
  const dataDir = temporaryDirectory();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: dataDir };
  for (const args of [
    ["onion", "export", "--format", "cdb"],
    ["onion", "torrc"],
    ["onion", "lookup", "example.org"],
    ["account", "suspend", "ada"],
    ["admin", "grant", "ada"],
  ]) {
    const { status, stdout, stderr } = await runKith(args, env);
    const command = args.join(" ");
    assert.deepEqual([status, stdout], [1, ""], command);
    assert.match(
      stderr,
      /^kith: there is nothing of Kith in this database: is DATABASE_URL right\? [^\n]+\n$/,
      command,
    );
  }
  const there = new pg.Client({ connectionString: env.DATABASE_URL });
  await there.connect();
  const { rows } = await there.query("select relname from pg_class where relnamespace = 'public'::regnamespace");
  await there.end();
  assert.deepEqual(rows, []);
  assert.deepEqual(readdirSync(dataDir), []);
  // What a place may begin with goes on from nothing there, too.
  assert.equal((await runKith(["invite"], env)).status, 0);
});

test("what can't be meant, or is not there, is said before anything is made", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const env = { KITH_DATA_DIR: dataDir, KITH_DOMAINS: "example.org", KITH_RESOLVER: "127.0.0.1:53" };
  const other = join(temporaryDirectory(), "hostname");
  writeFileSync(other, "4my2dd2okjr75aho.onion\n");
  for (const [args, expected, said] of [
    [["invite", "--domain", "typo"], 2, /^typo is not one of KITH_DOMAINS \(example\.org\)$/],
    [["admin", "invite", "--domain", "typo"], 2, /^typo is not one of KITH_DOMAINS \(example\.org\)$/],
    [["migrate", "--to", "typo"], 2, /^there is no migration typo; did you mean /],
    [["onion", "discover", "no domain"], 2, /^no domain is not a domain that mail can go to$/],
    [["onion", "check", "no domain"], 2, /^no domain is not a domain that mail can go to$/],
    [["onion", "check", "--hostname-file", "/no/such"], 1, /^\/no\/such can't be read \(ENOENT\): /],
    [["onion", "zone", "--hostname-file", "/no/such"], 1, /^\/no\/such can't be read \(ENOENT\): /],
    [["onion", "check", "--hostname-file", other], 1, /hostname holds no onion address: /],
    [["restore", "/no/such/file"], 1, /^\/no\/such\/file can't be read \(ENOENT\)$/],
  ] as const) {
    const { status, stdout, stderr } = await runKith([...args], env);
    const command = args.join(" ");
    assert.deepEqual([status, stdout], [expected, ""], `${command}: ${stderr}`);
    assert.match(stderr, /^kith: [^\n]+\n$/, command);
    assert.match(stderr.slice("kith: ".length, -1), said, command);
    assert.deepEqual(readdirSync(join(dataDir, "..")), [], command);
  }
});

test("a domain is not asked about, and no place made for it, where no resolver is set", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const { status, stderr } = await runKith(["onion", "discover", "example.org"], { KITH_DATA_DIR: dataDir });
  assert.deepEqual([status, stderr], [1, "kith: set KITH_RESOLVER to a resolver that validates DNSSEC\n"]);
  assert.deepEqual(readdirSync(join(dataDir, "..")), []);
});
