import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, test } from "node:test";
import pg from "pg";
import { putBackOn, startAnchor } from "#kith/anchor.js";
import { nothingSeen } from "#kith/make-context.js";
import { doHourly } from "#kith/web/upkeep.js";
import { openPlace, Visitor } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { httpApp } from "../support/http-app.js";
import { firstLink, type RunningKith, runKith, startKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

// A whole database put back says nothing of it: what stands beside the server secret does.

const OLDER = /the database is older than the one that was served last/;
const TOLD = /Kith went on from an earlier state of its database/;

async function doctor(env: Record<string, string>): Promise<string[]> {
  const { findings } = JSON.parse((await runKith(["doctor", "--json"], env)).stdout);
  return findings
    .filter(({ text }: { text: string }) => /served last|would not be noticed/.test(text))
    .map(({ level, text }: { level: string; text: string }) => `${level}: ${text}`);
}

async function homeOf(kith: RunningKith): Promise<string> {
  const nour = new Visitor(httpApp(kith.url));
  assert.equal((await nour.signIn("nour")).statusCode, 303);
  return (await nour.get("/")).body;
}

test("a database put back as a whole is noticed at the start, and members are told for a month", async () => {
  const { databaseUrl, adminUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  const anchor = join(env.KITH_DATA_DIR, "secret.anchor");
  const database = new URL(databaseUrl).pathname.slice(1);
  const server = new URL(adminUrl);
  server.pathname = "/postgres";
  const admin = new pg.Client({ connectionString: server.href });
  await admin.connect();
  const copy = (from: string, to: string) => admin.query(`create database ${to} template ${from} owner kith`);

  const first = await startKith(env);
  const founder = new Visitor(httpApp(first.url));
  assert.equal((await founder.join(await firstLink(first), "nour")).statusCode, 303);
  assert.deepEqual(await doctor(env), ["good: it is as new as the one that was served last"]);
  await first.stop();
  assert.equal(statSync(anchor).mode & 0o777, 0o600);
  assert.match(readFileSync(anchor, "utf8"), /^\d+ founded\n(acts .*\n)?$/);
  await copy(database, `${database}_earlier`);

  const second = await startKith(env);
  assert.doesNotMatch(await homeOf(second), TOLD);
  const { stderr } = await second.stop();
  assert.doesNotMatch(stderr, OLDER, "what was stopped and started is not older");

  await admin.query(`drop database ${database} with (force)`);
  await copy(`${database}_earlier`, database);
  assert.match((await doctor(env)).join(), /^wrong: it is older/);
  for (const isNew of [true, false]) {
    const kith = await startKith(env);
    assert.match(await homeOf(kith), TOLD);
    const stopped = await kith.stop();
    assert.equal(OLDER.test(stopped.stderr), isNew, "the log says it once");
  }
  assert.match(readFileSync(anchor, "utf8"), /^\d+ founded \d{4}-\d{2}-\d{2}\n/, "kept where no writer comes");

  // Under a running Kith, and with a number that is none of Kith's.
  for (const change of ["", `update settings set tag = '\\x00' where name = 'tick'`]) {
    rmSync(anchor);
    const clean = await startKith(env);
    assert.doesNotMatch(await homeOf(clean), TOLD);
    await clean.stop();
    const running = await startKith(env);
    if (change === "") {
      await admin.query(`drop database ${database} with (force)`);
      await copy(`${database}_earlier`, database);
    } else {
      const writer = new pg.Client({ connectionString: adminUrl });
      await writer.connect();
      await writer.query(change);
      await writer.end();
    }
    assert.match((await running.stop()).stderr, OLDER);
    const next = await startKith(env);
    assert.match(await homeOf(next), TOLD);
    await next.stop();
  }
  assert.deepEqual(await doctor(env), ["good: it is as new as the one that was served last"]);

  rmSync(anchor);
  assert.match((await doctor(env)).join(), /^note: there is no .*secret\.anchor/);
  await admin.query(`drop database ${database}_earlier`);
  await admin.end();
});

describe("rows put back while Kith does not run, by a writer who leaves the compared number alone", () => {
  /** A place with an anchor, in which ada is suspended by an admin; what stood there before is kept aside. */
  async function suspended() {
    const place = await openPlace();
    const context = {
      ...place.context,
      config: { ...place.context.config, secretFile: join(temporaryDirectory(), "secret") },
    };
    const nour = await place.founder();
    await nour.bring("ada", { trust: false });
    await nour.bring("bea", { trust: false });
    const { pool } = context;
    /** From its start to its end. */
    const run = async (act: () => Promise<unknown> = async () => undefined) => {
      place.context.seen = context.seen = nothingSeen();
      place.log.length = 0;
      const anchor = await startAnchor(context);
      await doHourly(context);
      await anchor.inspected();
      await act();
      await anchor.stop();
      return { isLogged: /an earlier state was put in place/.test(place.log.join("")), day: putBackOn(context) };
    };
    const actOnAda = async () => {
      await pool.query("create table before as select * from accounts");
      const fields = { username: "ada", reason: "Lent it." };
      assert.equal((await nour.post("/admin/accounts/suspend", fields, "/admin/accounts")).statusCode, 303);
    };
    const newest =
      "version = (select max(version) from people where account_id = (select id from accounts where username = 'ada'))";
    const putBack = async () => {
      await pool.query(
        `update accounts set status = before.status, session_epoch = before.session_epoch, tag = before.tag,
         people_version = before.people_version from before where before.id = accounts.id and accounts.username = 'ada'`,
      );
      await pool.query(
        `delete from people where account_id = (select id from accounts where username = 'ada') and ${newest}`,
      );
    };
    return { place, context, nour, run, actOnAda, putBack, pool };
  }

  it("is noticed at the first inspection, and members are told; what Kith itself did is not", async () => {
    const { run, actOnAda, putBack, nour, place } = await suspended();
    assert.deepEqual(await run(), { isLogged: false, day: undefined });
    assert.deepEqual(await run(actOnAda), { isLogged: false, day: undefined });
    assert.deepEqual(await run(), { isLogged: false, day: undefined });
    await putBack();
    place.context.seen = nothingSeen();
    assert.equal((await place.visitor().signIn("ada")).statusCode, 303, "she is back");
    const today = new Date().toISOString().slice(0, 10);
    assert.deepEqual(await run(), { isLogged: true, day: today });
    assert.match((await nour.get("/")).body, TOLD);
    assert.deepEqual(await run(), { isLogged: false, day: today }, "logged once, told for a month");
  });

  it("is noticed by the inspection where numbers were raised in rows that are not Kith's then", async () => {
    const { run, actOnAda, putBack, pool } = await suspended();
    await run(actOnAda);
    await putBack();
    await pool.query("update accounts set people_version = people_version + 1 where username = 'ada'");
    assert.deepEqual(await run(), { isLogged: true, day: new Date().toISOString().slice(0, 10) });
  });

  it("is not said of numbers that somebody made up, and took away again", async () => {
    const { run, actOnAda, pool } = await suspended();
    await run(actOnAda);
    await pool.query("create table kept as select * from admin_acts");
    await pool.query(
      "insert into admin_acts select gen_random_uuid(), 2147483647, actor_id, kind, day, undoes, sealed, tag from kept",
    );
    await run();
    await pool.query("delete from admin_acts where number = 2147483647");
    assert.equal((await run()).isLogged, false);
  });

  it("is noticed where nobody was there from one stop to the next, or only at one", async () => {
    for (const isAwayAtStart of [true, false]) {
      const { run, actOnAda, putBack, pool } = await suspended();
      await run(actOnAda);
      const away = async () => {
        await pool.query("create table away as select id, username, domain from accounts where username <> ''");
        await pool.query("update accounts set username = '', domain = id::text where username <> ''");
      };
      if (isAwayAtStart) await away();
      assert.equal((await run(isAwayAtStart ? undefined : away)).isLogged, false, "there is nobody who is older");
      await pool.query(
        "update accounts set username = away.username, domain = away.domain from away where away.id = accounts.id",
      );
      await putBack();
      assert.equal((await run()).isLogged, true, `away at the start: ${isAwayAtStart}`);
    }
  });

  it("is noticed of the newest of the admins' acts, and of review keys", async () => {
    const { run, actOnAda, pool } = await suspended();
    await run(actOnAda);
    await pool.query("delete from admin_acts");
    assert.equal((await run()).isLogged, true);
    await run();
    await pool.query("delete from review_keys");
    assert.equal((await run()).isLogged, true);
  });
});

test("is told until a month is over", () => {
  const seen = { ...nothingSeen(), putBack: "2026-11-02" };
  const on = (day: string) => putBackOn({ seen, clock: () => new Date(`${day}T12:00:00Z`) });
  assert.equal(on("2026-12-02"), "2026-11-02");
  assert.equal(on("2026-12-03"), undefined);
});

test("an empty database with an old secret is no earlier state, but a place begun anew", async () => {
  const env = { KITH_DATA_DIR: temporaryDirectory() };
  const before = await startKith({ ...env, DATABASE_URL: (await freshDatabase()).databaseUrl });
  const founder = new Visitor(httpApp(before.url));
  assert.equal((await founder.join(await firstLink(before), "nour")).statusCode, 303);
  await before.stop();
  const kith = await startKith({ ...env, DATABASE_URL: (await freshDatabase()).databaseUrl });
  const again = new Visitor(httpApp(kith.url));
  assert.equal((await again.join(await firstLink(kith), "nour")).statusCode, 303);
  assert.doesNotMatch((await kith.stop()).stderr, OLDER);
});

test("where the anchor can't be written, Kith serves and says so", async () => {
  const { databaseUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  mkdirSync(join(env.KITH_DATA_DIR, "secret.anchor"));
  const kith = await startKith(env);
  assert.ok((await fetch(kith.url)).status < 500);
  const { status, stderr } = await kith.stop();
  assert.equal(status, 0);
  assert.equal(stderr.match(/the anchor beside the server secret was not raised/g)?.length, 2, "at start and stop");
});

describe("a place that had an admin", () => {
  let env: { DATABASE_URL: string; KITH_DATA_DIR: string };
  let anchor: string;
  let writer: pg.Client;
  /** Printed before there was an admin. */
  let another: string;
  const change = (statement: string) => writer.query(statement);
  const takeRoles = () => change("update accounts set role = 'member' where username <> ''");

  before(async () => {
    const { databaseUrl, adminUrl } = await freshDatabase();
    env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    anchor = join(env.KITH_DATA_DIR, "secret.anchor");
    writer = new pg.Client({ connectionString: adminUrl });
    await writer.connect();
    const unfounded = await startKith(env);
    another = await firstLink(unfounded);
    await unfounded.stop();
  });
  after(() => writer.end());

  /** Starts with the roles taken away, and looks whether a first admin is made. */
  async function refuses(why: string): Promise<string> {
    const kith = await startKith(env);
    assert.equal((await new Visitor(httpApp(kith.url)).get(another)).statusCode, 404, why);
    const { stdout, stderr } = await kith.stop();
    assert.doesNotMatch(stdout, /makes the first one/, why);
    return stderr;
  }

  it("takes no link for a first one from the moment of the first, whatever a writer makes of the roles", async () => {
    const kith = await startKith(env);
    const mal = new Visitor(httpApp(kith.url));
    assert.equal((await mal.get(another)).statusCode, 200, "good until then");
    const founder = new Visitor(httpApp(kith.url));
    assert.equal((await founder.join(await firstLink(kith), "nour")).statusCode, 303);
    await takeRoles();
    assert.equal((await mal.get(another)).statusCode, 404);
    await kith.stop();
    assert.match(readFileSync(anchor, "utf8"), /^\d+ founded\n(acts .*\n)?$/);
  });

  it("prints and takes none after a restart", async () => {
    assert.match(await refuses("after a restart"), /nobody is an admin, though somebody was/);
  });

  it("prints and takes none where the number in the database can't be read", async () => {
    await change("alter table settings enable row level security");
    await change("alter table settings force row level security");
    await change(
      "create policy broken on settings using (case when name = 'tick' then name::integer = 0 else true end)",
    );
    assert.match(await refuses("by a writer's doing"), /the anchor beside the server secret was not raised/);
    await change("drop policy broken on settings");
    await change("alter table settings no force row level security");
    await change("alter table settings disable row level security");
  });

  it("begins anew as long as the database is empty, and is known again once members are back", async () => {
    await change("create table away as select id, username, domain from accounts where username <> ''");
    const empty = () => change("update accounts set username = '', domain = id::text where username <> ''");
    const putBack = () =>
      change(
        "update accounts set username = away.username, domain = away.domain from away where away.id = accounts.id",
      );
    await empty();
    const kith = await startKith(env);
    const link = await firstLink(kith);
    const mal = new Visitor(httpApp(kith.url));
    assert.equal((await mal.get(link)).statusCode, 200);
    await putBack();
    assert.equal((await mal.join(link, "mal")).statusCode, 404);
    assert.match((await kith.stop()).stderr, /a place that begins anew/, "the operator is told");
    await empty();
    await (await startKith(env)).stop();
    await putBack();
    await refuses("empty from start to stop, and back after it");
  });

  it("makes no first one among members where the anchor can't be read", async () => {
    writeFileSync(anchor, "none of Kith's\n");
    await refuses("nobody knows");
  });
});
