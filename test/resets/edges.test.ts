import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { startMailQueue } from "#kith/mail/queue.js";
import { sealApproval } from "#kith/protocol/case.js";
import { tagRow } from "#kith/protocol/tag.js";
import type { Token } from "#kith/protocol/token.js";
import { countOpenCases, storedCases, sweepCases } from "#kith/resets/cases.js";
import { insertApproval } from "#kith/resets/queries.js";
import { casesOf, passwordOf, textOf } from "../support/app.js";
import { openMailServer } from "../support/mail-server.js";
import { untilQueued } from "../support/queued.js";
import { choose, currentOf, openCommunity, readable, trustAll, turnOnSecondStep } from "../support/resets.js";

describe("pages about resets", () => {
  it("tell whoever forgot the password what to do, signed in or not", async () => {
    const { place, nour } = await openCommunity([]);
    for (const visitor of [place.visitor(), nour]) {
      const page = await visitor.get("/reset");
      assert.equal(page.statusCode, 200);
      assert.match(readable(page.body), /Ring somebody you trust/);
    }
  });

  it("ask for a name where none was typed, and say so at the field", async () => {
    const { nour } = await openCommunity([]);
    const page = await nour.post("/help", { username: "  " }, "/help");
    assert.equal(page.statusCode, 422);
    assert.match(page.body, /<title>Error/);
    assert.match(page.body, /aria-invalid="true"/);
    assert.match(page.body, /aria-current="page"[^>]*>\s*Help/i);
  });

  it("stand under Help in the navigation, whatever they answer, and the numbers for admins under Admin", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const form = await who.bea.get("/help");
    assert.equal(form.statusCode, 200);
    assert.equal(currentOf(form.body), "Help someone");
    assert.equal(currentOf((await who.bea.help("nobody")).body), "Help someone", "nothing there");
    const opened = await who.bea.openCase("ada");
    assert.equal(currentOf((await who.bea.help("ada")).body), "Help someone", "nothing chosen yet");
    const { words } = await choose(place, opened, passwordOf("ada", 2));
    assert.equal(currentOf((await who.bea.help("ada")).body), "Help someone", "words to compare");
    await who.bea.agree("ada", words);
    assert.equal(currentOf((await who.bea.get("/help/agreed")).body), "Help someone", "agreed");
    assert.equal(
      currentOf((await who.bea.post("/help/approve", { username: "nobody", case: "" }, "/help")).body),
      "Help someone",
      "agreed to nothing",
    );
    const alarm = await nour.get("/admin/cases");
    assert.equal(alarm.statusCode, 200);
    assert.equal(currentOf(alarm.body), "Admin");
    assert.equal((await who.bea.get("/admin/cases")).statusCode, 404);
  });

  it("say that nothing is chosen yet, to whoever has opened a case and looks again", async () => {
    const { who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await who.bea.openCase("ada");
    const page = (await who.bea.help("ada")).body;
    assert.match(page, /name="again" value="on"/, "a new link can be had");
    assert.equal(casesOf(page).length, 0);
    assert.doesNotMatch(page, /data-testid="case"/);
  });

  it("show each helper whether that one has agreed, whoever else did", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 3 });
    const { words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    const hasAgreed = async (helper: "bea" | "cem" | "dora") =>
      !(await who[helper].help("ada")).body.includes('action="/help/approve"') ||
      (await who[helper].help("ada")).body.includes('data-kind="good"');
    for (const helper of ["bea", "cem"] as const) {
      assert.equal(await hasAgreed(helper), false, helper);
      await who[helper].agree("ada", words);
      assert.equal(await hasAgreed(helper), true, helper);
      assert.equal(await hasAgreed("dora"), false, "not the one who has not");
    }
    assert.equal(await hasAgreed("bea"), true, "still");
  });

  it("show what stopping came to once; asked for again, they lead home", async () => {
    const { who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await who.bea.openCase("ada");
    assert.equal((await who.ada.post("/resets/stop", {}, "/")).headers.location, "/resets/stopped");
    assert.equal((await who.ada.get("/resets/stopped")).statusCode, 200);
    assert.equal((await who.ada.get("/resets/stopped")).headers.location, "/");
  });

  it("show it within a quarter hour, and no longer", async () => {
    for (const [minutes, status] of [
      [14, 200],
      [16, 303],
    ] as const) {
      const { place, who } = await openCommunity(["ada"]);
      await who.ada.post("/resets/stop", {}, "/");
      place.days(minutes / 1440);
      assert.equal((await who.ada.get("/resets/stopped")).statusCode, status, `after ${minutes} minutes`);
    }
  });

  it("list cases by the day of their choice, each with those who have agreed to it", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 3 });
    const words: string[][] = [];
    for (const helper of ["dora", "cem", "bea"] as const) {
      words.push((await choose(place, await who[helper].openCase("ada", true), passwordOf("ada", 2))).words);
      place.days(1);
      for (const each of ["bea", "cem", "dora"] as const) await who[each].signIn();
    }
    await who.bea.agree("ada", words[0] as string[]);
    await who.bea.agree("ada", words[2] as string[]);
    await who.cem.agree("ada", words[2] as string[]);
    const { body } = await who.dora.help("ada");
    assert.deepEqual(
      casesOf(body).map((one) => one.words),
      words,
    );
    assert.match(readable(body), /1 of 3 have agreed .*0 of 3 have agreed .*2 of 3 have agreed/);
  });

  it("list cases of one day in the same order whenever they are asked for", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora", "emil"]);
    await trustAll(who.ada, ["bea", "cem", "dora", "emil"], { threshold: 2 });
    for (const helper of ["bea", "cem", "dora"] as const) {
      await choose(place, await who[helper].openCase("ada", true), passwordOf("ada", 2));
    }
    const ids = casesOf((await who.emil.help("ada")).body).map(({ id }) => id);
    assert.equal(ids.length, 3);
    assert.deepEqual(ids, [...ids].sort());
  });
});

