import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { casesOf, openPlace, type Place, passwordOf, textOf, type Visitor, wordsOf } from "../support/app.js";
import { assertSame, contents, countRows } from "../support/pages.js";

describe("helping somebody", () => {
  let place: Place;
  let nour: Visitor;
  let ada: Visitor;
  let bea: Visitor;
  let cem: Visitor;
  before(async () => {
    place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "40" } });
    nour = await place.founder();
    bea = await nour.bring("bea");
    cem = await nour.bring("cem", { trust: false });
    ada = await nour.bring("ada", { trust: false });
    const sus = await nour.bring("sus", { trust: false });
    await sus.trust("bea");
    await ada.trust("bea");
    await setStatus(place.context, { username: "sus", domain: "localhost" }, "suspended");
  });

  it("says the same of somebody unknown, who does not trust me, who is suspended, and of myself, byte for byte", async () => {
    const before = await contents(place.context.pool);
    const unknown = await bea.help("zoe");
    assert.equal(unknown.statusCode, 200);
    // Suspended, though bea is in the list; cem and nour do not trust bea; forms that no name can have.
    for (const name of [
      "sus",
      "cem",
      "nour",
      "bea",
      "z",
      "zoe@else.example",
      "not a name",
      "x".repeat(500),
      "a@b@c",
      "<i>",
    ]) {
      assertSame(await bea.help(name), unknown, name);
      assertSame(await bea.help(name, true), unknown, `${name}, anew`);
    }
    // Ada and her people are not asked about a case that is not there: nobody would notice who tries.
    for (const name of ["sus", "cem", "bea", "zoe", "ada"]) {
      const fields = { username: name, case: "00000000-0000-0000-0000-000000000000" };
      assertSame(await bea.post("/help/approve", fields, "/help"), unknown, `approving ${name}`);
    }
    assert.deepEqual(await contents(place.context.pool), before);
  });

  it("opens a case that approves nothing, and stores nothing of it with the helper's session", async () => {
    const answer = await bea.help("ada");
    assert.equal(answer.statusCode, 200);
    const link = textOf(answer.body, "handover-link") as string;
    assert.match(new URL(link).pathname, /^\/handover\/[A-Za-z0-9_-]{43}$/);
    assert.match(answer.body, /<svg/, "with a QR code");
    assert.equal(await countRows(place.context.pool, "reset_cases"), 1);
    assert.equal(await countRows(place.context.pool, "approvals"), 0);
    const again = await bea.help("ada");
    assert.equal(textOf(again.body, "handover-link"), undefined, "shown once");
    assert.equal((await place.visitor().get(new URL(link).pathname)).statusCode, 200, "and still good");
    const fresh = await bea.openCase("ada", true);
    assert.equal((await place.visitor().get(new URL(link).pathname)).statusCode, 404, "replaced by the one begun anew");
    assert.equal((await place.visitor().get(fresh)).statusCode, 200);
    assert.equal(await countRows(place.context.pool, "reset_cases"), 1, "one for each row");
  });

  it("shows one and the same page for links that are unknown, used, replaced, stopped, expired, or of somebody suspended", async () => {
    const unknown = await place.visitor().get(`/handover/${"A".repeat(43)}`);
    assert.equal(unknown.statusCode, 404);
    const same = async (path: string, why: string) => assertSame(await place.visitor().get(path), unknown, why);
    await same("/handover/x", "no link at all");
    const replaced = await bea.openCase("ada", true);
    const used = await bea.openCase("ada", true);
    await same(replaced, "replaced");
    await same(`${used.slice(0, -2)}AA`, "altered");
    const password = passwordOf("ada", 2);
    assert.equal((await place.visitor().post(used, { password }, used)).statusCode, 200);
    await same(used, "used");
    const stopped = await bea.openCase("ada", true);
    await ada.signIn();
    await same(stopped, "stopped");
    const suspended = await bea.openCase("ada", true);
    await setStatus(place.context, { username: "ada", domain: "localhost" }, "suspended");
    await same(suspended, "suspended");
    await setStatus(place.context, { username: "ada", domain: "localhost" }, "active");
    await ada.signIn();
    const expired = await bea.openCase("ada", true);
    const before = await contents(place.context.pool);
    for (const path of [replaced, used, stopped, suspended, "/handover/x"]) {
      assert.equal((await place.visitor().post(path, { password }, "/about")).statusCode, 404);
    }
    assert.deepEqual(await contents(place.context.pool), before);
    place.days(44);
    assert.equal((await place.visitor().get(expired)).statusCode, 200, "good up to its last day");
    place.days(1);
    await same(expired, "expired");
    for (const visitor of [nour, ada, bea, cem]) await visitor.signIn();
  });

  it("by a link asks for a password by the rules, and the link lives until one is chosen", async () => {
    const path = await bea.openCase("ada", true);
    const locked = place.visitor();
    const before = await contents(place.context.pool);
    for (const password of [
      "",
      "short",
      "x".repeat(257),
      "passwordpassword",
      "ada and her orchard",
      "aaaaaaaaaaaaaaaaaaaa",
    ]) {
      const answer = await locked.post(path, { password }, path);
      assert.equal(answer.statusCode, 422, password);
      if (password.length > 6) assert.ok(!answer.body.includes(password));
      assert.equal(wordsOf(answer.body).length, 0);
    }
    for (let looks = 0; looks < 3; looks++)
      assert.equal((await place.visitor().get(path)).statusCode, 200, "a preview changes nothing");
    assert.deepEqual(await contents(place.context.pool), before);
    const done = await locked.post(path, { password: passwordOf("ada", 2) }, path);
    assert.equal(done.statusCode, 200);
    assert.equal(wordsOf(done.body).length, 4);
    assert.ok(!locked.cookies.has("session"));
    assert.equal((await locked.post(path, { password: passwordOf("ada", 3) }, "/about")).statusCode, 404);
    assert.equal(
      (await locked.signIn("ada", passwordOf("ada", 3))).statusCode,
      422,
      "what the second one chose counts for nothing",
    );
    assert.equal((await locked.signIn("ada", passwordOf("ada", 2))).statusCode, 200, "and the first is waiting");
    await ada.signIn();
  });

  it("by one link raced by two lets one choose, and the other sees a dead link", async () => {
    for (let round = 0; round < 4; round++) {
      const path = await bea.openCase("ada", true);
      const answers = await Promise.all(
        [5, 6, 7].map((version) => place.visitor().post(path, { password: passwordOf("ada", version) }, "/about")),
      );
      assert.deepEqual(answers.map((answer) => answer.statusCode).sort(), [200, 404, 404]);
      const waiting = await Promise.all(
        [5, 6, 7].map(async (version) => (await place.visitor().signIn("ada", passwordOf("ada", version))).statusCode),
      );
      assert.deepEqual(
        waiting,
        answers.map((answer) => (answer.statusCode === 200 ? 200 : 422)),
      );
      const winner = answers.find((answer) => answer.statusCode === 200);
      const cases = casesOf((await bea.help("ada")).body);
      assert.deepEqual(
        cases.map((one) => one.words),
        [wordsOf(winner?.body as string)],
        "the helper sees the winner's words",
      );
    }
  });

  it("counts an approval once, however often and from how many requests it is sent", async () => {
    const path = await bea.openCase("ada", true);
    const words = wordsOf((await place.visitor().post(path, { password: passwordOf("ada", 8) }, path)).body);
    const [found] = casesOf((await bea.help("ada")).body);
    assert.deepEqual(found?.words, words);
    const fields = { username: "ada", case: found?.id as string };
    const answers = await Promise.all(Array.from({ length: 4 }, () => bea.post("/help/approve", fields, "/help")));
    for (const answer of answers) assert.equal(answer.statusCode, 303);
    assert.equal(await countRows(place.context.pool, "approvals"), 1);
  });

  it("refuses to agree to a case that is another's, ended, or made up", async () => {
    await ada.signIn();
    const path = await bea.openCase("ada", true);
    await place.visitor().post(path, { password: passwordOf("ada", 9) }, path);
    const [found] = casesOf((await bea.help("ada")).body);
    const id = found?.id as string;
    const before = await contents(place.context.pool);
    for (const [who, name, one] of [
      [cem, "ada", id],
      [nour, "ada", id],
      [ada, "ada", id],
      [bea, "nour", id],
      [bea, "ada", "00000000-0000-0000-0000-000000000000"],
      [bea, "ada", "x"],
      [bea, "ada", ""],
    ] as const) {
      assert.notEqual((await who.post("/help/approve", { username: name, case: one }, "/help")).statusCode, 303);
    }
    assert.deepEqual(await contents(place.context.pool), before);
    await ada.signIn();
    const ended = await bea.post("/help/approve", { username: "ada", case: id }, "/help");
    assertSame(ended, await bea.help("zoe"), "ended");
    assert.equal(await countRows(place.context.pool, "approvals"), 0);
  });

  it("is stopped by a sign-in with the old password, by the button of an open session, and by nobody else", async () => {
    const begin = async () => {
      const path = await bea.openCase("ada", true);
      const words = wordsOf((await place.visitor().post(path, { password: passwordOf("ada", 10) }, path)).body);
      await bea.agree("ada", words);
    };
    const standing = async () => (await place.visitor().signIn("ada", passwordOf("ada", 10))).statusCode;
    await ada.signIn();
    await begin();
    assert.match((await ada.get("/trust")).body, /\/resets\/stop/, "an open session sees it on every page");
    await bea.post("/resets/stop", {}, "/help");
    await cem.signIn();
    assert.equal(await countRows(place.context.pool, "reset_cases"), 1, "others can't stop it");
    assert.equal((await ada.post("/resets/stop", {}, "/trust")).statusCode, 303);
    assert.equal(await standing(), 422);
    await begin();
    await ada.signIn();
    assert.match((await ada.get("/")).body, /bea/, "and who had agreed is told");
    assert.equal(await standing(), 422);
    await begin();
    assert.equal(await standing(), 303, "and left alone, it is complete");
  });

  it("of an approval and a stop at once has one outcome: the case is over, or it is complete", async () => {
    const eva = await nour.bring("eva", { trust: false });
    await eva.trust("bea");
    await eva.signIn("eva");
    for (let round = 0; round < 4; round++) {
      const path = await bea.openCase("eva", true);
      const password = passwordOf("eva", 20 + round);
      const words = wordsOf((await place.visitor().post(path, { password }, path)).body);
      const [found] = casesOf((await bea.help("eva")).body);
      assert.deepEqual(found?.words, words);
      const [, stopped] = await Promise.all([
        bea.post("/help/approve", { username: "eva", case: found?.id as string }, "/help"),
        eva.post("/resets/stop", {}, "/trust"),
      ]);
      assert.equal(stopped.statusCode, 303);
      assert.equal((await place.visitor().signIn("eva", password)).statusCode, 422, "stopped is stopped");
      assert.equal(await countRows(place.context.pool, "approvals"), 0);
    }
  });
});
