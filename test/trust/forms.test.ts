import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { type Place, passwordOf, type Visitor } from "../support/app.js";
import { currentOf, letBackIn, openCommunity, readable, trustAll } from "../support/resets.js";

// What the forms of the list answer: each mistake by its own sentence, at its own field, with what was typed.

describe("the forms of the list", () => {
  let place: Place;
  let ada: Visitor;
  let nour: Visitor;
  let who: Record<"ada" | "bea" | "cem" | "dora" | "emil", Visitor>;
  before(async () => {
    const community = await openCommunity(["ada", "bea", "cem", "dora", "emil"], { env: { KITH_TRUST_SLOTS: "3" } });
    ({ place, nour, who } = community);
    ada = who.ada;
    await trustAll(ada, ["cem", "bea"], { threshold: 2 });
  });
  /** The one mistake of a page, and the field that it is at. */
  const mistake = (page: { body: string; statusCode: number }) => {
    assert.equal(page.statusCode, 422);
    assert.equal(currentOf(page.body), "Trust");
    const field = /<(?:input|select|fieldset)[^>]*aria-invalid="true"[^>]*>/.exec(page.body)?.[0] ?? "";
    return [/name="([^"]+)"/.exec(field)?.[1], readable(page.body)] as const;
  };
  const expect = async (
    answer: Promise<{ body: string; statusCode: number }>,
    field: string | undefined,
    sentence: RegExp,
  ) => {
    const [at, text] = mistake(await answer);
    assert.match(text, sentence);
    assert.equal(at, field);
  };
  const flash = async (visitor: Visitor) => {
    const { body } = await visitor.get("/trust");
    assert.match(body, /<div class="notice" data-kind="good" role="status"/);
    return readable(body);
  };
  const listed = async () => [
    ...new Set(
      [...(await ada.get("/trust")).body.matchAll(/name="username" value="([^"]+)"/g)].map(([, name]) => name),
    ),
  ];

  it("names people: nobody, oneself, a name twice, one unknown, one too many", async () => {
    await expect(ada.trust("  "), "username", /Type a username\./);
    await expect(ada.trust(" ada "), "username", /That is you\./);
    await expect(ada.trust(" BEA "), "username", /Bea is on your list already\./);
    const unknown = ada.trust("zoe");
    await expect(unknown, "username", /There is no zoe here\./);
    assert.match((await unknown).body, /<input[^>]*value="zoe"/, "what was typed stands there");
    assert.equal((await ada.trust(" dora ")).statusCode, 303);
    assert.match(await flash(ada), /You trust dora now\./);
    await expect(ada.trust("emil"), "username", /You have named 3, and that is all there is room for\./);
    assert.deepEqual(await listed(), ["bea", "cem", "dora"], "in the order of their names");
  });

  it("tells the owner of each change, in her account's own log", async () => {
    await ada.rules(2, 3);
    assert.match(await flash(ada), /Your rules are saved\./);
    const log = readable((await ada.get("/security")).body);
    assert.match(log, /Rules changed today, 2 times Somebody was added to the list today, 3 times/);
    await ada.rules(2, 0);
  });

  it("sets rules: each number by itself, with what was typed beside it", async () => {
    for (const threshold of ["", "x", "0", "-1", "1.5", "2x", "x2", "00002"]) {
      await expect(ada.post("/trust/rules", { threshold, wait_days: "0" }, "/trust"), "threshold", /from 1 to 3/);
    }
    await expect(ada.post("/trust/rules", { threshold: "4", wait_days: "0" }, "/trust"), "threshold", /from 1 to 3/);
    for (const days of ["", "x", "-1", "31", "1.5", "3d", "d3"]) {
      const answer = ada.post("/trust/rules", { threshold: "2", wait_days: days }, "/trust");
      await expect(answer, "wait_days", /from 0 to 30/);
      if (days !== "") assert.match((await answer).body, new RegExp(`<input[^>]*value="${days}"`));
    }
    assert.equal((await ada.post("/trust/rules", { threshold: " 2 ", wait_days: " 30 " }, "/trust")).statusCode, 303);
    assert.match((await ada.get("/trust")).body, /value="30"/, "thirty are not too many");
    assert.equal((await ada.rules(2, 0)).statusCode, 303);
  });

  it("asks for the password where the key is to be kept, and says whether it was missing or wrong", async () => {
    await expect(ada.rules(1, 0, { keep_key: "on" }), "keep_key", /at least two must agree/);
    await expect(ada.rules(2, 0, { keep_key: "on" }), "current_password", /You changed .*: type your password/);
    const wrong = ada.rules(2, 0, { keep_key: "on", current_password: "not it at all" });
    await expect(wrong, "current_password", /That isn’t your password/);
    assert.match((await wrong).body, /name="keep_key"[^>]* checked/, "as it was ticked");
    assert.doesNotMatch((await ada.get("/trust")).body, /name="keep_key"[^>]* checked/);
    await expect(nour.rules(1, 0, { keep_key: "on" }), "threshold", /Admins can’t keep their key/);
    assert.doesNotMatch((await nour.get("/trust")).body, /name="keep_key"/, "nor are they asked");
    assert.match((await ada.get("/trust")).body, /name="keep_key"/);
  });

  it("removes people: first it asks where too few would be left", async () => {
    await expect(ada.post("/trust/remove", { username: " zoe " }, "/trust"), "username", /Zoe is not on your list/);
    assert.equal((await ada.post("/trust/remove", { username: " dora " }, "/trust")).statusCode, 303);
    assert.match(await flash(ada), /Dora is no longer on your list\. Nobody is told\./);
    assert.match(readable((await ada.get("/security")).body), /Somebody was (removed|taken)[^.]* today/);
    const asked = await ada.post("/trust/remove", { username: "bea", confirm: "" }, "/trust");
    assert.equal(asked.statusCode, 422);
    assert.match(readable(asked.body), /Remove bea\?/i);
    assert.match(asked.body, /<div class="notice" data-kind="bad"/, "too few would be left");
    assert.match(asked.body, /name="confirm"/);
    assert.doesNotMatch(asked.body, /<title>Error/, "a question is no mistake");
    assert.deepEqual(await listed(), ["bea", "cem"]);
  });

  it("removes people where the key is kept: with the password only, and says when it is wrong", async () => {
    assert.equal((await ada.trust("dora")).statusCode, 303);
    assert.equal((await ada.rules(2, 0, { keep_key: "on", current_password: passwordOf("ada") })).statusCode, 303);
    const remove = (fields: Record<string, string>) =>
      ada.post("/trust/remove", { username: "dora", ...fields }, "/trust");
    const asked = await remove({});
    assert.equal(asked.statusCode, 422);
    assert.match(asked.body, /name="current_password"/);
    assert.doesNotMatch(asked.body, /<title>Error/);
    await expect(remove({ current_password: "not it at all" }), "current_password", /That isn’t your password/);
    assert.equal((await remove({ current_password: passwordOf("ada") })).statusCode, 303);
    assert.match(await flash(ada), /You have a new key, and those who trust you are asked whether it is yours/);
    assert.match(readable((await ada.get("/account")).body), /A browser|[Tt]his/, "her session goes on");
    assert.equal((await ada.rules(2, 0, { current_password: passwordOf("ada") })).statusCode, 303);
    assert.match(await flash(ada), /Your rules are saved\. You have a new key/);
  });

  it("says yes to a new key: only of those who wait for it, and of the key that was asked about", async () => {
    const confirm = (username: string, fingerprint = "") =>
      ada.post("/trust/confirm", { username, fingerprint }, "/trust");
    await expect(confirm("zoe"), "username", /Zoe is not on your list/);
    await expect(confirm(" bea "), "username", /Bea counts already/);
    await trustAll(who.bea, ["emil"]);
    await letBackIn(place, who.emil, "bea");
    assert.equal((await ada.signIn()).headers.location, "/trust/confirm");
    const page = await ada.get("/trust/confirm");
    assert.equal(currentOf(page.body), "Trust");
    assert.match(page.body, /<h1>[^<]*Bea/i, "one person is asked about");
    assert.equal(page.body.split('data-testid="notice"').length, 2);
    assert.doesNotMatch(readable(page.body), /Cem/i);
    await expect(confirm("bea", "00".repeat(20)), "username", /Bea has yet another key/);
    assert.match(readable((await ada.get("/trust/card")).body), /Bea|bea/, "held, but there to be rung");
    const asked = /name="fingerprint" value="([0-9a-f]{40})"/.exec(page.body)?.[1];
    assert.equal((await confirm(" bea ", asked)).statusCode, 303);
    assert.match(await flash(ada), /Bea counts again\./);
    await expect(confirm("bea"), "username", /Bea counts already/);
    const over = await ada.get("/trust/confirm");
    assert.equal(over.statusCode, 200, "nobody else waits: that is the list");
    assert.doesNotMatch(readable(over.body), /new key/);
  });

  it("asks before the last who can help goes, where the others can't", async () => {
    const card = async () => (await ada.get("/trust/card")).body;
    const unable = /data-kind="bad" data-testid="notice"/;
    assert.match(readable(await card()), /cem/i);
    assert.doesNotMatch(await card(), unable);
    await setStatus(place.context, { username: "cem", domain: "localhost" }, "suspended");
    await ada.signIn();
    assert.doesNotMatch(readable(await card()), /cem/i, "nobody is to ring who can't help");
    assert.match(readable(await card()), /bea/i);
    assert.match(await card(), unable, "two must agree");
    assert.equal(currentOf(await card()), "Trust");
    assert.equal((await ada.rules(1, 0)).statusCode, 303);
    assert.equal((await ada.post("/trust/remove", { username: "bea" }, "/trust")).statusCode, 422, "the only one");
    assert.equal(
      (await ada.post("/trust/remove", { username: "cem" }, "/trust")).statusCode,
      303,
      "who could not help",
    );
    assert.deepEqual(await listed(), ["bea"]);
  });
});