describe("cases of resets", () => {
  it("are counted for who watches, whosever they are, until they expire", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    assert.equal(await countOpenCases(place.context), 0);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.bea, ["ada"]);
    await who.bea.openCase("ada");
    await who.ada.openCase("bea");
    assert.equal(await countOpenCases(place.context), 2);
    place.days(44);
    assert.equal(await countOpenCases(place.context), 2, "on the last day");
    place.days(1);
    assert.equal(await countOpenCases(place.context), 0);
    await sweepCases(place.context);
    const { rows } = await sql`select from reset_cases`.execute(place.context.db);
    assert.equal(rows.length, 0);
  });

  it("count through their last day, swept or not, and their link until the wait would outlast them", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 10 });
    const opened = await who.bea.help("ada");
    const lastDay = new Date(place.context.clock().getTime() + 34 * 86_400_000);
    const text = lastDay.toLocaleDateString("en-GB", { day: "numeric", month: "long", timeZone: "UTC" });
    assert.match(readable(opened.body), new RegExp(`It works once, until ${text}[. ]`));
    await choose(place, new URL(textOf(opened.body, "handover-link") as string).pathname, passwordOf("ada", 2));
    place.days(44);
    await who.bea.signIn();
    assert.equal(casesOf((await who.bea.help("ada")).body).length, 1, "on the last day");
    place.days(1);
    await who.bea.signIn();
    const anew = await who.bea.help("ada");
    assert.equal(casesOf(anew.body).length, 0, "the day after, before it is swept");
    assert.ok(textOf(anew.body, "handover-link"), "a new one is opened");
  });

  it("take an approval of a row once, and none once they are gone", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 2 });
    const { words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    const { db } = place.context;
    const [approval] = await db.selectFrom("approvals").selectAll().execute();
    assert.ok(approval);
    assert.equal(await insertApproval(db, approval), "known");
    assert.equal(await insertApproval(db, { ...approval, case_id: randomUUID() }), "ended");
    const broken = { ...approval, row_id: randomUUID(), sealed: null as unknown as Uint8Array };
    await assert.rejects(insertApproval(db, broken), /null value/, "what else goes wrong is not taken for the end");
    assert.equal(await insertApproval(db, { ...approval, row_id: randomUUID() }), "written");
  });

  it("are not counted as agreed to by rows that Kith did not write, and their owner's sign-in says so", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    const { db } = place.context;
    const [approval] = await db.selectFrom("approvals").selectAll().execute();
    assert.ok(approval);
    await insertApproval(db, { ...approval, row_id: randomUUID() });
    // To a helper it does not count either, and is not told.
    assert.match(readable((await who.cem.help("ada")).body), /1 of 2/);
    assert.equal(place.context.forgedRows.size, 0);
    const waiting = await browser.signIn("ada", passwordOf("ada", 2));
    assert.match(readable(waiting.body), /1 of 2 have agreed/);
    assert.deepEqual([...place.context.forgedRows.keys()], ["approvals"]);
    await who.cem.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
  });

  it("are agreed to once by an approval that is stored twice", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    // As whoever owns the tables may do.
    await sql`alter table approvals drop constraint approvals_pkey`.execute(place.context.db);
    await sql`insert into approvals select * from approvals`.execute(place.context.db);
    assert.match(readable((await who.cem.help("ada")).body), /1 of 2/);
    const waiting = await browser.signIn("ada", passwordOf("ada", 2));
    assert.match(readable(waiting.body), /1 of 2 have agreed/);
  });

  it("with genuine approvals are reported by nobody, and one who has agreed is shown so", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    assert.match((await who.bea.help("ada")).body, /data-approved|You have agreed|You agreed/i);
    assert.doesNotMatch((await who.cem.help("ada")).body, /You have agreed|You agreed/i);
    await who.cem.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).headers.location, "/");
    assert.match(readable((await browser.get("/")).body), /You are back in, ada\. .* Your key is new/);
    assert.equal(place.context.forgedRows.size, 0);
  });

  it("never ripen with an approval under other rules than those the password was chosen under", async () => {
    for (const other of [{ threshold: 2 }, { waitDays: 1 }, { keepsKey: true }]) {
      const { place, who } = await openCommunity(["ada", "bea"]);
      const { db, secret } = place.context;
      await trustAll(who.ada, ["bea"]);
      const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
      await who.bea.agree("ada", words);
      const [approval] = await db.selectFrom("approvals").selectAll().execute();
      const [row] = await db.selectFrom("reset_cases").selectAll().execute();
      assert.ok(approval && row?.pending_public_key);
      const rules = { threshold: 1, waitDays: 0, keepsKey: false, ...other };
      const sealed = await sealApproval({ rules, share: new Uint8Array(33) } as Token, row.pending_public_key);
      const { tag: _old, ...columns } = { ...approval, sealed };
      await db
        .updateTable("approvals")
        .set({ sealed, tag: tagRow(secret, "approvals", columns) })
        .execute();
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 422, JSON.stringify(other));
      // Nor with one that the pending key does not open, nor with rules that it does not.
      const broken = { ...columns, sealed: randomBytes(sealed.length) };
      await db
        .updateTable("approvals")
        .set({ sealed: broken.sealed, tag: tagRow(secret, "approvals", broken) })
        .execute();
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 422);
      await db.updateTable("approvals").set({ sealed: approval.sealed, tag: approval.tag }).execute();
      const { tag: _kept, ...stored } = { ...row, rules: randomBytes(row.rules.length) };
      await db
        .updateTable("reset_cases")
        .set({ rules: stored.rules, tag: tagRow(secret, "reset_cases", stored) })
        .execute();
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 422);
      await db.updateTable("reset_cases").set({ rules: row.rules, tag: row.tag }).execute();
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303, "all as it was");
    }
  });

  it("of an account that is not Kith's, or suspended whatever others see, can be neither opened nor used", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    const { db, secret } = place.context;
    await trustAll(who.ada, ["bea"]);
    const link = await who.bea.openCase("ada");
    const ada = await db.selectFrom("accounts").selectAll().where("username", "=", "ada").executeTakeFirstOrThrow();
    const put = (values: { tag: Uint8Array; status?: "suspended" }) =>
      db.updateTable("accounts").set(values).where("id", "=", ada.id).execute();
    const { tag: _tag, ...suspended } = { ...ada, status: "suspended" as const };
    for (const values of [
      { tag: randomBytes(32) },
      { status: "suspended" as const, tag: tagRow(secret, "accounts", suspended) },
    ]) {
      await put(values);
      assert.equal((await place.visitor().get(link)).statusCode, 404);
      const page = await who.bea.help("ada", true);
      assert.equal(page.statusCode, 200);
      assert.match(readable(page.body), /Nothing opens for you there/);
    }
    await put({ status: "active" as never, tag: ada.tag });
    assert.equal((await place.visitor().get(link)).statusCode, 200);
  });

  it("can't be opened by anybody while one of the member's rows is missing, whosever it was", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    const { db } = place.context;
    await trustAll(who.ada, ["bea"]);
    const { id } = await db.selectFrom("accounts").select("id").where("username", "=", "ada").executeTakeFirstOrThrow();
    const rows = await db.selectFrom("relations").selectAll().where("trusting_id", "=", id).execute();
    for (const row of rows) {
      await db.deleteFrom("relations").where("id", "=", row.id).execute();
      assert.doesNotMatch((await who.bea.help("ada")).body, /handover/);
      await db.insertInto("relations").values(row).execute();
    }
    assert.ok(await who.bea.openCase("ada"));
  });

  it("that ended are not opened again by their rows put back: link and password are dead", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    const { db } = place.context;
    await trustAll(who.ada, ["bea"]);
    const link = await who.bea.openCase("ada");
    const rows = await db.selectFrom("reset_cases").selectAll().execute();
    assert.equal((await place.visitor().get(link)).statusCode, 200);
    await who.ada.signIn();
    assert.equal((await place.visitor().get(link)).statusCode, 404);
    await db.insertInto("reset_cases").values(rows).execute();
    assert.equal((await place.visitor().get(link)).statusCode, 404);
  });

  it("that expire are told to their owner, unless their row is not Kith's", async (t) => {
    const mail = await openMailServer();
    const env = { KITH_SMTP_URL: mail.url, KITH_MAIL_FROM: "Kith <kith@example.org>" };
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"], { env });
    const queue = await startMailQueue(place.context, { pollSeconds: 0.5 });
    t.after(() => queue.stop());
    await trustAll(who.ada, ["bea", "dora"]);
    await trustAll(who.cem, ["bea"]);
    await trustAll(who.dora, ["bea"]);
    await who.bea.openCase("ada");
    await who.dora.openCase("ada");
    await who.bea.openCase("cem");
    await who.bea.openCase("dora");
    await mail.until(4);
    const { db } = place.context;
    const { id } = await db.selectFrom("accounts").select("id").where("username", "=", "cem").executeTakeFirstOrThrow();
    // Nor is one whose account is not Kith's any more.
    await db
      .updateTable("accounts")
      .set({ tag: randomBytes(32) })
      .where("username", "=", "dora")
      .execute();
    await db
      .updateTable("reset_cases")
      .set({ tag: randomBytes(32) })
      .where("trusting_id", "=", id)
      .execute();
    place.days(45);
    await sweepCases(place.context);
    // What comes after it is queued after it.
    await who.bea.signIn();
    await who.bea.openCase("ada");
    await mail.until(6);
    await untilQueued(place, (count) => count === 0);
    const sent = mail.received.slice(4).map(({ to, subject }) => `${to}: ${subject}`);
    assert.deepEqual(
      sent.sort(),
      ["ada@localhost: Somebody asked to reset your password", "ada@localhost: The reset of your password has run out"],
      "ended once, though two of hers did",
    );
  });

  it("of somebody else, put on the own account, are not the own", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "mal"]);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.mal, ["bea"]);
    await choose(place, await who.bea.openCase("mal"), passwordOf("mal", 2));
    const { db } = place.context;
    const idOf = async (name: string) =>
      (await db.selectFrom("accounts").select("id").where("username", "=", name).executeTakeFirstOrThrow()).id;
    const [ada, mal] = [await idOf("ada"), await idOf("mal")];
    await db.updateTable("reset_cases").set({ trusting_id: ada }).where("trusting_id", "=", mal).execute();
    assert.equal((await storedCases(place.context, ada)).length, 1);
    assert.equal((await place.visitor().signIn("ada", passwordOf("mal", 2))).statusCode, 422);
    assert.doesNotMatch(readable((await who.ada.get("/")).body), /reset/i, "no band");
    const plain = await place.visitor().signIn("ada");
    assert.equal(plain.statusCode, 303);
    assert.deepEqual([...place.context.forgedRows.keys()], ["reset_cases"]);
  });

  it("are not opened by relations of an earlier sign-in put back, though Kith wrote them", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    const { db } = place.context;
    await trustAll(who.ada, ["bea"]);
    const { id } = await db.selectFrom("accounts").select("id").where("username", "=", "ada").executeTakeFirstOrThrow();
    const earlier = await db.selectFrom("relations").selectAll().where("trusting_id", "=", id).execute();
    await who.ada.signIn();
    await db.deleteFrom("relations").where("trusting_id", "=", id).execute();
    await db.insertInto("relations").values(earlier).execute();
    assert.doesNotMatch((await who.bea.help("ada")).body, /handover/);
    assert.equal((await storedCases(place.context, id)).length, 0);
  });

  it("that somebody begins anew say nothing of rows that are Kith's, nor of another helper's that is spoilt", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    const { db, forgedRows } = place.context;
    await trustAll(who.ada, ["bea", "cem"]);
    await who.bea.openCase("ada");
    await who.bea.openCase("ada", true);
    assert.equal(forgedRows.size, 0);
    await db
      .updateTable("reset_cases")
      .set({ tag: randomBytes(32) })
      .execute();
    await who.cem.openCase("ada", true);
    assert.equal(forgedRows.size, 0, "that is for ada to hear, and for the inspection");
  });

  it("that somebody began anew over a spoilt row say so", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    await who.bea.openCase("ada");
    await place.context.db
      .updateTable("reset_cases")
      .set({ tag: randomBytes(32) })
      .execute();
    await who.bea.openCase("ada", true);
    assert.deepEqual([...place.context.forgedRows.keys()], ["reset_cases"]);
  });
});

