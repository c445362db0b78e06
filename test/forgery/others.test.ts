import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { inspect } from "#kith/inspection/inspect.js";
import { buildApp } from "#kith/web/app.js";
import { type Metrics, makeMetrics } from "#kith/web/metrics.js";
import { openPlaceAtQuarter, type Place, textOf, Visitor } from "../support/app.js";
import { choose } from "../support/resets.js";

// Somebody who spoils a row must not learn from log and numbers at whose request it was met: that is who trusts, who
// invited, who helps.

interface World {
  place: Place;
  metrics: Metrics;
  who: Record<"nour" | "ada" | "bea" | "cem", Visitor>;
  sql(text: string, values?: unknown[]): Promise<{ rows: Record<string, never>[] }>;
  /** Rows that were reported since this was called last. */
  reported(): string[];
}

async function openWorld(): Promise<World> {
  const place = await openPlaceAtQuarter({ env: { KITH_INVITES_PER_MEMBER: "40", KITH_INVITE_MIN_AGE_DAYS: "0" } });
  const nour = await place.founder();
  const bring = async (name: string) => watched(await nour.bring(name, { trust: false }));
  const metrics = makeMetrics(place.context);
  const app = await buildApp(place.context);
  metrics.watch(app);
  const watched = ({ username, cookies }: Visitor) => {
    const visitor = Object.assign(new Visitor(app), { username });
    for (const [name, value] of cookies) visitor.cookies.set(name, value);
    return visitor;
  };
  const who = { nour: watched(nour), ada: await bring("ada"), bea: await bring("bea"), cem: await bring("cem") };
  await inspect(place.context);
  assert.deepEqual([...place.context.forgedRows], []);
  return {
    place,
    metrics,
    who,
    sql: async (text, values = []) => await place.context.pool.query(text, values),
    reported() {
      const tables = [...place.context.forgedRows.keys()];
      place.context.forgedRows.clear();
      return tables;
    },
  };
}

/** The newest row of a member in `people` is not Kith's any more. */
const spoilPerson = ({ sql }: Pick<World, "sql">, name: string) =>
  sql("update people set fingerprint = $2 where username = $1", [name, randomBytes(20)]);

/** Lines of the log and numbers of requests and refused rows: all but times. */
async function toldBy({ place, metrics }: World): Promise<string[]> {
  const lines = place.log.map((line) => JSON.stringify({ ...JSON.parse(line), time: 0, milliseconds: 0 }));
  const numbers = (await metrics.text()).split("\n").filter((line) => /^kith_(http_requests|forged)/.test(line));
  return [...lines, ...numbers];
}

/** What log and numbers tell of the same acts in two worlds. */
async function playTwice(prepare: (world: World, which: boolean) => Promise<unknown>, act: (world: World) => unknown) {
  const told: string[][] = [];
  for (const which of [true, false]) {
    const world = await openWorld();
    await prepare(world, which);
    world.place.log.length = 0;
    world.reported();
    await act(world);
    told.push(await toldBy(world));
    assert.deepEqual(world.reported(), [], "no request reports it");
    await inspect(world.place.context);
    assert.notDeepEqual(world.reported(), [], "the inspection does");
  }
  assert.ok(told[0]?.some((line) => line.includes("status")));
  assert.deepEqual(told[0], told[1]);
}

