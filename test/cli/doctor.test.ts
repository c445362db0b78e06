import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import pg from "pg";
import { prepareDataDir } from "#kith/db/embedded-place.js";
import { migrations } from "#kith/migrations/index.js";
import { loadServerSecret } from "#kith/secret.js";
import { freshDatabase } from "../support/database.js";
import { runKith, startKith } from "../support/kith.js";
import { need } from "../support/need.js";
import { startPostgresServer } from "../support/postgres-server.js";
import { serverPid } from "../support/postmaster.js";
import { temporaryDirectory } from "../support/temporary.js";

interface Finding {
  level: string;
  about: string;
  text: string;
  todo?: string;
}

async function doctor(
  env: Record<string, string>,
): Promise<{ status: number | null; wrong: Finding[]; all: Finding[] }> {
  const { status, stdout } = await runKith(["doctor", "--json"], env);
  const all = (JSON.parse(stdout) as { findings: Finding[] }).findings;
  return { status, all, wrong: all.filter(({ level }) => level === "wrong") };
}

test("finds nothing wrong before the first start, and makes nothing", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const { status, wrong } = await doctor({ KITH_DATA_DIR: dataDir });
  assert.deepEqual(wrong, []);
  assert.equal(status, 0);
});

test("names a secret that others can read, and what to do", async () => {
  const dataDir = temporaryDirectory();
  await runKith(["migrate"], { KITH_DATA_DIR: dataDir });
  await loadServerSecret(join(dataDir, "secret"), async () => false);
  chmodSync(join(dataDir, "secret"), 0o644);
  const { status, wrong } = await doctor({ KITH_DATA_DIR: dataDir });
  assert.equal(status, 1);
  assert.deepEqual(
    wrong.map(({ about, todo }) => [about, todo]),
    [["files", `chmod 600 ${join(dataDir, "secret")}`]],
  );
  rmSync(join(dataDir, "secret"));
  assert.equal((await doctor({ KITH_DATA_DIR: dataDir })).status, 0);
});

test("names a secret that others could put another one in the place of: by its folder, or as its owner", async () => {
  const folder = temporaryDirectory();
  const env = { KITH_DATA_DIR: join(temporaryDirectory(), "data"), KITH_SECRET_FILE: join(folder, "secret") };
  await loadServerSecret(env.KITH_SECRET_FILE, async () => false);
  const said = async () => (await doctor(env)).wrong.map(({ text, todo }) => [text, todo]);
  assert.deepEqual(await said(), []);
  chmodSync(folder, 0o770);
  const todo = `chmod go-w ${folder}, or set KITH_SECRET_FILE to one of its own`;
  assert.deepEqual(await said(), [[`the folder of the server secret, ${folder}, can be written to by others`, todo]]);
  const link = join(temporaryDirectory(), "link");
  symlinkSync(env.KITH_SECRET_FILE, link);
  assert.equal((await doctor({ ...env, KITH_SECRET_FILE: link })).wrong.length, 1, "where the file itself lies");
  chmodSync(folder, 0o700);

  if (process.getuid?.() !== 0) return;
  for (const path of [env.KITH_SECRET_FILE, folder]) {
    chownSync(path, 65_534, 65_534);
    const [[text] = [], ...others] = await said();
    assert.match(text ?? "", /^the (folder of the )?server secret.* belongs to another user \(id 65534\)$/);
    assert.deepEqual(others, []);
    chownSync(path, 0, 0);
  }
});

test("lists all configuration mistakes", async () => {
  const { status, wrong } = await doctor({ KITH_ORIGIN: "x", KITH_PASSWORD_MIN: "3" });
  assert.equal(status, 1);
  assert.deepEqual(
    wrong.map(({ about }) => about),
    ["configuration", "configuration"],
  );
});

test("says that mail and database can't be reached", async () => {
  const { status, wrong } = await doctor({
    KITH_DATA_DIR: temporaryDirectory(),
    DATABASE_URL: "postgresql://kith@127.0.0.1:1/kith",
    KITH_SMTP_URL: "smtp://127.0.0.1:1",
    KITH_MAIL_FROM: "kith@example.org",
  });
  assert.equal(status, 1);
  assert.deepEqual(wrong.map(({ about }) => about).sort(), ["database", "mail"]);
});

