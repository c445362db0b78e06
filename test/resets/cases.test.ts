import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { buttonsOf, casesOf, passwordOf, textOf, type Visitor, wordsOf } from "../support/app.js";
import { contents } from "../support/pages.js";
import { choose, openCommunity, readable, trustAll, turnOnSecondStep } from "../support/resets.js";

describe("a reset that several must agree to", () => {
  it("ripens when k have agreed and the wait is over, and says what is missing until then", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2, waitDays: 3 });
    const path = await who.bea.openCase("ada");
    const { browser, words, body } = await choose(place, path, passwordOf("ada", 2));
    assert.match(readable(body), /The one who gave you the link, and one more/);
    assert.match(readable(body), /0 of 2 have agreed/);

    const signIn = () => browser.signIn("ada", passwordOf("ada", 2));
    const missing = async (expected: RegExp) => {
      const answer = await signIn();
      assert.equal(answer.statusCode, 200);
      assert.equal(answer.cookies.filter((cookie) => cookie.name.includes("session")).length, 0, "no cookie");
      assert.deepEqual(wordsOf(answer.body), words);
      assert.match(readable(answer.body), expected);
    };
    await missing(/when two people have agreed, and not before/);
    await who.bea.agree("ada", words);
    await missing(/when one more person has agreed, and not before .* 1 of 2 have agreed .* 3 days are left/);
    await who.cem.agree("ada", words);
    await missing(/enough people have agreed. It opens your account from/);
    place.days(2);
    await missing(/One day is left/);
    place.days(1);
    const before = await place.context.db.selectFrom("accounts").selectAll().where("username", "=", "ada").execute();
    assert.equal((await signIn()).statusCode, 303);
    const after = await place.context.db.selectFrom("accounts").selectAll().where("username", "=", "ada").execute();
    assert.notDeepEqual(after[0]?.generation, before[0]?.generation);
    assert.equal((await place.context.db.selectFrom("reset_cases").selectAll().execute()).length, 0);
    assert.equal((await place.context.db.selectFrom("approvals").selectAll().execute()).length, 0);
    assert.equal((await place.visitor().signIn("ada", passwordOf("ada"))).statusCode, 422, "the old password is gone");
  });

  it("leaves no trace of the helper beside it: no session is written, and the page that follows is shown once", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    const { words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const sessions = async () =>
      (await place.context.pool.query("select xmin, ctid, * from sessions order by id")).rows as unknown[];
    const before = await sessions();
    assert.equal((await who.bea.agree("ada", words)).statusCode, 303);
    const note = who.bea.cookies.get("note") ?? "";
    const stolen = await who.cem.request("GET", "/help/agreed", undefined, {
      cookie: `session=${who.cem.cookies.get("session")}; note=${note}`,
    });
    assert.equal(stolen.statusCode, 303, "nobody else's browser can read it");
    assert.match(readable((await who.bea.get("/help/agreed")).body), /can sign in/);
    assert.equal((await who.bea.get("/help/agreed")).statusCode, 303);
    assert.deepEqual(await sessions(), before);
  });

  it("two who wait and one who agrees too early or late: the wait counts from the choice", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 5 });
    const path = await who.bea.openCase("ada");
    place.days(4);
    const { browser, words } = await choose(place, path, passwordOf("ada", 2));
    place.days(4);
    await who.bea.signIn();
    await who.bea.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 200);
    place.advance(23 * 3_600_000);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 200, "whole days");
    place.advance(3_600_000);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
  });

  it("what is missing is said to whoever has the new password, and to nobody else", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 2 });
    const stranger = place.visitor();
    const plain = (html: string) => html.replaceAll(/name="_csrf" value="[^"]*"/g, "");
    const without = await stranger.signIn("ada", "not the password at all");
    await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const during = await stranger.signIn("ada", "not the password at all");
    assert.equal(during.statusCode, 422);
    assert.equal(plain(during.body), plain(without.body), "byte for byte");
  });

  it("takes effect when it is ripe, also where the same password was chosen by a second link", async () => {
    for (const later of ["bea", "cem"] as const) {
      const earlier = later === "bea" ? "cem" : "bea";
      const { place, who } = await openCommunity(["ada", "bea", "cem"]);
      await trustAll(who.ada, ["bea", "cem"], { threshold: 2, waitDays: 3 });
      const password = passwordOf("ada", 2);
      const first = await choose(place, await who[earlier].openCase("ada"), password);
      await choose(place, await who[later].openCase("ada", true), password);
      for (const helper of [who.bea, who.cem]) await helper.agree("ada", first.words);
      const waiting = await place.visitor().signIn("ada", password);
      assert.deepEqual(wordsOf(waiting.body), first.words, "the one that is further is told of");
      assert.match(readable(waiting.body), /2 of 2|enough people have agreed/);
      place.days(3);
      assert.equal((await place.visitor().signIn("ada", password)).statusCode, 303);
    }
  });

  it("two cases of different helpers stand side by side, and the words tell them apart", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2 });
    const real = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    // Dora was tricked, or is the one who tries: she begins one herself and chooses with her own link.
    const forged = await choose(place, await who.dora.openCase("ada", true), passwordOf("intruder"));
    assert.notDeepEqual(real.words, forged.words);

    const compare = await who.cem.help("ada");
    const shown = casesOf(compare.body).map((one) => one.words.join(" "));
    assert.deepEqual(new Set(shown), new Set([real.words.join(" "), forged.words.join(" ")]));
    assert.match(readable(compare.body), /Two resets of ada’s password are open/);
    assert.match(readable(compare.body), /If the words differ, somebody else is trying to get in\./);
    assert.match(readable(compare.body), /tell ada that there was another/);

    await who.bea.agree("ada", real.words);
    await who.cem.agree("ada", real.words);
    await who.dora.agree("ada", forged.words);
    assert.match(readable((await forged.browser.signIn("ada", passwordOf("intruder"))).body), /1 of 2 have agreed/);
    assert.equal((await real.browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
    const late = await forged.browser.signIn("ada", passwordOf("intruder"));
    assert.equal(late.statusCode, 422, "the other case ended with it");
  });

  it("one case alone says what to do when a word differs", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const text = readable((await who.bea.help("ada")).body);
    assert.match(text, /If one word differs Don’t agree\. Somebody else opened the link/);
    assert.match(text, /Tell ada/);
  });

  it("starting again replaces the case of that row only, with its approvals", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const ofCem = await choose(place, await who.cem.openCase("ada"), passwordOf("ada", 2));
    const firstLink = await who.bea.openCase("ada", true);
    const ofBea = await choose(place, firstLink, passwordOf("ada", 3));
    await who.bea.agree("ada", ofBea.words);
    await who.cem.agree("ada", ofBea.words);
    await who.cem.agree("ada", ofCem.words);

    const anew = await who.bea.openCase("ada", true);
    assert.notEqual(anew, firstLink);
    const compare = casesOf((await who.cem.help("ada")).body);
    assert.deepEqual(
      compare.map((one) => one.words),
      [ofCem.words],
      "cem's case is as it was",
    );
    assert.equal((await ofBea.browser.signIn("ada", passwordOf("ada", 3))).statusCode, 422, "the replaced one is over");
    assert.match(readable((await ofCem.browser.signIn("ada", passwordOf("ada", 2))).body), /1 of 2 have agreed/);
    const again = await choose(place, anew, passwordOf("ada", 3));
    assert.match(
      readable((await again.browser.signIn("ada", passwordOf("ada", 3))).body),
      /0 of 2|when two people/,
      "nobody has agreed to the new one",
    );
    const rows = await place.context.db.selectFrom("approvals").selectAll().execute();
    assert.equal(rows.length, 1, "only cem's agreement to his own case is left");
  });

  it("a row approves once", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    const again = await who.bea.agree("ada", words);
    assert.equal(again.statusCode, 303);
    assert.match(readable((await who.bea.get("/help/agreed")).body), /1 of 2 have agreed/);
    assert.match(readable((await who.bea.help("ada")).body), /You have agreed to these words/);
    assert.match(readable((await browser.signIn("ada", passwordOf("ada", 2))).body), /1 of 2 have agreed/);
  });

  it("an agreement for somebody else's case, an unknown one or one without a password is refused", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.cem, ["bea"]);
    const { words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const id = casesOf((await who.bea.help("ada")).body).find((one) => one.words.join() === words.join())?.id as string;
    const refused = async (helper: Visitor, username: string, one: string, why: string) => {
      const answer = await helper.post("/help/approve", { username, case: one }, "/help");
      assert.match(readable(answer.body), /Nothing opens for you there/, why);
    };
    await refused(who.bea, "cem", id, "the case of another member");
    await refused(who.bea, "ada", "00000000-0000-4000-8000-000000000000", "no case");
    await refused(who.bea, "ada", "nonsense", "no id");
    await who.bea.openCase("cem");
    const [open] = await place.context.db
      .selectFrom("reset_cases")
      .selectAll()
      .where("choice_day", "is", null)
      .execute();
    await refused(who.bea, "cem", open?.id as string, "nothing is chosen yet");
    await refused(who.dora, "ada", id, "nobody trusts her");
    assert.equal((await place.context.db.selectFrom("approvals").selectAll().execute()).length, 0);
  });

  it("a helper who is suspended afterwards has agreed all the same; one suspended before can't", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    const suspend = (username: string) => setStatus(place.context, { username, domain: "localhost" }, "suspended");
    await suspend("bea");
    assert.equal((await who.bea.help("ada")).statusCode, 303, "bea's session is over");
    await who.cem.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
    // Nor can anybody be helped who is suspended.
    await suspend("ada");
    assert.equal(textOf((await who.cem.help("ada")).body, "handover-link"), undefined);
  });
});

