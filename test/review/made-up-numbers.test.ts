import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { inspect } from "#kith/inspection/inspect.js";
import { openPlace, type Place, passwordOf, Visitor } from "../support/app.js";

// Somebody who can write to the database numbers rows so high that nothing seems to come after them.

const HIGHEST = 2 ** 31 - 1;

describe("a row that somebody else numbered", () => {
  let place: Place;
  let nour: Visitor;
  let dora: Visitor;
  let ivo: Visitor;
  before(async () => {
    place = await openPlace();
    nour = await place.founder();
    dora = await nour.bring("dora");
    ivo = await nour.bring("ivo");
  });
  beforeEach(() => place.context.forgedRows.clear());

  const sql = async (text: string, values: unknown[] = []) => (await place.context.pool.query(text, values)).rows;
  const suspend = (username: string) =>
    nour.post("/admin/accounts/suspend", { username, reason: "Spam." }, "/admin/accounts");
  const reinstate = (username: string) => nour.post("/admin/accounts/reinstate", { username }, "/admin/accounts");
  const numbersOf = async (table: string) =>
    (await sql(`select number from ${table} order by number`)).map(({ number }) => number);
  const versionsOf = async (username: string) =>
    (await sql("select version, status from people where username = $1 order by version", [username])).map(
      ({ version, status }) => `${version} ${status}`,
    );
  const raiseVersion = (username: string, version: number) =>
    sql(
      `insert into people select account_id, $2, username, domain, public_key, fingerprint, status, reset_mark, tag
       from people where username = $1 order by version desc limit 1`,
      [username, version],
    );
  /** Reported by table. */
  const found = async () => {
    place.context.forgedRows.clear();
    await inspect(place.context);
    return Object.fromEntries(place.context.forgedRows);
  };

  it("among the admins' acts holds no act up; it is taken away and reported", async () => {
    assert.equal((await suspend("dora")).statusCode, 303);
    await sql(
      "insert into admin_acts select gen_random_uuid(), $1, actor_id, kind, day, undoes, sealed, tag from admin_acts limit 1",
      [HIGHEST],
    );
    await inspect(place.context);
    assert.equal(place.context.seen.acts, 1, "what others made up is nothing that was reached");
    place.context.forgedRows.clear();
    assert.equal((await reinstate("dora")).statusCode, 303);
    assert.deepEqual(await numbersOf("admin_acts"), [1, 2]);
    assert.equal(place.context.forgedRows.get("admin_acts"), 1);
    assert.deepEqual(await found(), {});
  });

  for (const made of ["the next", "the highest"]) {
    it(`as ${made} version of a member holds up neither an act on that one nor the owner's sign-in`, async () => {
      const acts = [
        { name: "an admin", act: () => suspend("dora"), undo: () => reinstate("dora") },
        {
          name: "a use case",
          act: () => setStatus(place.context, { username: "dora", domain: "localhost" }, "suspended"),
          undo: () => setStatus(place.context, { username: "dora", domain: "localhost" }, "active"),
        },
      ];
      for (const { name, act, undo } of acts) {
        const known = (await versionsOf("dora")).length;
        await raiseVersion("dora", made === "the next" ? known + 1 : HIGHEST);
        await act();
        assert.equal((await versionsOf("dora")).at(-1), `${known + 1} suspended`, name);
        await undo();
        assert.equal((await versionsOf("dora")).length, known + 2, name);
      }
      const known = (await versionsOf("ivo")).length;
      await raiseVersion("ivo", made === "the next" ? known + 1 : HIGHEST);
      assert.equal((await ivo.signIn()).statusCode, 303);
      assert.equal((await versionsOf("ivo")).at(-1), `${known + 1} active`);
      assert.equal(place.context.forgedRows.get("people"), 3, "each was reported");
      assert.match((await ivo.get("/")).body, /What others see of your account was not as Kith wrote it/);
      assert.deepEqual(await found(), {});
    });
  }

  it("among the review keys hides none: who joins meanwhile stands in the tree", async () => {
    await sql(
      "insert into review_keys select gen_random_uuid(), public_key, fingerprint, tag, 2, previous from review_keys",
    );
    await inspect(place.context);
    await dora.signIn();
    await dora.bring("early");
    await sql("delete from review_keys where number = 2");
    await dora.bring("late");
    await nour.signIn();
    await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree");
    const { body } = await nour.get("/admin/tree");
    for (const name of ["early", "late"]) assert.match(body, new RegExp(`data-username="${name}" data-depth="2"`));
  });

  it("among the review keys is no key's number: the next one takes it", async () => {
    await nour.post("/admin/accounts/role", { username: "ivo", role: "admin" }, "/admin/accounts");
    await sql(
      "insert into review_keys select gen_random_uuid(), public_key, fingerprint, tag, 2, previous from review_keys",
    );
    await nour.post("/admin/accounts/role", { username: "ivo", role: "member" }, "/admin/accounts");
    assert.deepEqual(await numbersOf("review_keys"), [1, 2]);
    assert.deepEqual(await found(), {});
  });

  it("instead of the newest review key lets nobody join, and says so, until that is back", async () => {
    const letter = await dora.invite();
    const [{ tag }] = await sql("select tag from review_keys order by number desc limit 1");
    await sql("update review_keys set tag = '\\x00' where number = 2");
    const zoe = new Visitor(place.app);
    const refused = await zoe.join(letter, "zoe");
    assert.equal(refused.statusCode, 503);
    assert.match(refused.body, /Nobody can join at the moment/);
    assert.match(place.log.join(""), /nobody can join: the newest review key is missing/);
    await sql("update review_keys set tag = $1 where number = 2", [tag]);
    assert.equal((await zoe.join(letter, "zoe")).statusCode, 303, "the letter was not used");
  });
});

it("a row that somebody else made up hides neither that the tree was opened nor that an act can be taken back", async () => {
  const { context, founder } = await openPlace();
  const admin = await founder();
  await admin.bring("dora");
  await admin.post("/admin/tree", { current_password: passwordOf(admin.username) }, "/admin/tree");
  await admin.post("/admin/accounts/suspend", { username: "dora", reason: "Spam." }, "/admin/accounts");
  const copy = (kind: string, number: string, undoes: string, times: number) =>
    context.pool.query(
      `insert into admin_acts select gen_random_uuid(), ${number}, actor_id, kind, day, ${undoes}, sealed, tag
       from admin_acts cross join generate_series(1, $2) as time where kind = $1`,
      [kind, times],
    );
  await copy("tree-opened", `${HIGHEST} - time`, "undoes", 5);
  await copy("suspended", "0", "id", 1);
  const { rows } = await context.pool.query("select id from admin_acts where kind = 'suspended' and number > 0");
  assert.match((await admin.get("/")).body, /The invite tree was last opened/);
  const undo = await admin.post("/admin/log/undo", { act: rows[0].id }, "/admin/log");
  assert.equal(undo.headers.location, "/admin/log");
});
