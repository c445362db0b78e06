import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { countOf, openPlace, type Place, passwordOf, textOf, type Visitor } from "../support/app.js";
import { accountOf, contents } from "../support/pages.js";
import { watchStatements } from "../support/statements.js";

describe("changing the password", () => {
  let place: Place;
  let ada: Visitor;
  let bea: Visitor;
  before(async () => {
    place = await openPlace();
    const nour = await place.founder();
    bea = await nour.bring("bea");
    ada = await nour.bring("ada");
    await ada.trust("bea");
    await bea.trust("ada");
  });
  const change = (current_password: string, password: string) =>
    ada.post("/security/password", { current_password, password }, "/security");

  it("is refused with a wrong current password, the same one, or a weak one, and changes nothing", async () => {
    const before = await contents(place.context.pool);
    const cookie = ada.cookies.get("session");
    for (const [current, next] of [
      ["9 wrong wrong wrong", passwordOf("ada", 2)],
      ["", passwordOf("ada", 2)],
      [passwordOf("ada"), passwordOf("ada")],
      [passwordOf("ada"), "short"],
      [passwordOf("ada"), ""],
      [passwordOf("ada"), "my name is ada of course"],
    ] as const) {
      const answer = await change(current, next);
      assert.equal(answer.statusCode, 422, `${current} → ${next}`);
      if (next.length > 10) assert.ok(!answer.body.includes(next));
    }
    assert.deepEqual(await contents(place.context.pool), before);
    assert.equal(ada.cookies.get("session"), cookie);
    assert.equal((await place.visitor().signIn("ada")).statusCode, 303, "the old password still is the password");
  });

  it("keeps the key and every relation: helpers can still help, and one can still help others", async () => {
    const before = await accountOf(place.context.pool, "ada");
    const other = place.visitor();
    await other.signIn("ada");
    const oldCookie = other.cookies.get("session") as string;
    const { rows: sessions } = await place.context.pool.query("select * from sessions");
    assert.equal((await change(passwordOf("ada"), passwordOf("ada", 2))).statusCode, 303);
    const after = await accountOf(place.context.pool, "ada");
    assert.deepEqual(after.fingerprint, before.fingerprint, "the same key");
    assert.notDeepEqual(after.salt, before.salt);
    assert.notDeepEqual(after.locked_key, before.locked_key);
    assert.equal(after.locked_key.length, before.locked_key.length);
    assert.equal(after.people_version, before.people_version, "nobody else learns of it");
    assert.equal(countOf((await ada.get("/trust")).body, "trusted"), 2);
    assert.ok(textOf((await ada.help("bea")).body, "handover-link"));
    assert.ok(textOf((await bea.help("ada")).body, "handover-link"));

    assert.equal((await other.get("/trust")).statusCode, 303, "every other session is over");
    await other.signOut();
    for (const { id, sealed, expiry_day } of sessions) {
      await place.context.pool.query("insert into sessions values ($1, $2, $3) on conflict do nothing", [
        id,
        sealed,
        expiry_day,
      ]);
    }
    other.cookies.set("session", oldCookie);
    assert.equal((await other.get("/trust")).statusCode, 303, "also when its row is put back, or was on no list");
    assert.equal((await place.visitor().signIn("ada")).statusCode, 422, "the old password");
    assert.equal((await place.visitor().signIn("ada", passwordOf("ada", 2))).statusCode, 303);
  });

  it("ends a reset that is under way", async () => {
    const path = await bea.openCase("ada", true);
    assert.equal((await place.visitor().get(path)).statusCode, 200);
    assert.equal((await change(passwordOf("ada", 2), passwordOf("ada", 3))).statusCode, 303);
    assert.equal((await place.visitor().get(path)).statusCode, 404);
  });

  it("of two at once leaves a password that opens, and no session of the one that lost", async () => {
    const second = place.visitor();
    await second.signIn("ada", passwordOf("ada", 3));
    await ada.signIn("ada", passwordOf("ada", 3));
    const answers = await Promise.all([
      change(passwordOf("ada", 3), passwordOf("ada", 4)),
      second.post(
        "/security/password",
        { current_password: passwordOf("ada", 3), password: passwordOf("ada", 5) },
        "/security",
      ),
    ]);
    for (const answer of answers) assert.ok(answer.statusCode < 500);
    const opens = await Promise.all(
      [4, 5].map(
        async (version) => (await place.visitor().signIn("ada", passwordOf("ada", version))).statusCode === 303,
      ),
    );
    assert.equal(opens.filter(Boolean).length, 1);
    const alive = await Promise.all(
      [ada, second].map(async (visitor) => (await visitor.get("/trust")).statusCode === 200),
    );
    assert.ok(alive.filter(Boolean).length <= 1);
  });
});