describe("the handover link", () => {
  it("is dead for everybody once a password is chosen, as an unknown one is", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const path = await who.bea.openCase("ada");
    const chosen = await choose(place, path, passwordOf("ada", 2));
    const plain = (html: string) => html.replaceAll(/(name="_csrf" value|href)="[^"]*"/g, "");
    const unknown = await place.visitor().get(`/handover/${"A".repeat(43)}`);
    assert.equal(unknown.statusCode, 404);
    for (const visitor of [chosen.browser, place.visitor(), who.bea, who.ada]) {
      assert.equal((await visitor.get(path)).statusCode, 404);
    }
    assert.equal(plain((await place.visitor().get(path)).body), plain(unknown.body), "one page for both");
    const late = await place.visitor().post(path, { password: passwordOf("thief") });
    assert.equal(late.statusCode, 404);
    assert.match(readable(late.body), /ring the person who gave you the link at once/);
    assert.equal((await place.visitor().signIn("ada", passwordOf("thief"))).statusCode, 422);
    assert.equal((await place.visitor().signIn("ada", passwordOf("ada", 2))).statusCode, 200);
  });

  it("opening it changes nothing, and a password that won't do keeps it alive", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 4 });
    const path = await who.bea.openCase("ada");
    const rows = () => place.context.db.selectFrom("reset_cases").selectAll().execute();
    const before = await rows();
    const locked = place.visitor();
    const page = await locked.get(path);
    assert.equal(page.headers["referrer-policy"], "no-referrer");
    assert.equal(page.headers["cache-control"], "no-store");
    assert.ok(!/<title>[^<]*ada/i.test(page.body), "the title names nobody");
    const short = await locked.post(path, { password: "short", lost_second_step: "on" }, path);
    assert.equal(short.statusCode, 422);
    assert.ok(!short.body.includes('value="short"'));
    assert.match(short.body, /name="lost_second_step"[^>]* checked/, "what was ticked is kept");
    assert.deepEqual(await rows(), before);
    assert.match(readable(short.body), /At least 15 characters/);
    const asked = [...page.body.matchAll(/<input[^>]*name="([^"]+)"/g)].map((match) => match[1]);
    assert.deepEqual(
      asked.filter((name) => name !== "_csrf" && name !== "username"),
      ["password", "lost_second_step"],
      "it asks for nothing that could have been forgotten",
    );
  });

  it("is not used up by asking for a passphrase, which keeps the box as it was", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const path = await who.bea.openCase("ada");
    const visitor = place.visitor();
    const { buttons, suggest } = buttonsOf((await visitor.get(path)).body);
    assert.doesNotMatch(buttons[0] as string, /suggest/, "Enter in a field sends the first button of a form");
    assert.match(suggest, /formnovalidate/);
    const before = await contents(place.context.pool);
    const password = passwordOf("ada", 2);
    const ticked = await visitor.post(path, { password, lost_second_step: "on", suggest: "1" }, path);
    assert.equal(ticked.statusCode, 200);
    assert.match(ticked.body, /id="lost_second_step"[^>]* checked/);
    assert.match(ticked.body, /id="suggestion"/);
    assert.ok(!ticked.body.includes(password));
    const unticked = await visitor.post(path, { suggest: "1" }, path);
    assert.doesNotMatch(unticked.body, /id="lost_second_step"[^>]* checked/);
    assert.match((await visitor.get(`${path}?suggest=1`)).body, /id="suggestion"/, "a link to it still works");
    assert.deepEqual(await contents(place.context.pool), before);
    await choose(place, path, password);
    const dead = await place.visitor().post(path, { suggest: "1" }, "/about");
    assert.equal(dead.statusCode, 404, "no more than a look would tell");
  });

  it("the page after choosing shows words, what is missing, and why the words matter", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 4 });
    const { body, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    assert.equal(words.length, 4);
    const text = readable(body);
    assert.match(text, /Fake requests for help are how activists were robbed of their accounts/);
    assert.match(text, /Nobody has agreed yet, and one is enough/);
    assert.match(text, /What is still missing/);
    assert.match(text, /at the earliest, with the new password/);
    assert.match(text, /The link is dead now/);
  });

  it("can't be used any more when a password chosen now could not take effect before the case expires", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 30 });
    const path = await who.bea.openCase("ada");
    place.days(14);
    assert.equal((await place.visitor().get(path)).statusCode, 200);
    place.days(1);
    assert.equal((await place.visitor().get(path)).statusCode, 404, "day 15 and 30 of waiting are more than 44");
    await who.bea.signIn();
    assert.ok(await who.bea.openCase("ada", true), "a new one can be had");
  });

  it("can't be used with the second step lost, too, where the three days of that would outlast the case", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"]);
    await turnOnSecondStep(place, who.ada);
    const [last, late] = [await who.bea.openCase("ada"), await who.cem.openCase("ada")];
    place.days(41);
    await choose(place, last, passwordOf("ada", 2), true);
    place.days(1);
    const typed = { password: passwordOf("ada", 3), lost_second_step: "on" };
    const cases = await contents(place.context.pool, ["reset_cases"]);
    assert.equal(
      (await place.visitor().post(late, typed, late)).statusCode,
      404,
      "day 42 and 3 of waiting are more than 44",
    );
    assert.deepEqual(await contents(place.context.pool, ["reset_cases"]), cases);
    await choose(place, late, passwordOf("ada", 3));
  });

  it("on the last day of the wait neither page says that it is over while it runs", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    place.advance(129_600_000 - (place.context.clock().getTime() % 86_400_000)); // noon
    await who.ada.signIn();
    await who.bea.signIn();
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 1 });
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    place.advance(13 * 3_600_000);
    await who.bea.signIn();
    await who.bea.agree("ada", words);
    assert.doesNotMatch(readable((await who.bea.get("/help/agreed")).body), /can sign in now/);
    const early = readable((await browser.signIn("ada", passwordOf("ada", 2))).body);
    assert.match(early, /The last day of the wait is still running: try again this evening, or tomorrow\./);
    assert.match(early, /Its last day is still running\./);
    place.advance(11 * 3_600_000);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
  });

  it("choosing late still ripens: the last day of choice and the longest wait fit", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 30 });
    const path = await who.bea.openCase("ada");
    place.days(14);
    const { browser, words } = await choose(place, path, passwordOf("ada", 2));
    await who.bea.signIn();
    await who.bea.agree("ada", words);
    place.days(30);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
  });
});