describe("a spoilt row of somebody else", () => {
  it("in people does not show who trusts her: log and numbers are the same whomever Ada trusts", async () => {
    const pages: string[] = [];
    await playTwice(
      async (world, which) => {
        await world.who.ada.trust(which ? "bea" : "cem");
        await spoilPerson(world, "bea");
      },
      async ({ who: { ada } }) => {
        assert.equal((await ada.signIn()).statusCode, 303);
        await ada.get("/");
        pages.push((await ada.get("/trust")).body);
        assert.equal((await ada.rules(1, 2)).statusCode, 303);
      },
    );
    const isTold = pages.map((body) => /Not as Kith wrote it/.test(body));
    assert.deepEqual(isTold, [true, false], "Ada is told");
  });

  it("that spent a letter does not show who wrote it, who alone reads that it is spoilt", async () => {
    const pages: string[] = [];
    await playTwice(
      async ({ who: { ada, cem }, place, sql }, which) => {
        const path = await (which ? ada : cem).invite();
        await (which ? cem : ada).invite();
        assert.equal((await place.visitor().join(path, "dora", { trust: false })).statusCode, 303);
        const { rows } = await sql("select nonce_hash from spent_invites");
        await inspect(place.context);
        for (const { nonce_hash } of rows) {
          await sql("update spent_invites set invitee = $2 where nonce_hash = $1", [nonce_hash, randomBytes(44)]);
        }
      },
      async ({ who: { ada, cem } }) => {
        for (const visitor of [ada, cem]) {
          await visitor.invite();
          pages.push((await visitor.get("/invites")).body);
          pages.push((await visitor.get("/")).body);
        }
      },
    );
    const isTold = pages.map((body) =>
      /Spent, but not as Kith wrote it|one of your letters was not as Kith/.test(body),
    );
    assert.deepEqual(isTold, [true, true, false, false, false, false, true, true]);
  });

  it("does not show who invited whoever opens a letter, nor who is asked for, nor who asks", async () => {
    const { who, place, sql, reported } = await openWorld();
    const { nour, ada, bea } = who;
    await ada.trust("bea");
    const path = await bea.invite();
    await spoilPerson({ sql }, "bea");
    await place.visitor().get(path);
    await place.visitor().join(path, "dora");
    await nour.trust("bea");
    await nour.help("bea");
    assert.equal((await bea.get("/trust")).statusCode, 200);
    assert.ok(textOf((await bea.help("ada")).body, "handover-link"), "a case of Ada's, at the moment of Bea's asking");
    assert.deepEqual(reported(), []);
    await inspect(place.context);
    assert.deepEqual(reported(), ["people"]);
  });

  it("in accounts, relations, cases or approvals does not show who is about to help", async () => {
    const { who, place, sql, reported } = await openWorld();
    const { ada, bea, cem } = who;
    for (const name of ["bea", "cem"]) await ada.trust(name);
    await cem.openCase("ada");
    const choice = await choose(place, await bea.openCase("ada"), "2 another orchard plum window");
    assert.equal((await bea.agree("ada", choice.words)).statusCode, 303);
    const { rows } = await sql("select id from accounts where username = 'ada'");
    for (const [table, column, where] of [
      ["approvals", "sealed", "case_id in (select id from reset_cases where trusting_id = $1)"],
      ["reset_cases", "link_hash", "trusting_id = $1 and choice_day is null"],
      ["relations", "token_hash", "trusting_id = $1"],
      ["accounts", "contact", "id = $1"],
    ] as const) {
      await sql(`create table kept as select * from ${table} where ${where}`, [rows[0]?.id]);
      await sql(`update ${table} set ${column} = $2 where ${where}`, [rows[0]?.id, randomBytes(32)]);
      await bea.help("ada");
      assert.deepEqual(reported(), [], table);
      await inspect(place.context);
      assert.ok(reported().includes(table), `${table}: the inspection finds it`);
      await sql(`update ${table} set ${column} = kept.${column} from kept where ${table}.tag = kept.tag`);
      await sql("drop table kept");
    }
    assert.match((await bea.help("ada")).body, new RegExp(choice.words[0] as string), "put back, all is well");
    await sql("update reset_cases set lost_second_step = not lost_second_step");
    await bea.help("ada");
    assert.deepEqual(reported(), ["reset_cases"], "one that asking has replaced");
  });
});

describe("a spoilt row of one's own", () => {
  it("is reported where all rows are written anew, or nothing is done, and not at what else is done meanwhile", async () => {
    const { who, place, sql, reported } = await openWorld();
    const { bea } = who;
    await spoilPerson({ sql }, "bea");
    await sql(
      "update relations set sealed_trusted = $1 where id = (select min(r.id::text)::uuid from relations r, accounts a where a.id = trusting_id and username = 'bea')",
      [randomBytes(405)],
    );
    for (const path of ["/", "/trust", "/invites", "/help", "/account", "/security"]) await bea.get(path);
    assert.equal((await bea.trust("nobody")).statusCode, 422, "nothing is written");
    assert.deepEqual(reported(), []);
    assert.equal((await bea.signIn()).statusCode, 303);
    assert.deepEqual(reported().sort(), ["people", "relations"]);
    await sql("update accounts set role = 'admin' where username = 'bea'");
    assert.equal((await bea.get("/admin/accounts")).statusCode, 303);
    assert.deepEqual(reported(), ["accounts"]);
    assert.equal((await place.visitor().signIn("bea")).statusCode, 422);
    assert.deepEqual(reported(), ["accounts"]);
  });
});

describe("the inspection", () => {
  it("misses an account's state put back as a whole, and what spent a letter, whoever met them or did not", async () => {
    const { who, place, sql, reported } = await openWorld();
    const { ada, nour } = who;
    const ids = await sql("select id from accounts where username = 'ada'");
    const id = ids.rows[0]?.id;
    const tables = { accounts: "id", relations: "trusting_id", people: "account_id" };
    for (const [table, owner] of Object.entries(tables)) {
      await sql(`create table kept_${table} as select * from ${table} where ${owner} = $1`, [id]);
    }
    const act = { username: "ada", what: "inviting", reason: "Too many." };
    assert.equal((await nour.post("/admin/accounts/freeze", act, "/admin/accounts")).statusCode, 303);
    await ada.signIn();
    await inspect(place.context);
    assert.deepEqual(reported(), []);
    await sql("alter table relations drop constraint if exists relations_trusting_id_fkey");
    for (const [table, owner] of Object.entries(tables)) {
      await sql(`delete from ${table} where ${owner} = $1`, [id]);
      await sql(`insert into ${table} select * from kept_${table}`);
    }
    await inspect(place.context);
    assert.deepEqual(reported(), ["accounts"], "it knows a newer version");
    await sql("delete from spent_invites where nonce_hash = (select max(nonce_hash) from spent_invites)");
    await inspect(place.context);
    assert.deepEqual(reported().sort(), ["accounts", "spent_invites"]);
  });
});
