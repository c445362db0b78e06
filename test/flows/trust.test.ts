import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { openPlace, type Place, passwordOf, textOf, type Visitor, wordsOf } from "../support/app.js";
import { contents, slotsOf } from "../support/pages.js";

describe("trusting somebody", () => {
  let place: Place;
  let nour: Visitor;
  let ada: Visitor;
  before(async () => {
    place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "40" } });
    nour = await place.founder();
    for (const name of ["bea", "cem", "dora", "emil", "fay", "gil", "hana", "ivo"])
      await nour.bring(name, { trust: false });
    ada = await nour.bring("ada", { trust: false });
  });
  const names = async () =>
    [...(await ada.get("/trust")).body.matchAll(/data-testid="trusted"(.*?)<\/li>/gs)]
      .map((match) => /name="username" value="([^"]+)"/.exec(match[1] as string)?.[1])
      .sort();

  it("by name puts that person on the list, and writes all S rows anew, of the same lengths", async () => {
    const { pool } = place.context;
    const before = await slotsOf(pool, "ada");
    const everybody = await contents(pool, ["people", "spent_invites", "reset_cases"]);
    assert.equal((await ada.trust("Bea")).statusCode, 303);
    assert.deepEqual(await names(), ["bea"]);
    const after = await slotsOf(pool, "ada");
    assert.equal(after.length, before.length);
    for (const [index, row] of after.entries()) {
      for (const column of ["sealed_trusted", "sealed_token", "token_hash", "tag"]) {
        assert.notDeepEqual(row[column], before[index][column]);
        assert.equal(row[column].length, before[index][column].length);
      }
    }
    assert.deepEqual(await contents(pool, ["people", "spent_invites", "reset_cases"]), everybody);
  });

  it("leaves the account and rows of the other one exactly as they were", async () => {
    const { pool } = place.context;
    const rows = async () =>
      (await pool.query("select a.xmin, a.xmax, a::text from accounts a where username in ('bea', 'cem')")).rows;
    const relations = async () => [await slotsOf(pool, "bea"), await slotsOf(pool, "cem")];
    const before = [await rows(), await relations()];
    await ada.trust("cem");
    assert.deepEqual([await rows(), await relations()], before);
  });

  it("refuses oneself, unknown and suspended people, and the same one twice, and changes nothing", async () => {
    await setStatus(place.context, { username: "ivo", domain: "localhost" }, "suspended");
    const before = await contents(place.context.pool);
    for (const name of [
      "ada",
      "ADA@localhost",
      "zoe",
      "",
      " ",
      "ivo",
      "bea",
      "bea@localhost",
      "bea@else.example",
      "<b>",
      "x".repeat(400),
    ]) {
      const answer = await ada.trust(name);
      assert.equal(answer.statusCode, 422, name);
      assert.match(answer.body, /role="alert"/);
      assert.ok(!answer.body.includes("<b>zoe") && !answer.body.includes('value="<b>'));
    }
    assert.deepEqual(await contents(place.context.pool), before);
  });

  it("stops at S people, says so, and has room again when one is removed", async () => {
    for (const name of ["dora", "emil", "fay", "gil", "hana", "nour"])
      assert.equal((await ada.trust(name)).statusCode, 303);
    await setStatus(place.context, { username: "ivo", domain: "localhost" }, "active");
    const before = await contents(place.context.pool);
    const full = await ada.trust("ivo");
    assert.equal(full.statusCode, 422);
    assert.match(full.body, /8/);
    assert.deepEqual(await contents(place.context.pool), before);
    assert.equal((await ada.post("/trust/remove", { username: "nour" }, "/trust")).statusCode, 303);
    assert.equal((await ada.trust("ivo")).statusCode, 303);
    assert.deepEqual(await names(), ["bea", "cem", "dora", "emil", "fay", "gil", "hana", "ivo"]);
  });

  it("is seen at once by the member's other sessions, which had opened the list before", async () => {
    const other = place.visitor();
    await other.signIn("ada");
    const names = async () => [...(await other.get("/trust")).body.matchAll(/data-testid="trusted"/g)].length;
    const before = await names();
    await ada.post("/trust/remove", { username: "bea", confirm: "on" }, "/trust");
    assert.equal(await names(), before - 1);
    await ada.trust("bea");
    assert.equal(await names(), before);
  });

  it("is undone by removing: who was removed can't help from that moment, all others can", async () => {
    const [bea, cem] = [place.visitor(), place.visitor()];
    await bea.signIn("bea");
    await cem.signIn("cem");
    assert.ok(textOf((await bea.help("ada")).body, "handover-link"));
    assert.equal((await ada.post("/trust/remove", { username: "bea" }, "/trust")).statusCode, 303);
    assert.equal(textOf((await bea.help("ada")).body, "handover-link"), undefined);
    assert.ok(textOf((await cem.help("ada")).body, "handover-link"));
    const before = await contents(place.context.pool);
    for (const name of ["bea", "nobody-here", ""]) {
      assert.equal((await ada.post("/trust/remove", { username: name }, "/trust")).statusCode, 422, name);
    }
    assert.deepEqual(await contents(place.context.pool), before);
  });

  it("asks before fewer are left than must agree", async () => {
    for (const name of ["dora", "emil", "fay", "gil", "hana"]) {
      assert.equal((await ada.post("/trust/remove", { username: name }, "/trust")).statusCode, 303);
    }
    assert.equal((await ada.rules(2)).statusCode, 303);
    const before = await contents(place.context.pool);
    const asked = await ada.post("/trust/remove", { username: "cem" }, "/trust");
    assert.equal(asked.statusCode, 422);
    assert.deepEqual(await contents(place.context.pool), before);
    assert.equal((await ada.post("/trust/remove", { username: "cem", confirm: "on" }, "/trust")).statusCode, 303);
    assert.deepEqual(await names(), ["ivo"]);
    await ada.rules(1);
  });

  it("shows who was suspended as not counting, and takes them back when they are reinstated", async () => {
    const status = (to: "active" | "suspended") =>
      setStatus(place.context, { username: "ivo", domain: "localhost" }, to);
    await status("suspended");
    assert.match((await ada.get("/trust")).body, /suspended/i);
    await ada.signIn();
    await status("active");
    const ivo = place.visitor();
    await ivo.signIn("ivo");
    assert.equal(textOf((await ivo.help("ada")).body, "handover-link"), undefined, "held since the last sign-in");
    await ada.signIn();
    assert.ok(textOf((await ivo.help("ada")).body, "handover-link"), "the next sign-in heals it");
  });

  it("by two requests at once loses neither", async () => {
    for (const name of ["bea", "cem", "dora"])
      await ada.post("/trust/remove", { username: name, confirm: "on" }, "/trust");
    const answers = await Promise.all(["bea", "cem", "dora"].map((name) => ada.trust(name)));
    assert.deepEqual(
      answers.map((answer) => answer.statusCode),
      [303, 303, 303],
    );
    assert.deepEqual(await names(), ["bea", "cem", "dora", "ivo"]);
  });
});

