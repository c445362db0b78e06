import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { countOf, passwordOf } from "../support/app.js";
import { letBackIn, openCommunity, readable, statementOf, trustAll } from "../support/resets.js";

describe("the rules of being let back in", () => {
  it("k goes from one to the number of people, never above", async () => {
    const { who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    const { ada } = who;
    assert.equal((await ada.rules(1)).statusCode, 303, "one is the start, even with nobody named");
    assert.equal((await ada.rules(2)).statusCode, 422, "two of nobody");
    for (const name of ["bea", "cem", "dora"]) await ada.trust(name);
    for (const good of ["1", "2", "3"]) assert.equal((await ada.rules(Number(good))).statusCode, 303, good);
    for (const bad of ["0", "4", "-1", "1.5", "two", "", "99999999999"]) {
      const answer = await ada.post("/trust/rules", { threshold: bad, wait_days: "0" }, "/trust");
      assert.equal(answer.statusCode, 422, `k = “${bad}”`);
      assert.match(readable(answer.body), /Choose a number from 1 to 3/);
    }
    assert.match(statementOf((await ada.get("/trust")).body), /^Bea, cem and dora together/, "the last good one holds");
  });

  it("the wait is 0 to 30 days", async () => {
    const { who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    for (const good of [0, 1, 30]) assert.equal((await who.ada.rules(1, good)).statusCode, 303, String(good));
    for (const bad of ["31", "-1", "x", "", "2.5"]) {
      const answer = await who.ada.post("/trust/rules", { threshold: "1", wait_days: bad }, "/trust");
      assert.equal(answer.statusCode, 422, `“${bad}” days`);
      assert.match(readable(answer.body), /from 0 to 30/);
    }
    assert.match(statementOf((await who.ada.get("/trust")).body), /after 30 days/);
  });

  it("keeping the key takes two who must agree, and the password; admins can't", async () => {
    const { nour, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"]);
    const password = { current_password: passwordOf("ada") };
    const alone = await who.ada.rules(1, 0, { keep_key: "on", ...password });
    assert.equal(alone.statusCode, 422);
    assert.match(readable(alone.body), /at least two must agree/);
    const without = await who.ada.rules(2, 0, { keep_key: "on" });
    assert.equal(without.statusCode, 422);
    assert.match(readable(without.body), /type your password/);
    const wrong = await who.ada.rules(2, 0, { keep_key: "on", current_password: "something else" });
    assert.equal(wrong.statusCode, 422);
    assert.ok(!wrong.body.includes("something else"), "a password is never shown again");
    assert.equal((await who.ada.rules(2, 0, { keep_key: "on", ...password })).statusCode, 303);
    assert.match((await who.ada.get("/trust")).body, /name="keep_key"[^>]* checked/);
    assert.equal((await who.ada.rules(2, 5, { keep_key: "on" })).statusCode, 303, "other rules need no password");

    await trustAll(nour, ["ada", "bea"], { threshold: 2 });
    const admin = await nour.rules(2, 0, { keep_key: "on", current_password: passwordOf("nour") });
    assert.equal(admin.statusCode, 422);
    assert.ok(!(await nour.get("/trust")).body.includes('name="keep_key"'));
  });

  it("one sentence says what is true now, in every state", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    const { ada, bea } = who;
    const now = async () => statementOf((await ada.get("/trust")).body);
    assert.equal(await now(), "Nobody can let you back in yet.");
    await ada.trust("bea");
    assert.equal(await now(), "Bea can let you back in.");
    await ada.rules(1, 1);
    assert.equal(await now(), "Bea can let you back in, after one day.");
    await ada.trust("cem");
    assert.equal(await now(), "Bea or cem can let you back in, after one day. One is enough.");
    await ada.rules(2, 0);
    assert.equal(await now(), "Bea and cem together can let you back in.");
    await ada.trust("dora");
    await ada.rules(2, 3);
    assert.equal(await now(), "Any 2 of bea, cem and dora can let you back in, after 3 days.");
    await ada.rules(3, 0);
    assert.equal(await now(), "Bea, cem and dora together can let you back in.");
    assert.equal(statementOf((await ada.get("/")).body), await now(), "the same on the home page");

    // Bea is reset: held, so three can't be had.
    await trustAll(bea, ["dora"]);
    await letBackIn(place, who.dora, "bea");
    await ada.signOut();
    assert.equal((await ada.signIn()).headers.location, "/trust/confirm");
    assert.equal(await now(), "Nobody can let you back in right now.");
    assert.match(readable((await ada.get("/trust")).body), /Three must agree, and only cem and dora count\./);
    assert.match(readable((await ada.get("/")).body), /Nobody can let you back in right now/);
  });

  it("going below k asks first, and says what would be lost", async () => {
    const { who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    const { ada } = who;
    await trustAll(ada, ["bea", "cem", "dora"], { threshold: 2 });
    assert.equal((await ada.post("/trust/remove", { username: "dora" }, "/trust")).statusCode, 303, "two are left");
    const asked = await ada.post("/trust/remove", { username: "cem" }, "/trust");
    assert.equal(asked.statusCode, 422);
    assert.match(readable(asked.body), /Remove cem\?.*only one person is left, and 2 must agree/);
    assert.equal(countOf((await ada.get("/trust")).body, "trusted"), 2, "nothing was removed");
    assert.equal((await ada.post("/trust/remove", { username: "cem", confirm: "on" }, "/trust")).statusCode, 303);
    const after = (await ada.get("/trust")).body;
    assert.equal(countOf(after, "trusted"), 1);
    assert.equal(statementOf(after), "Nobody can let you back in right now.", "k is not lowered silently");
    assert.match(readable(after), /2, but you have named 1/);
    await ada.rules(1);
    const last = await ada.post("/trust/remove", { username: "bea" }, "/trust");
    assert.equal(last.statusCode, 422, "the last one");
    assert.match(readable(last.body), /nobody who counts is left/);
    assert.equal((await ada.post("/trust/remove", { username: "bea", confirm: "on" }, "/trust")).statusCode, 303);
    assert.equal(statementOf((await ada.get("/trust")).body), "Nobody can let you back in yet.");
    assert.equal((await ada.post("/trust/remove", { username: "bea" }, "/trust")).statusCode, 422, "not on the list");
  });

  it("somebody who can't help now is not counted as left", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    const { ada, bea } = who;
    await trustAll(ada, ["bea", "cem", "dora"], { threshold: 2 });
    await trustAll(bea, ["dora"]);
    await letBackIn(place, who.dora, "bea");
    await ada.signOut();
    await ada.signIn();
    const asked = await ada.post("/trust/remove", { username: "cem" }, "/trust");
    assert.equal(asked.statusCode, 422, "two are left, but bea is held");
    assert.match(readable(asked.body), /only one person is left/);
    assert.equal(
      (await ada.post("/trust/remove", { username: "bea" }, "/trust")).statusCode,
      303,
      "bea counts no loss",
    );
  });

  it("nothing in the database shows k, n, the wait or whether the key is kept", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2, waitDays: 17, keepKey: true });
    const { db } = place.context;
    const shapes = await sql<{ username: string; shape: string }>`
      select username, count(*) || ' ' || string_agg(distinct
        octet_length(sealed_trusted) || '/' || octet_length(sealed_token) || '/' || octet_length(token_hash), ',') ||
        ' ' || octet_length(escrow) || ' ' || octet_length(self_record) || ' ' || octet_length(locked_key) as shape
      from accounts join relations on trusting_id = accounts.id group by accounts.id order by username`.execute(db);
    assert.equal(new Set(shapes.rows.map((row) => row.shape)).size, 1, JSON.stringify(shapes.rows));
    assert.match(String(shapes.rows[0]?.shape), /^8 405\/405\/32 /);
    await who.bea.openCase("ada");
    const [row] = await db.selectFrom("reset_cases").selectAll().execute();
    assert.equal(row?.rules.length, 284, "the rules of a case are sealed, and of one length");
    const days = (Date.parse(String(row?.expiry_day)) - Date.parse(String(row?.opening_day))) / 86_400_000;
    assert.equal(days, 44, "the expiry tells no wait");
  });
});
