import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findAccountByName, tagged } from "#kith/accounts/account.js";
import { writeAccount } from "#kith/accounts/queries.js";
import { type Place, passwordOf, textOf, type Visitor } from "../support/app.js";
import { choose, letBackIn, openCommunity, readable, statementOf, trustAll } from "../support/resets.js";

const fingerprintOf = async (place: Place, username: string) =>
  Buffer.from(
    (await place.context.db.selectFrom("accounts").selectAll().where("username", "=", username).execute())[0]!
      .fingerprint,
  ).toString("hex");

async function resetByTwo(place: Place, one: Visitor, two: Visitor, name: string, version = 2): Promise<Visitor> {
  const { browser, words } = await choose(place, await one.openCase(name), passwordOf(name, version));
  await one.agree(name, words);
  await two.agree(name, words);
  assert.equal((await browser.signIn(name, passwordOf(name, version))).statusCode, 303);
  return browser;
}

describe("keeping the key", () => {
  it("list, rules, letters and power to help survive, and those who trust her are told", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2, keepKey: true });
    await trustAll(who.dora, ["ada", "bea"]);
    const letter = await who.ada.invite();
    const before = await fingerprintOf(place, "ada");
    const sentence = statementOf((await who.ada.get("/trust")).body);

    const ada = await resetByTwo(place, who.bea, who.cem, "ada");
    assert.equal(await fingerprintOf(place, "ada"), before, "the same key");
    assert.match(readable((await ada.get("/")).body), /Your people and your letters are as they were/);
    assert.equal(statementOf((await ada.get("/trust")).body), sentence);
    assert.match((await ada.get("/trust")).body, /name="keep_key"[^>]* checked/);
    assert.equal((await who.ada.get("/trust")).statusCode, 303, "the old session is over all the same");
    assert.equal((await place.visitor().signIn("ada", passwordOf("ada"))).statusCode, 422);

    assert.ok(await ada.openCase("dora"), "she can help dora at once");
    const newcomer = place.visitor();
    assert.equal((await newcomer.join(letter, "emil")).statusCode, 303);
    assert.match(readable((await ada.get("/invites")).body), /emil/i);

    await who.dora.signOut();
    assert.equal((await who.dora.signIn()).headers.location, "/", "nothing to confirm");
    const told = readable((await who.dora.get("/")).body);
    assert.match(told, /Ada was let back in by others\s+That was since you were last here\./);
    assert.doesNotMatch(told, /Bea was let back in/, "only the one who was");
    await who.dora.signOut();
    await who.dora.signIn();
    assert.ok(!/let back in by others/.test(readable((await who.dora.get("/")).body)), "told once");

    await who.cem.signOut();
    await who.cem.signIn();
    assert.ok(await who.cem.openCase("ada"), "and she can be helped again");
    await resetByTwo(place, who.dora, who.bea, "ada", 3);
    assert.equal(await fingerprintOf(place, "ada"), before, "a second time, by others");
  });

  it("and a new one takes along what admins wrote to the old", async () => {
    const { nour, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2, keepKey: true });
    const freeze = { username: "ada", what: "inviting", reason: "Too many letters." };
    assert.equal((await nour.post("/admin/accounts/freeze", freeze, "/admin/accounts")).statusCode, 303);
    const remove = { username: "dora", confirm: "on", current_password: passwordOf("ada") };
    assert.equal((await who.ada.post("/trust/remove", remove, "/trust")).statusCode, 303);
    const isTold = async () => /Too many letters\./.test(readable((await who.ada.get("/account")).body));
    assert.ok(await isTold());
    await who.ada.signIn();
    assert.ok(await isTold());
  });

  it("a second time is told, too, whatever a writer made of what others see meanwhile", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2, keepKey: true });
    await trustAll(who.dora, ["ada"]);
    const told = async () => {
      await who.dora.signOut();
      await who.dora.signIn();
      return /Ada was let back in by others/.test(readable((await who.dora.get("/")).body));
    };
    assert.equal(await told(), false);
    await resetByTwo(place, who.bea, who.cem, "ada");
    assert.equal(await told(), true);
    assert.equal(await told(), false);
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 3));
    for (const helper of [who.bea, who.cem]) await helper.agree("ada", words);
    await place.context.pool.query("update people set reset_mark = reset_mark + 1 where username = 'ada'");
    assert.equal((await browser.signIn("ada", passwordOf("ada", 3))).statusCode, 303);
    assert.equal(await told(), true);
    assert.equal(await told(), false);
  });

  it("without it the key is new", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const before = await fingerprintOf(place, "ada");
    await resetByTwo(place, who.bea, who.cem, "ada");
    assert.notEqual(await fingerprintOf(place, "ada"), before);
  });

  it("removing somebody asks for the password, makes a new keypair, and loses nothing of the list", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora", "emil"]);
    const { ada } = who;
    await trustAll(ada, ["bea", "cem", "dora"], { threshold: 2, waitDays: 2, keepKey: true });
    await trustAll(who.emil, ["ada"]);
    const before = await fingerprintOf(place, "ada");
    const asked = await ada.post("/trust/remove", { username: "dora" }, "/trust");
    assert.equal(asked.statusCode, 422);
    assert.match(readable(asked.body), /you get a new key now, and that takes your password/);
    const wrong = await ada.post("/trust/remove", { username: "dora", confirm: "on", current_password: "x" }, "/trust");
    assert.equal(wrong.statusCode, 422);
    assert.equal(await fingerprintOf(place, "ada"), before);
    const done = await ada.post(
      "/trust/remove",
      { username: "dora", confirm: "on", current_password: passwordOf("ada") },
      "/trust",
    );
    assert.equal(done.statusCode, 303);
    assert.notEqual(await fingerprintOf(place, "ada"), before);
    const page = (await ada.get("/trust")).body;
    assert.equal(statementOf(page), "Bea and cem together can let you back in, after 2 days.");
    assert.match(page, /name="keep_key"[^>]* checked/);
    await ada.signOut();
    assert.equal((await ada.signIn()).statusCode, 303, "the password is the same");
    await who.emil.signOut();
    assert.equal((await who.emil.signIn()).headers.location, "/trust/confirm", "whoever trusts ada is asked");

    await ada.rules(2, 0, { keep_key: "on" });
    const now = await fingerprintOf(place, "ada");
    const back = await resetByTwo(place, who.bea, who.cem, "ada");
    assert.equal(await fingerprintOf(place, "ada"), now, "the new key is kept by the two who are left");
    assert.match(statementOf((await back.get("/trust")).body), /Bea and cem together/);
  });

  it("those who trust her read how a new key came: without a reset, or by one", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora", "emil"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2, keepKey: true });
    await trustAll(who.bea, ["cem"]);
    await trustAll(who.emil, ["ada", "bea"]);
    const [made, reset] = [/without a reset/, /The password was reset in [A-Z][a-z]+\./];
    const expect = async (said: RegExp, other: RegExp) => {
      await who.emil.signIn();
      for (const page of ["/trust/confirm", "/"]) {
        const text = readable((await who.emil.get(page)).body);
        assert.match(text, said, page);
        assert.doesNotMatch(text, other, page);
      }
    };
    const remove = { username: "dora", confirm: "on", current_password: passwordOf("ada") };
    assert.equal((await who.ada.post("/trust/remove", remove, "/trust")).statusCode, 303);
    await expect(made, reset);
    assert.equal((await who.emil.post("/trust/confirm", { username: "ada" }, "/trust/confirm")).statusCode, 303);
    await letBackIn(place, who.cem, "bea");
    await expect(reset, made);
  });

  it("turning it off asks for the password and makes a new keypair", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2, keepKey: true });
    const before = await fingerprintOf(place, "ada");
    assert.equal((await who.ada.rules(2, 0)).statusCode, 422, "no password");
    assert.equal(await fingerprintOf(place, "ada"), before);
    assert.equal((await who.ada.rules(2, 0, { current_password: passwordOf("ada") })).statusCode, 303);
    assert.notEqual(await fingerprintOf(place, "ada"), before);
    const page = (await who.ada.get("/trust")).body;
    assert.equal(statementOf(page), "Bea and cem together can let you back in.");
    assert.doesNotMatch(page, /name="keep_key"[^>]* checked/);
    const ada = await resetByTwo(place, who.bea, who.cem, "ada");
    assert.match(statementOf((await ada.get("/trust")).body), /Nobody/, "the list is not given back");
  });

  it("an escrow that does not open leads to the plain reset", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2, keepKey: true });
    const account = (await findAccountByName(place.context, "localhost", "ada"))!;
    const before = await fingerprintOf(place, "ada");
    const spoilt = tagged(place.context, { ...account, escrow: Uint8Array.from(account.escrow, (byte) => byte ^ 1) });
    assert.ok(await writeAccount(place.context.db, account.tag, spoilt));
    const ada = await resetByTwo(place, who.bea, who.cem, "ada");
    assert.notEqual(await fingerprintOf(place, "ada"), before);
    assert.match(statementOf((await ada.get("/trust")).body), /Nobody/);
  });

  it("who becomes an admin gets a new key that is not kept, at the next sign-in or reset", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    const makeAdmin = async () => {
      const account = (await findAccountByName(place.context, "localhost", "ada"))!;
      assert.ok(
        await writeAccount(place.context.db, account.tag, tagged(place.context, { ...account, role: "admin" })),
      );
    };
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2, keepKey: true });
    const before = await fingerprintOf(place, "ada");
    await makeAdmin();
    assert.doesNotMatch((await who.ada.get("/trust")).body, /name="keep_key"/);
    const rules = { threshold: "2", wait_days: "1" };
    assert.equal((await who.ada.post("/trust/rules", rules, "/trust")).statusCode, 303, "the other rules can be saved");
    await who.ada.signOut();
    assert.equal((await who.ada.signIn()).statusCode, 303);
    assert.notEqual(await fingerprintOf(place, "ada"), before);
    assert.match(readable((await who.ada.get("/")).body), /As an admin you get a new key after a reset/);
    assert.match(statementOf((await who.ada.get("/trust")).body), /^Bea and cem together can let you back in/);
    await who.ada.signOut();
    assert.equal((await who.ada.signIn()).statusCode, 303, "the password is the same");

    const other = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(other.who.ada, ["bea", "cem"], { threshold: 2, keepKey: true });
    const account = (await findAccountByName(other.place.context, "localhost", "ada"))!;
    const admin = tagged(other.place.context, { ...account, role: "admin" });
    assert.ok(await writeAccount(other.place.context.db, account.tag, admin));
    const ada = await resetByTwo(other.place, other.who.bea, other.who.cem, "ada");
    assert.notDeepEqual(await fingerprintOf(other.place, "ada"), Buffer.from(account.fingerprint).toString("hex"));
    assert.match(statementOf((await ada.get("/trust")).body), /Nobody/);
  });

  it("who has become an admin reads at the number of helpers why one is not enough yet, and what to do", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2, keepKey: true });
    const account = (await findAccountByName(place.context, "localhost", "ada"))!;
    const admin = tagged(place.context, { ...account, role: "admin" });
    assert.ok(await writeAccount(place.context.db, account.tag, admin));
    const stored = async () => (await findAccountByName(place.context, "localhost", "ada"))?.tag;
    const before = await stored();
    const once = { keep_key: "on", current_password: passwordOf("ada") };
    for (const [answer, reason] of [
      [await who.ada.rules(1), /sign out and in again/],
      [await who.ada.rules(2, 0, once), /Admins can’t keep their key/],
    ] as const) {
      assert.equal(answer.statusCode, 422);
      assert.match(readable(answer.body), reason);
      const links = [...answer.body.matchAll(/<li><a href="#([^"]+)">/g)].map(([, id]) => id);
      assert.deepEqual(links, ["threshold"]);
    }
    assert.deepEqual(await stored(), before, "nothing is changed");
    await who.ada.signOut();
    await who.ada.signIn();
    assert.equal((await who.ada.rules(1)).statusCode, 303);
  });

  it("somebody who was reset with a new key has no part in it until the yes", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2, keepKey: true });
    await trustAll(who.bea, ["dora"]);
    const { browser: bea, words } = await choose(place, await who.dora.openCase("bea"), passwordOf("bea", 2));
    await who.dora.agree("bea", words);
    await bea.signIn("bea", passwordOf("bea", 2));
    await who.ada.signOut();
    await who.ada.signIn();
    assert.equal(textOf((await bea.help("ada")).body, "handover-link"), undefined);
    const before = await fingerprintOf(place, "ada");
    const back = await resetByTwo(place, who.cem, who.dora, "ada");
    assert.equal(await fingerprintOf(place, "ada"), before, "the two others give it back");
    assert.match(readable((await back.get("/trust")).body), /New key: ask first/);
  });
});
