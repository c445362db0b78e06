import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { appendTombstone } from "#kith/people/people.js";
import { selectNewest } from "#kith/people/queries.js";
import { countOf, passwordOf, textOf } from "../support/app.js";
import { letBackIn, openCommunity, readable, statementOf, trustAll } from "../support/resets.js";

describe("the hold on a new key", () => {
  it("KITH_HOLD_ON_KEY_CHANGE=false refreshes without a word", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"], { env: { KITH_HOLD_ON_KEY_CHANGE: "false" } });
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.bea, ["cem"]);
    const bea = await letBackIn(place, who.cem, "bea");
    assert.equal(textOf((await bea.help("ada")).body, "handover-link"), undefined, "until ada signs in");
    await who.ada.signOut();
    assert.equal((await who.ada.signIn()).headers.location, "/");
    assert.ok(!/new key/i.test(readable((await who.ada.get("/trust")).body)));
    assert.ok(await bea.openCase("ada"), "bea's new key counts");
  });

  it("a yes for one leaves the others held; a yes for somebody who is not held is refused", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"]);
    await trustAll(who.bea, ["dora"]);
    await trustAll(who.cem, ["dora"]);
    const bea = await letBackIn(place, who.dora, "bea");
    const cem = await letBackIn(place, who.dora, "cem");
    await who.ada.signOut();
    await who.ada.signIn();
    const page = readable((await who.ada.get("/trust/confirm")).body);
    assert.match(page, /Two of your people have new keys/);
    const counts = await who.ada.post("/trust/confirm", { username: "dora" }, "/trust");
    assert.equal(counts.statusCode, 422);
    assert.match(counts.body, /Dora counts already/);
    assert.equal((await who.ada.post("/trust/confirm", { username: "bea" }, "/trust/confirm")).statusCode, 303);
    assert.ok(await bea.openCase("ada"));
    assert.equal(textOf((await cem.help("ada")).body, "handover-link"), undefined);
    assert.match(readable((await who.ada.get("/trust")).body), /Cem doesn’t count yet: there is a new key\./);
  });

  it("does not come before where somebody wanted to go: the log would tell that it did", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.bea, ["cem"]);
    await letBackIn(place, who.cem, "bea");
    await who.ada.signOut();
    const credentials = { username: "ada", password: passwordOf("ada") };
    const answer = await who.ada.post("/sign-in?next=%2Faccount", credentials, "/sign-in");
    assert.equal(answer.headers.location, "/account");
    assert.match(readable((await who.ada.get("/")).body), /new key/, "it waits at home");
  });

  it("a yes given after a second reset is a yes to the newest key", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.bea, ["cem"]);
    const bea = await letBackIn(place, who.cem, "bea");
    await who.ada.signOut();
    await who.ada.signIn();
    await bea.trust("cem");
    await letBackIn(place, who.cem, "bea", 3);
    await who.ada.post("/trust/confirm", { username: "bea" }, "/trust/confirm");
    await who.ada.signOut();
    const landing = (await who.ada.signIn()).headers.location;
    assert.equal(landing, "/", "the yes was for the newest key");
  });

  it("a trusted person who is suspended is shown so, and counts again when reinstated", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const bea = { username: "bea", domain: "localhost" };
    await setStatus(place.context, bea, "suspended");
    await who.ada.signOut();
    await who.ada.signIn();
    assert.match(readable((await who.ada.get("/")).body), /Bea is suspended/);
    const page = (await who.ada.get("/trust")).body;
    assert.match(readable(page), /Suspended: doesn’t count/);
    assert.equal(statementOf(page), "Nobody can let you back in right now.");
    const card = readable((await who.ada.get("/trust/card")).body);
    assert.doesNotMatch(card, /\bbea\b/i, "who can't help is not on the card");
    assert.match(card, /\bcem\b/);
    assert.match(card, /these people can’t let you back in/);
    assert.match(card, /Any 2 let me in/, "not that this person does");
    await setStatus(place.context, bea, "active");
    await who.ada.signOut();
    await who.ada.signIn();
    assert.equal(statementOf((await who.ada.get("/trust")).body), "Bea and cem together can let you back in.");
    assert.match(readable((await who.ada.get("/trust/card")).body), /All of them together let me in/);
    await who.bea.signIn("bea");
    assert.ok(await who.bea.openCase("ada"));
  });

  it("a trusted person who has left leaves the list, and that is told", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const [row] = await place.context.db.selectFrom("accounts").selectAll().where("username", "=", "bea").execute();
    const [person] = await selectNewest(place.context.db, [row!.id]);
    await appendTombstone(place.context, row!.id, person!.version + 1);
    assert.equal(countOf((await who.ada.get("/trust")).body, "trusted"), 2);
    assert.match(readable((await who.ada.get("/trust")).body), /Has left/, "shown so before the next sign-in");
    await who.ada.signOut();
    await who.ada.signIn();
    assert.equal(countOf((await who.ada.get("/trust")).body, "trusted"), 1);
    const home = readable((await who.ada.get("/")).body);
    assert.match(home, /Somebody you trusted has left/);
    assert.match(home, /Nobody can let you back in right now/);
    assert.equal(statementOf((await who.ada.get("/trust")).body), "Nobody can let you back in right now.");
  });

  it("once in six months the sign-in asks whether the list is still right", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const asked = async () => {
      await who.ada.signIn();
      return /Is your list still right\?/.test(readable((await who.ada.get("/")).body));
    };
    assert.equal(await asked(), false);
    place.days(181);
    assert.equal(await asked(), false);
    place.days(1);
    assert.equal(await asked(), true);
    assert.equal(await asked(), false, "once");
    place.days(181);
    assert.equal(await asked(), false);
    place.days(1);
    assert.equal(await asked(), true, "and half a year later again");
    assert.equal((await who.ada.get("/trust/card")).statusCode, 200);
    assert.match(readable((await who.ada.get("/trust/card")).body), /bea/i);
    assert.match((await who.ada.get("/")).body, /href="\/trust\/card"/, "the card is one click away");
  });

  it("somebody with nobody on the list is not asked about it", async () => {
    const { place, who } = await openCommunity(["ada"]);
    place.days(200);
    await who.ada.signIn("ada", passwordOf("ada"));
    assert.ok(!/still right/.test(readable((await who.ada.get("/")).body)));
  });
});