describe("a completed reset", () => {
  for (const [before, after] of [
    ["both", "inviting"],
    ["sign-in", "nothing"],
    ["inviting", "inviting"],
  ] as const) {
    it(`of a member frozen for "${before}" leaves "${after}"`, async () => {
      const { place, nour, who } = await openCommunity(["ada", "bea"]);
      const { db } = place.context;
      const ada = db.selectFrom("accounts").select("frozen").where("username", "=", "ada");
      const frozen = async () => (await ada.executeTakeFirstOrThrow()).frozen;
      await trustAll(who.ada, ["bea"]);
      for (const what of before === "both" ? ["inviting", "sign-in"] : [before]) {
        const act = { username: "ada", what, reason: "a thief knows the password" };
        assert.equal((await nour.post("/admin/accounts/freeze", act, "/admin/accounts")).statusCode, 303);
      }
      assert.equal(await frozen(), before);
      const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
      await who.bea.agree("ada", words);
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
      assert.equal(await frozen(), after);
    });
  }

  it("leaves S rows, whatever somebody added to them or took from them, and a member whom others see", async () => {
    for (const [what, count] of [
      ["added", 3],
      ["taken", 3],
    ] as const) {
      const { place, who } = await openCommunity(["ada", "bea"]);
      const { db, config } = place.context;
      await trustAll(who.ada, ["bea"]);
      const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
      await who.bea.agree("ada", words);
      const ada = db.selectFrom("accounts").select("id").where("username", "=", "ada");
      const { id } = await ada.executeTakeFirstOrThrow();
      const rows = () => db.selectFrom("relations").selectAll().where("trusting_id", "=", id).execute();
      const some = (await rows()).slice(0, count);
      if (what === "added") {
        await db
          .insertInto("relations")
          .values(some.map((row) => ({ ...row, id: randomUUID(), token_hash: randomBytes(32) })))
          .execute();
      } else {
        await db
          .deleteFrom("relations")
          .where(
            "id",
            "in",
            some.map((row) => row.id),
          )
          .execute();
      }
      await db.deleteFrom("people").where("account_id", "=", id).execute();
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303, what);
      assert.equal((await rows()).length, config.trustSlots, what);
      assert.equal((await browser.trust("bea")).statusCode, 303);
      assert.equal((await who.bea.trust("ada")).statusCode, 303, "she can be named");
    }
  });

  it("opens a frozen account with a second step as well: the code comes after the new password", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const code = await turnOnSecondStep(place, who.ada);
    const act = { username: "ada", what: "sign-in", reason: "a thief knows the password" };
    assert.equal((await nour.post("/admin/accounts/freeze", act, "/admin/accounts")).statusCode, 303);
    assert.equal((await who.ada.get("/security")).statusCode, 303, "her sessions are over");
    const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await who.bea.agree("ada", words);
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).headers.location, "/sign-in/code");
    assert.equal((await browser.get("/sign-in/code")).statusCode, 200);
    place.advance(30_000);
    assert.equal((await browser.post("/sign-in/code", { code: code() }, "/sign-in/code")).statusCode, 303);
    assert.equal((await browser.get("/security")).statusCode, 200, "signed in");
  });
});