describe("a trusted person's new key", () => {
  it("waits for a yes, unless the operator has it taken silently", async () => {
    for (const hold of [true, false]) {
      const place = await openPlace({ env: { KITH_HOLD_ON_KEY_CHANGE: String(hold) } });
      const nour = await place.founder();
      const bea = await nour.bring("bea", { trust: false });
      const ada = await nour.bring("ada", { trust: false });
      await ada.trust("bea");
      await bea.trust("ada");
      // Ada is reset by Bea; Bea trusts Ada.
      const path = await bea.openCase("ada");
      const locked = place.visitor();
      const words = wordsOf((await locked.post(path, { password: passwordOf("ada", 2) }, path)).body);
      await bea.agree("ada", words);
      await locked.signIn("ada", passwordOf("ada", 2));
      const canHelp = async () => textOf((await locked.help("bea")).body, "handover-link") !== undefined;
      assert.equal(await canHelp(), false);
      const landing = await bea.signIn();
      assert.equal(landing.headers.location, hold ? "/trust/confirm" : "/");
      assert.equal(await canHelp(), !hold);
      if (!hold) continue;
      await bea.signIn();
      assert.equal(await canHelp(), false, "signing in again is no yes");
      assert.equal((await bea.post("/trust/confirm", { username: "nour" }, "/trust")).statusCode, 422);
      assert.equal(await canHelp(), false, "a yes for somebody else is none");
      await bea.post("/trust/confirm", { username: "ada" }, "/trust");
      assert.equal(await canHelp(), true);
    }
  });
});
