import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sweepCases } from "#kith/resets/cases.js";
import { countOf, passwordOf } from "../support/app.js";
import { choose, openCommunity, readable, trustAll, turnOnSecondStep } from "../support/resets.js";
import { watchStatements } from "../support/statements.js";

describe("stopping a reset", () => {
  it("many times at once is made anew for nobody more than twice", async () => {
    const { place, who } = await openCommunity(["ada"]);
    const AT_ONCE = 12;
    let regenerations = 0;
    await watchStatements(place.context.pool, (text) => {
      if (/update accounts set/.test(text)) regenerations++;
    });
    const stop = () => who.ada.post("/resets/stop", {}, "/account");
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, stop));
    for (const answer of answers) assert.equal(answer.statusCode, 303);
    assert.ok(regenerations >= AT_ONCE && regenerations <= 2 * AT_ONCE, String(regenerations));
  });

  it("a sign-in with the old password stops every case, and tells who had agreed", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2, waitDays: 3 });
    const one = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const two = await choose(place, await who.cem.openCase("ada", true), passwordOf("ada", 3));
    await who.bea.agree("ada", one.words);
    await who.cem.agree("ada", one.words);
    await who.ada.signOut();
    assert.equal((await who.ada.signIn()).statusCode, 303);
    const home = (await who.ada.get("/")).body;
    assert.match(readable(home), /Your password was being reset\. Your sign-in stopped it Bea and cem had agreed\./);
    assert.equal((await place.context.db.selectFrom("reset_cases").selectAll().execute()).length, 0);
    assert.equal((await place.context.db.selectFrom("approvals").selectAll().execute()).length, 0);
    place.days(4);
    for (const { browser } of [one, two]) {
      for (const version of [2, 3]) {
        assert.equal((await browser.signIn("ada", passwordOf("ada", version))).statusCode, 422);
      }
    }
  });

  it("says so too when nobody had agreed", async () => {
    const { who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await who.bea.openCase("ada");
    await who.ada.signOut();
    await who.ada.signIn();
    assert.match(readable((await who.ada.get("/")).body), /Your sign-in stopped it Nobody had agreed yet\./);
    assert.match(readable((await who.ada.get("/security")).body), /A reset was stopped/);
    await who.ada.signOut();
    await who.ada.signIn();
    assert.ok(!/stopped it/.test(readable((await who.ada.get("/")).body)), "told once");
  });

  it("is told until a page has shown it: of two sign-ins at once, or after one that led elsewhere", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await who.bea.openCase("ada");
    await Promise.all([place.visitor().signIn("ada"), place.visitor().signIn("ada")]);
    const visitor = place.visitor();
    await visitor.signIn("ada");
    await visitor.get("/trust");
    place.days(1);
    await visitor.signIn("ada");
    const home = readable((await visitor.get("/")).body);
    assert.equal(home.split("Your sign-in stopped it").length, 2, "told, and once");
    await visitor.signIn("ada");
    assert.ok(!/stopped it/.test(readable((await visitor.get("/")).body)));
  });

  it("a wrong password, and an old one without its second step, stop nothing", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 3 });
    const code = await turnOnSecondStep(place, who.ada);
    await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const cases = async () => (await place.context.db.selectFrom("reset_cases").selectAll().execute()).length;
    const thief = place.visitor();
    await thief.signIn("ada", "not the password at all");
    assert.equal(await cases(), 1);
    assert.equal((await thief.signIn("ada", passwordOf("ada"))).headers.location, "/sign-in/code");
    assert.equal(await cases(), 1, "the password alone stops nothing");
    place.advance(60_000);
    assert.equal((await thief.post("/sign-in/code", { code: code() }, "/sign-in/code")).statusCode, 303);
    assert.equal(await cases(), 0);
  });

  it("an open session shows it on every page, with one button that stops it", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    const { ada } = who;
    await trustAll(ada, ["bea", "cem"], { threshold: 2, waitDays: 3 });
    const pages = ["/", "/trust", "/help", "/invites", "/security", "/account", "/about", "/trust/card"];
    for (const page of pages) assert.ok(!(await ada.get(page)).body.includes("/resets/stop"), `${page} before`);
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    for (const page of pages) {
      const { body } = await ada.get(page);
      assert.equal(body.split('action="/resets/stop"').length - 1, 1, `one button on ${page}`);
      assert.match(readable(body), /1 of 2 have agreed\. It cannot take effect before/, page);
    }
    assert.equal((await ada.help("bea")).body.split('action="/resets/stop"').length - 1, 1, "on an answer, too");

    const stopped = await ada.post("/resets/stop", {}, "/security");
    assert.equal(stopped.statusCode, 303);
    const told = await ada.get(String(stopped.headers.location));
    assert.match(readable(told.body), /The reset is stopped.*Bea had agreed\. If you did not ask for it, ring them/);
    for (const page of pages) assert.ok(!(await ada.get(page)).body.includes("/resets/stop"), `${page} after`);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 422);
    assert.equal((await ada.get("/trust")).statusCode, 200, "the session goes on");
    await ada.post("/resets/stop");
    assert.match(readable((await ada.get("/resets/stopped")).body), /nothing to stop/);
  });

  it("the band tells of several, and of one in which nothing is chosen", async () => {
    const { who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"]);
    await who.bea.openCase("ada");
    const one = readable((await who.ada.get("/trust")).body);
    assert.match(one, /Nobody has agreed yet\. No new password has been chosen so far\./);
    await who.cem.openCase("ada");
    assert.match(readable((await who.ada.get("/trust")).body), /Two resets of your password are under way/);
    await who.ada.post("/resets/stop");
    assert.match(readable((await who.ada.get("/resets/stopped")).body), /The 2 resets are stopped/);
  });

  it("nothing brings a stopped case back, and helping anew starts from nothing", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const { db } = place.context;
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    const cases = await db.selectFrom("reset_cases").selectAll().execute();
    const approvals = await db.selectFrom("approvals").selectAll().execute();
    await who.ada.post("/resets/stop");
    // Somebody who can write the database puts the rows back as they were.
    await db.insertInto("reset_cases").values(cases).execute();
    await db.insertInto("approvals").values(approvals).execute();
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 422);
    assert.ok(!(await who.ada.get("/trust")).body.includes("/resets/stop"));
    assert.ok(await who.bea.openCase("ada"), "bea can open a new one in its place");
  });

  it("a case expires by itself on the 45th day", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 0 });
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    place.days(44);
    await sweepCases(place.context);
    assert.equal((await place.context.db.selectFrom("reset_cases").selectAll().execute()).length, 1);
    place.days(1);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 422, "even before it is swept");
    await sweepCases(place.context);
    assert.equal((await place.context.db.selectFrom("reset_cases").selectAll().execute()).length, 0);
    assert.equal((await place.context.db.selectFrom("approvals").selectAll().execute()).length, 0);
    assert.equal((await place.visitor().signIn("ada", passwordOf("ada"))).statusCode, 303, "the old password is right");
  });

  it("changing the list, the rules or the password ends every case too", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    const changes: [string, Record<string, string>][] = [
      ["/trust", { username: "cem" }],
      ["/trust/rules", { threshold: "2", wait_days: "1" }],
      ["/trust/remove", { username: "cem", confirm: "on" }],
      ["/trust/rules", { threshold: "1", wait_days: "0" }],
      ["/invites", { note: "" }],
      ["/security/password", { current_password: passwordOf("ada"), password: passwordOf("ada", 7) }],
    ];
    for (const [url, fields] of changes) {
      const { words } = await choose(place, await who.bea.openCase("ada", true), passwordOf("ada", 2));
      await who.bea.agree("ada", words);
      assert.equal((await who.ada.post(url, fields, "/trust")).statusCode, 303, url);
      assert.equal((await place.context.db.selectFrom("reset_cases").selectAll().execute()).length, 0, url);
      assert.equal((await place.visitor().signIn("ada", passwordOf("ada", 2))).statusCode, 422, url);
    }
  });
});