describe("a member with a second step", () => {
  it("is asked for the code when a ripe reset is completed, and not before", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 1 });
    const code = await turnOnSecondStep(place, who.ada);
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const early = await browser.signIn("ada", passwordOf("ada", 2));
    assert.equal(early.statusCode, 200, "what is missing, without a code");
    await who.bea.agree("ada", words);
    place.days(1);
    const ripe = await browser.signIn("ada", passwordOf("ada", 2));
    assert.equal(ripe.headers.location, "/sign-in/code");
    assert.equal((await place.context.db.selectFrom("reset_cases").selectAll().execute()).length, 1, "not yet");
    assert.equal((await browser.get("/trust")).statusCode, 303, "half a session opens nothing");
    assert.equal((await browser.post("/sign-in/code", { code: "000000" }, "/sign-in/code")).statusCode, 422);
    const done = await browser.post("/sign-in/code", { code: code() }, "/sign-in/code");
    assert.equal(done.statusCode, 303);
    assert.match((await browser.get("/")).body, /You are back in, ada/);
    assert.match(readable((await browser.get("/security")).body), /second step/i);
    const again = place.visitor();
    assert.equal((await again.signIn("ada", passwordOf("ada", 2))).headers.location, "/sign-in/code", "it is kept");
  });

  it("who was asked for the code while the reset ended begins anew, instead of typing right codes for ever", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const code = await turnOnSecondStep(place, who.ada);
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).headers.location, "/sign-in/code");
    assert.equal((await who.ada.post("/resets/stop", {}, "/trust")).statusCode, 303);
    place.advance(60_000);
    const finish = (typed: string) => browser.post("/sign-in/code", { code: typed }, "/sign-in/code");
    assert.equal((await finish("000000")).statusCode, 422, "a wrong code is told nothing");
    const before = await contents(place.context.pool);
    const over = await finish(code());
    assert.equal(over.statusCode, 303);
    assert.equal(over.headers.location, "/sign-in");
    assert.deepEqual(await contents(place.context.pool), before, "nothing but the half session is gone");
    assert.equal((await browser.get("/sign-in/code")).headers.location, "/sign-in", "the half session is over");
    assert.equal((await browser.get("/trust")).statusCode, 303);
    assert.equal((await who.ada.get("/trust")).statusCode, 200);
  });

  it("whose approvals vanished while the code was asked for is not let in by it", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    const { db } = place.context;
    await trustAll(who.ada, ["bea"]);
    const code = await turnOnSecondStep(place, who.ada);
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).headers.location, "/sign-in/code");
    await db.deleteFrom("approvals").execute();
    place.advance(60_000);
    const before = await contents(place.context.pool, ["accounts", "relations", "reset_cases"]);
    assert.equal((await browser.post("/sign-in/code", { code: code() }, "/sign-in/code")).statusCode, 422);
    assert.deepEqual(await contents(place.context.pool, ["accounts", "relations", "reset_cases"]), before);
  });

  it("who lost it too says so: approvers are shown it, and it takes at least three days", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await turnOnSecondStep(place, who.ada);
    const path = await who.bea.openCase("ada");
    const { browser, words } = await choose(place, path, passwordOf("ada", 2), true);
    const compare = await who.bea.help("ada");
    assert.match(readable(compare.body), /Ada also lost the second step\. Ask about that too/);
    assert.match(readable(compare.body), /after at least 3 days/);
    await who.bea.agree("ada", words);
    assert.match(readable((await who.bea.get("/help/agreed")).body), /can sign in from/);
    for (const days of [0, 1, 1]) {
      place.days(days);
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 200);
    }
    place.days(1);
    const done = await browser.signIn("ada", passwordOf("ada", 2));
    assert.equal(done.headers.location, "/", "no code is asked for");
    assert.equal((await place.visitor().signIn("ada", passwordOf("ada", 2))).headers.location, "/", "it is off");
  });

  it("who chose one password twice, and said once that it was lost, is asked for no code and told that it is off", async () => {
    for (const { lost, rules, said } of [
      { lost: [false, true], rules: { threshold: 1 }, said: /Your key is new: .* Your second step is off/ },
      {
        lost: [true, false],
        rules: { threshold: 2, keepKey: true },
        said: /Your people and your letters are as they were; .* Your second step is off/,
      },
    ]) {
      const { place, who } = await openCommunity(["ada", "bea", "cem"]);
      await trustAll(who.ada, ["bea", "cem"], rules);
      await turnOnSecondStep(place, who.ada);
      const one = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2), lost[0]);
      const two = await choose(place, await who.cem.openCase("ada", true), passwordOf("ada", 2), lost[1]);
      for (const { words } of [one, two]) for (const helper of [who.bea, who.cem]) await helper.agree("ada", words);
      place.days(3);
      assert.equal((await one.browser.signIn("ada", passwordOf("ada", 2))).headers.location, "/");
      assert.match(readable((await one.browser.get("/")).body), said);
    }
  });

  it("is told to be off only where it was on, and was lost", async () => {
    for (const { isOn, lost } of [
      { isOn: true, lost: false },
      { isOn: false, lost: true },
    ]) {
      const { place, who } = await openCommunity(["ada", "bea"]);
      await trustAll(who.ada, ["bea"]);
      const code = isOn ? await turnOnSecondStep(place, who.ada) : undefined;
      const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2), lost);
      await who.bea.agree("ada", words);
      place.days(3);
      await browser.signIn("ada", passwordOf("ada", 2));
      if (code) await browser.post("/sign-in/code", { code: code() }, "/sign-in/code");
      const home = readable((await browser.get("/")).body);
      assert.match(home, /You are back in, ada/);
      assert.doesNotMatch(home, /second step is off/, `on: ${isOn}, lost: ${lost}`);
    }
  });

  it("a longer wait stays longer", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 10 });
    await turnOnSecondStep(place, who.ada);
    await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2), true);
    assert.match(readable((await who.bea.help("ada")).body), /after at least 10 days/);
  });

  it("who has none and ticks it waits as long, and helpers are told: whether there was one is nobody's affair", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2), true);
    assert.match(readable((await who.bea.help("ada")).body), /second step/);
    await who.bea.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 200, "it waits");
    place.days(3);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
  });

  it("of somebody who is suspended ends: nobody can stop it meanwhile, and its wait would run out", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await who.ada.rules(1, 3);
    await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree");
    const suspend = {
      admin: () => nour.post("/admin/accounts/suspend", { username: "ada", reason: "Alarm." }, "/admin/accounts"),
      command: () => setStatus(place.context, { username: "ada", domain: "localhost" }, "suspended"),
    };
    for (const act of Object.values(suspend)) {
      const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
      await who.bea.agree("ada", words);
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 200, "it waits");
      await act();
      await setStatus(place.context, { username: "ada", domain: "localhost" }, "active");
      place.days(4);
      await who.bea.signIn();
      await nour.signIn();
      await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree");
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 422);
      assert.deepEqual(await place.context.db.selectFrom("reset_cases").selectAll().execute(), []);
    }
  });
});