test("says what is wrong, and what to do, wherever kith start refuses or lacks its anchor", async () => {
  const { databaseUrl, adminUrl, name } = await freshDatabase();
  const env = { KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: databaseUrl };
  const [secret, next, anchor] = ["secret", "secret.next", "secret.anchor"].map((file) =>
    join(env.KITH_DATA_DIR, file),
  ) as [string, string, string];
  const saidOf = async (settings: Record<string, string> = {}) =>
    // startPostgresServer's and freshDatabase's own settings may lose what was answered.
    (await doctor({ ...env, ...settings })).wrong.filter(({ text }) => !text.includes("a crash may lose"));
  const refuses = async (why: RegExp, settings: Record<string, string> = {}) => {
    const { status, stderr } = await runKith(["start"], { ...env, ...settings });
    assert.equal(status, 1);
    assert.match(stderr, why);
  };
  assert.equal((await runKith(["invite"], env)).status, 0, "makes the secret");
  assert.deepEqual(await saidOf(), []);

  const only = async (text: RegExp, todo: RegExp, settings: Record<string, string> = {}) => {
    const said = await saidOf(settings);
    assert.equal(said.length, 1, JSON.stringify(said));
    assert.match(said[0]!.text, text);
    assert.match(said[0]!.todo ?? "", todo);
  };
  await only(/KITH_TRUST_SLOTS is 9, but it was begun with 8/, /^set KITH_TRUST_SLOTS=8$/, { KITH_TRUST_SLOTS: "9" });
  await refuses(/begun with 8/, { KITH_TRUST_SLOTS: "9" });

  writeFileSync(next, Buffer.alloc(32), { mode: 0o600 });
  await only(/being rotated/, /kith secret rotate/);
  await refuses(/being rotated/);
  rmSync(next);

  writeFileSync(anchor, "none of Kith's\n");
  await only(/secret\.anchor is damaged/, /put a copy back/);
  rmSync(anchor);

  const right = readFileSync(secret);
  writeFileSync(secret, Buffer.alloc(32, 1));
  await only(/made with another server secret/, /put the one that belongs to it/);
  await refuses(/another server secret/);
  writeFileSync(secret, right);

  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`create database ${name}_closed template template0`);
  await admin.end();
  const closed = { DATABASE_URL: databaseUrl.replace(`/${name}?`, `/${name}_closed?`) };
  await only(/migrations are missing, and the role kith may not create tables/, /^as a superuser.* to kith$/, closed);
  await refuses(/permission denied/, closed);
  assert.deepEqual(await saidOf(), []);
});

test("names what the owner of the tables put in front of them, or took from them; the start logs it, and serves", async () => {
  const { databaseUrl, adminUrl } = await freshDatabase();
  const env = { KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: databaseUrl };
  const admin = new pg.Client({ connectionString: adminUrl });
  admin.on("error", () => undefined); // when an assertion fails before it is closed
  await admin.connect();
  const odd = async () => {
    const { wrong } = await doctor(env);
    return wrong.flatMap(({ text }) => (text.includes(": no Kith made it so") ? [text.split(":")[0]] : []));
  };
  assert.deepEqual(await odd(), [], "as the migrations make them");
  await admin.query(`
    create function noted() returns trigger language plpgsql as 'begin return new; end';
    create function noting() returns event_trigger language plpgsql as 'begin end';
    create event trigger watching on ddl_command_start execute function noting();
    alter table people enable row level security, force row level security;
    create policy looked_up on people using (pg_sleep(0) is not null);
    create trigger noted before update on accounts for each row execute function noted();
    create rule noted as on delete to events do nothing;
    create table more_letters () inherits (spent_invites);
    alter table case_weeks rename to real_weeks;
    create view case_weeks as select * from real_weeks;
    alter table onion_wanted rename to unwanted;
    alter table approvals add check (length(tag) > 0);
    create index on review_notes ((length(tag)));
    alter table accounts drop constraint accounts_name;
    alter table admin_acts drop constraint admin_acts_pkey;
    alter table relations disable trigger all`);
  const found = [
    "accounts has triggers, or lacks those of a foreign key",
    "accounts is not unique any more by domain,username",
    "admin_acts is not unique any more by id",
    "approvals has checks, or columns or indexes that are computed",
    "case_weeks is no plain table",
    "case_weeks is not unique any more by week",
    "events has rules",
    "onion_wanted is not there",
    "people has row security policies",
    "relations has triggers, or lacks those of a foreign key",
    "review_notes has checks, or columns or indexes that are computed",
    "spent_invites inherits rows, or gives some",
    "watching is an event trigger",
  ];
  assert.deepEqual(await odd(), found);
  await admin.query("drop event trigger watching; drop view case_weeks; alter table real_weeks rename to case_weeks");
  const kith = await startKith(env);
  const { stderr } = await kith.stop();
  for (const what of found.filter((one) => !/^(watching|case_weeks)/.test(one))) {
    assert.ok(stderr.includes(`${what}: somebody else made it so`), what);
  }
  await admin.end();
});