describe("a reset that a change ends", () => {
  it("is told on the next first page, with who had agreed, until the sign-in after that", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    const calm = readable((await who.ada.get("/")).body);
    assert.doesNotMatch(calm, /being reset/);
    const { words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    assert.equal((await who.ada.post("/trust", { username: "cem" }, "/invites")).statusCode, 303);
    const told = /Your password was being reset\. A change to your account stopped it/;
    const page = readable((await who.ada.get("/")).body);
    assert.match(page, told);
    assert.match(page, /Bea had agreed\./);
    assert.match(readable((await who.ada.get("/security")).body), /A reset was stopped/);
    await who.ada.signIn();
    assert.doesNotMatch(readable((await who.ada.get("/")).body), told, "it was seen");
  });

  it("names who had agreed, also whom the change takes off the list", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"]);
    const { words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    const removed = await who.ada.post("/trust/remove", { username: "bea", confirm: "on" }, "/trust");
    assert.equal(removed.statusCode, 303);
    assert.match(readable((await who.ada.get("/")).body), /Bea had agreed\./);
  });

  it("is told each time, also where another one of that day was seen", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    for (let turn = 0; turn < 2; turn++) {
      place.days(1 / 1440);
      await choose(place, await who.bea.openCase("ada", true), passwordOf("ada", 2));
      await who.ada.post("/invites", { note: "" }, "/invites");
      if (turn === 0) await who.ada.get("/");
    }
    const elsewhere = place.visitor();
    await elsewhere.signIn("ada");
    assert.match(readable((await elsewhere.get("/")).body), /A change to your account stopped it/);
  });

  it("is told by the next sign-in to whoever did not make the change", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    assert.equal((await who.ada.post("/invites", { note: "" }, "/invites")).statusCode, 303);
    const owner = place.visitor();
    await owner.signIn("ada");
    const page = readable((await owner.get("/")).body);
    assert.match(page, /A change to your account stopped it/);
    assert.match(page, /Nobody had agreed yet\./);
  });

  it("is not told again by the page that follows the stop button", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.ada.post("/resets/stop", {}, "/account");
    assert.doesNotMatch(readable((await who.ada.get("/")).body), /being reset/);
    assert.match(readable((await who.ada.get("/security")).body), /A reset was stopped/);
  });

  it("of several counts those that went furthest, and names once each who agreed to any", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 3 });
    const first = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const second = await choose(place, await who.cem.openCase("ada", true), passwordOf("ada", 3));
    await who.dora.openCase("ada", true);
    for (const { words } of [first, second]) await who.cem.agree("ada", words);
    await who.bea.agree("ada", first.words);
    await who.ada.post("/resets/stop", {}, "/account");
    const page = readable((await who.ada.get("/resets/stopped")).body);
    assert.match(page, /The 2 resets are stopped/);
    assert.match(page, /Bea and cem had agreed\./);
  });
});