describe("the list of sessions", () => {
  it("ends one, or all others, and the one that did it goes on", async () => {
    const place = await openPlace();
    const ada = await (await place.founder()).bring("ada");
    const [one, two] = [place.visitor(), place.visitor()];
    await one.signIn("ada");
    await two.signIn("ada");
    const page = (await ada.get("/security")).body;
    const ids = [...page.matchAll(/name="session" value="([^"]+)"/g)].map((match) => match[1] as string);
    assert.equal(ids.length, 2, "all but this one");
    await ada.post("/security/sessions/end", { session: ids[0] as string }, "/security");
    const alive = async () =>
      Promise.all([ada, one, two].map(async (who) => (await who.get("/trust")).statusCode === 200));
    assert.deepEqual((await alive()).filter(Boolean).length, 2);
    await ada.post("/security/sessions/end", { session: "00000000-0000-0000-0000-000000000000" }, "/security");
    assert.deepEqual((await alive()).filter(Boolean).length, 2, "an unknown id ends nothing");
    const cookie = ada.cookies.get("session") as string;
    await ada.post("/security/sessions/end", { all: "all" }, "/security");
    assert.deepEqual(await alive(), [true, false, false]);
    assert.notEqual(ada.cookies.get("session"), cookie);
    ada.cookies.set("session", cookie);
    assert.equal((await ada.get("/trust")).statusCode, 303, "its old cookie is over too");
  });

  it("never leaves one out that goes on, also where Kith is stopped in the middle of ending it", async () => {
    const place = await openPlace();
    const ada = await (await place.founder()).bring("ada");
    const thief = place.visitor();
    await thief.signIn("ada");
    const which = /name="session" value="([^"]+)"/.exec((await ada.get("/security")).body)?.[1] as string;
    let statements = 0;
    await watchStatements(place.context.pool, (text) => {
      if (/^\s*(with|update|insert|delete|begin)/i.test(text) && ++statements === cut) throw new Error("cut off");
    });
    let cut = 0;
    for (let at = 1; at <= 40; at++) {
      [statements, cut] = [0, at];
      const answer = await ada.post("/security/sessions/end", { session: which }, "/security");
      cut = 0;
      const isOpen = (await thief.get("/trust")).statusCode === 200;
      const isListed = (await ada.get("/security")).body.includes(which);
      assert.ok(isListed || !isOpen, `cut at change ${at}`);
      if (answer.statusCode === 303) return assert.ok(!isListed && !isOpen);
    }
    assert.fail("it was never done");
  });

  it("shows those that are open, twenty at most: beyond that the oldest ends", async () => {
    const place = await openPlace();
    const ada = await (await place.founder()).bring("ada");
    const gone = place.visitor();
    await gone.signIn("ada");
    await gone.signOut();
    const listed = async () => [...(await ada.get("/security")).body.matchAll(/name="session" value="[^"]+"/g)].length;
    assert.equal(await listed(), 0, "who signed out is not shown");
    const others = Array.from({ length: 20 }, () => place.visitor());
    for (const other of others) await other.signIn("ada");
    assert.equal((await ada.get("/trust")).statusCode, 303, "the oldest of twenty-one is over");
    await ada.signIn();
    assert.equal((await others[0]?.get("/trust"))?.statusCode, 303, "and the next oldest");
    assert.equal((await others[1]?.get("/trust"))?.statusCode, 200);
    assert.equal(await listed(), 19, "the others can all be ended one by one");
    const { rows } = await place.context.pool.query("select count(*)::int as count from sessions");
    assert.equal(rows[0].count, 21, "twenty of ada's, and nour's");
  });
});