test("says where a setting that tells is taken back: of the role, the database, both, or the server's start", async () => {
  const { databaseUrl, adminUrl, name } = await freshDatabase();
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query("alter role kith set log_statement = 'all'");
  await admin.query(`alter database ${name} set log_duration = on`);
  await admin.query(`alter role kith in database ${name} set log_min_messages = 'debug1'`);
  await admin.query(`alter database ${name} set log_lock_waits = on`);
  const { all } = await doctor({ KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: databaseUrl });
  await admin.query("alter role kith reset log_statement");
  await admin.end();
  for (const [about, expected] of Object.entries({
    "log_statement is all": "as a superuser: alter role kith reset log_statement; then restart Kith",
    "log_duration is on": `as a superuser: alter database ${name} reset log_duration; then restart Kith`,
    "log_min_messages is debug1": `as a superuser: alter role kith in database ${name} reset log_min_messages; then restart Kith`,
    "log_lock_waits is on": new RegExp(
      `as a superuser: alter database ${name} reset log_lock_waits; then restart Kith`,
    ),
    "fsync is off": "the server was started with it: start it with -c fsync=on",
  })) {
    const todo = all.find(({ text }) => text.includes(about))?.todo;
    if (typeof expected === "string") assert.equal(todo, expected, about);
    else assert.match(todo ?? "", expected);
  }
});

const { postgres, skip } = need("postgres");

test("tells a server that refuses the password, or has no such database, from one that can't be reached", {
  skip,
}, async () => {
  const server = await startPostgresServer(postgres);
  const said = async (change: (url: URL) => void) => {
    const url = new URL(server.databaseUrl);
    change(url);
    const { wrong } = await doctor({ KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: url.href });
    return wrong.map(({ text, todo }) => `${text}: ${todo}`).join();
  };
  assert.match(
    await said((url) => Object.assign(url, { password: "x" })),
    /^the server refuses the password .*28P01.*:/,
  );
  assert.match(
    await said((url) => Object.assign(url, { pathname: "/nowhere" })),
    /^the server has no database .*3D000.*:/,
  );
  await server.stop();
});

/** A server with these settings, as the doctor sees it. */
async function doctorOfServer(settings: Record<string, string>, prepare: (admin: pg.Client) => Promise<void>) {
  const server = await startPostgresServer(postgres, settings);
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  await prepare(admin);
  await admin.end();
  const result = await doctor({ KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: server.databaseUrl });
  return { ...result, server, said: (name: string) => result.all.find(({ text }) => text.includes(name)) };
}

test("warns of a server that writes down who did what, keeps its log, or could lose what was answered", {
  skip,
}, async () => {
  const bad = {
    log_statement: "all",
    log_min_duration_statement: "0",
    log_min_duration_sample: "0",
    log_transaction_sample_rate: "0.5",
    log_duration: "on",
    log_parameter_max_length_on_error: "-1",
    log_executor_stats: "on",
    debug_print_plan: "on",
    log_min_messages: "debug2",
    track_commit_timestamp: "on",
    shared_preload_libraries: "auto_explain,pg_stat_statements",
    "auto_explain.log_min_duration": "0",
    full_page_writes: "off",
    synchronous_commit: "off",
    wal_level: "logical",
    archive_mode: "on",
    archive_command: "true",
    log_connections: "on",
    log_lock_waits: "on",
  };
  const { status, wrong, said, server, all } = await doctorOfServer(bad, async (admin) => {
    await admin.query("select pg_create_physical_replication_slot('forgotten', true)");
    await admin.query("select pg_create_logical_replication_slot('listener', 'test_decoding')");
  });
  await server.stop();
  assert.equal(status, 1);
  const first = wrong.map(({ text }) => text.split(" ")[0]);
  const harmless = ["archive_mode", "archive_command", "wal_level", "log_connections", "log_lock_waits"];
  for (const name of Object.keys(bad)) {
    if (harmless.includes(name) || name === "shared_preload_libraries") continue;
    assert.ok(first.includes(name), `${name} is named`);
  }
  // startPostgresServer's own
  assert.ok(first.includes("fsync"));
  for (const name of ["archived", "wal_level", "slot forgotten", "slot listener", "pg_stat_statements", "checksums"]) {
    assert.equal(said(name)?.level, "note", name);
  }
  assert.match(said("log_error_verbosity")?.text ?? "", /log_connections is on.*log_lock_waits is on/);
  for (const finding of all.filter(({ level, about }) => level !== "good" && about === "database")) {
    assert.ok(finding.todo, `what to do about: ${finding.text}`);
  }
});