describe("after a reset", () => {
  it("all sessions are over, and the wizard asks for people anew", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const elsewhere = place.visitor();
    await elsewhere.signIn("ada");
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
    for (const old of [who.ada, elsewhere]) {
      // Also on a page that needs no key.
      for (const page of ["/trust", "/help"]) {
        assert.match(String((await old.get(page)).headers.location), /^\/sign-in/, "signed out");
      }
    }
    const home = await browser.get("/");
    assert.match(readable(home.body), /You are back in, ada.*Name two or three people while it is quiet/);
    assert.equal(countOf((await browser.get("/trust")).body, "trusted"), 0);
    assert.equal((await browser.trust("bea")).statusCode, 303);
    assert.match(readable((await browser.get("/security")).body), /Let back in by your people/);
    assert.match(
      readable((await browser.get("/invites")).body),
      / 0 more letters are yours/,
      "letters are not refilled",
    );
  });

  it("whoever trusts the one who was reset is asked at the next sign-in", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.cem, ["ada"]);
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    await browser.signIn("ada", passwordOf("ada", 2));
    assert.equal((await browser.help("cem")).body.includes("handover-link"), false, "ada's key is new");
    await who.cem.signOut();
    assert.equal((await who.cem.signIn()).headers.location, "/trust/confirm");
    assert.match(readable((await who.cem.get("/trust/confirm")).body), /I asked: keep trusting ada/);
    assert.match(readable((await who.cem.get("/trust")).body), /New key: ask first/);
    await who.cem.signOut();
    assert.equal((await who.cem.signIn()).headers.location, "/trust/confirm", "asked again until a yes");
    await who.cem.post("/trust/confirm", { username: "ada" }, "/trust/confirm");
    assert.ok(await browser.openCase("cem"));
    await who.cem.signOut();
    assert.equal((await who.cem.signIn()).headers.location, "/", "asked no more");
  });

  it("an admin who was reset is none until somebody confirms", async () => {
    const { place, nour, who } = await openCommunity(["bea"]);
    await trustAll(nour, ["bea"]);
    const { browser, words } = await choose(place, await who.bea.openCase("nour"), passwordOf("nour", 2));
    await who.bea.agree("nour", words);
    await browser.signIn("nour", passwordOf("nour", 2));
    const row = await place.context.db.selectFrom("accounts").select("role").where("username", "=", "nour").execute();
    assert.deepEqual(row, [{ role: "reset-admin" }]);
    assert.match(readable((await browser.get("/")).body), /Your key is new, so you are not an admin for now/);
    assert.equal((await browser.get("/admin/cases")).statusCode, 404);
  });
});