test("finds nothing wrong with a server of the settings in docs/operations.md, and says so of a server that asks for no password", {
  skip,
}, async () => {
  const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const block = /## PostgreSQL\n.*?```\n(.*?)```/s.exec(page)?.[1] ?? "";
  const good = Object.fromEntries([...block.matchAll(/^(\w+) = (\S+)$/gm)].map((match) => [match[1], match[2]]));
  assert.ok(Object.keys(good).length > 10);
  const { wrong, all, server } = await doctorOfServer({ ...good, fsync: "on" }, async (admin) => {
    await admin.query("alter role kith superuser");
  });
  assert.deepEqual(wrong, []);
  assert.deepEqual(
    all.filter(({ level, about }) => level === "note" && about === "database").map(({ text }) => text.slice(0, 30)),
    [
      "the server's pages have no checksums",
      "the role kith may do more on the server",
      `${Object.keys(migrations).length} migrations are missing`,
    ].map((text) => text.slice(0, 30)),
  );
  const rules = join(server.cluster, "pg_hba.conf");
  writeFileSync(rules, readFileSync(rules, "utf8").replaceAll("scram-sha-256", "trust"));
  await server.stop();
  await server.start();
  const open = await doctor({ KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: server.databaseUrl });
  await server.stop();
  assert.deepEqual(
    open.wrong.map(({ text }) => text),
    ["the server lets anybody in as kith who can reach its port (trust)"],
  );
});

test("finds nothing to say about the embedded server, whose settings nothing in the cluster can weaken", async () => {
  const dataDir = temporaryDirectory();
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  const weaken = async (statement: string) => {
    const client = new pg.Client({ host: join(dataDir, "postgres"), user: "postgres", database: "postgres" });
    await client.connect();
    await client.query(statement);
    await client.query("select pg_reload_conf()");
    await client.end();
  };
  for (const [name, value] of Object.entries({ log_statement: "all", log_min_messages: "debug2", fsync: "off" })) {
    await weaken(`alter system set ${name} = '${value}'`);
  }
  const { all, wrong } = await doctor({ KITH_DATA_DIR: dataDir });
  const limits = readFileSync(`/proc/${serverPid(dataDir)}/limits`, "utf8");
  await kith.stop();
  assert.deepEqual(wrong, []);
  assert.deepEqual(
    all.filter(({ about, level }) => about === "database" && level !== "good").map(({ text }) => text),
    [],
  );
  assert.match(limits, /^Max core file size +0 +0 /m);
});

test("names a file of settings that others can read a password in", async () => {
  const folder = temporaryDirectory();
  const file = join(folder, ".env");
  const said = async (text: string, mode: number) => {
    writeFileSync(file, text);
    chmodSync(file, mode);
    const { stdout } = await runKith(["doctor", "--json"], { KITH_DATA_DIR: join(folder, "data") }, `cd ${folder}`);
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    return findings.filter(({ text }) => text.includes(file)).map(({ level, todo }) => [level, todo]);
  };
  const smtp = (user: string) => `KITH_SMTP_URL="smtp://${user}127.0.0.1:1"\n`;
  assert.deepEqual(await said(smtp("kith:hunter2@"), 0o640), [["wrong", `chmod 600 ${file}`]]);
  assert.deepEqual(await said(smtp("kith:hunter2@"), 0o600), []);
  assert.deepEqual(await said(smtp(""), 0o644), [], "there is no password in it");
});

test("names backups that lie beside the data, and from when the oldest is", async () => {
  const folder = temporaryDirectory();
  const env = { KITH_DATA_DIR: join(folder, "data") };
  await runKith(["migrate"], env);
  const said = async () => (await doctor(env)).all.filter(({ text }) => /backup/.test(text) && !/secret is/.test(text));
  assert.match((await said())[0]?.text ?? "", /^no backup was seen beside the data/);
  for (const name of ["monday", "tuesday"]) {
    assert.equal((await runKith(["backup", join(folder, name)], env)).status, 0);
  }
  writeFileSync(join(folder, "notes"), "Not one.\n");
  utimesSync(join(folder, "monday"), new Date(), new Date("2026-02-03T04:05:06Z"));
  const [found] = await said();
  assert.equal(found?.level, "note");
  assert.equal(found?.text, `2 backups lie in ${folder}, on this machine; the oldest is of 2026-02-03`);
  assert.match(found?.todo ?? "", /another one, encrypted, and few/);
});

test("a data directory that is closed to others is taken whatever is in it, and one that is open only if it is Kith's", async () => {
  const folder = temporaryDirectory();
  writeFileSync(join(folder, "server.log"), "");
  chmodSync(folder, 0o700);
  assert.equal(await prepareDataDir(folder, false), realpathSync(folder));
  if (process.getuid?.() === 0) await assert.rejects(prepareDataDir(folder), /closed to the user that runs PostgreSQL/);
  assert.equal(statSync(folder).mode & 0o777, 0o700, "nobody's folder is opened");
  chmodSync(folder, 0o755);
  await assert.rejects(prepareDataDir(folder), /is open to other users, and holds something else/);
  assert.equal(statSync(folder).mode & 0o777, 0o755, "and left as it was");
});
