import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { startMailQueue } from "#kith/mail/queue.js";
import { sweepCases } from "#kith/resets/cases.js";
import { type Place, passwordOf } from "../support/app.js";
import { openMailServer } from "../support/mail-server.js";
import { queuedNotices, untilQueued } from "../support/queued.js";
import { choose, openCommunity, trustAll } from "../support/resets.js";

/** Delivers what is queued, as `kith start` does. */
async function deliverFor(place: Place, t: TestContext): Promise<void> {
  const queue = await startMailQueue(place.context, { pollSeconds: 0.5 });
  t.after(() => queue.stop());
}

const env = (url: string) => ({ KITH_SMTP_URL: url, KITH_MAIL_FROM: "Kith <kith@example.org>" });

describe("notices of a reset by mail", () => {
  it("come when it is opened, when a password was chosen, and when it is completed", async (t) => {
    const mail = await openMailServer();
    const { place, who } = await openCommunity(["ada", "bea", "cem"], { env: env(mail.url) });
    await deliverFor(place, t);
    await trustAll(who.ada, ["bea", "cem"], { threshold: 2 });
    const path = await who.bea.openCase("ada");
    await mail.until(1);
    const { browser, words } = await choose(place, path, passwordOf("ada", 2));
    await mail.until(2);
    await who.bea.agree("ada", words);
    await who.cem.agree("ada", words);
    await mail.until(3);
    await browser.signIn("ada", passwordOf("ada", 2));
    await mail.until(4);
    assert.deepEqual(
      mail.received.map(({ subject }) => subject),
      [
        "Somebody asked to reset your password",
        "A new password was chosen for your account",
        "Somebody asked to reset your password", // cem named her for the first time: a link of his own
        "Your password was reset",
      ],
    );
    for (const { to, from, raw, text } of mail.received) {
      assert.deepEqual(to, ["ada@localhost"], "the member's own mailbox");
      assert.equal(from, "kith@example.org");
      assert.match(raw, /^Content-Type: text\/plain/im);
      assert.doesNotMatch(raw.replace(/^Message-ID:.*$/im, ""), /bea|cem|nour/i, "no names of other members");
      assert.doesNotMatch(raw, /handover|https?:/i, "no link");
      assert.ok(words.filter((word) => text.split(/\W+/).includes(word)).length < 3, "not the words");
      assert.ok(text.length < 600, "short");
    }
  });

  it("go to the contact address, in the account's language, when it is stopped or expires", async (t) => {
    const mail = await openMailServer();
    const { place, who } = await openCommunity(["ada", "bea"], { env: env(mail.url) });
    await deliverFor(place, t);
    await trustAll(who.ada, ["bea"], { threshold: 1, waitDays: 2 });
    await who.ada.post("/account/contact", { address: "ada@elsewhere.example" }, "/account");
    await who.ada.post("/account/language", { language: "de" }, "/account");
    await mail.until(1);
    assert.deepEqual(mail.received.shift()?.to, ["ada@localhost"], "that of the change itself");
    await who.bea.openCase("ada");
    await mail.until(1);
    await who.ada.post("/resets/stop");
    await mail.until(2);
    await who.bea.openCase("ada");
    await mail.until(3);
    place.days(45);
    await sweepCases(place.context);
    await sweepCases(place.context);
    await mail.until(4);
    const [opened, stopped, , expired] = mail.received;
    assert.equal(opened?.subject, "Jemand möchte dein Passwort zurücksetzen");
    assert.equal(stopped?.subject, "Das Zurücksetzen deines Passworts wurde angehalten");
    assert.equal(expired?.subject, "Das Zurücksetzen deines Passworts ist abgelaufen");
    assert.match(String(opened?.text), /Warst du das, gibt es hier nichts zu tun/);
    for (const { to } of mail.received) assert.deepEqual(to, ["ada@elsewhere.example"]);
    await who.bea.signIn();
    await who.bea.openCase("ada");
    await mail.until(5);
    await who.ada.signIn();
    await mail.until(6);
    assert.equal(mail.received[5]?.subject, "Das Zurücksetzen deines Passworts wurde angehalten", "by a sign-in");
    await who.bea.openCase("ada");
    await mail.until(7);
    await who.ada.rules(1, 0);
    await mail.until(8);
    assert.equal(mail.received.length, 8);
    assert.equal(mail.received[7]?.subject, "Das Zurücksetzen deines Passworts wurde angehalten", "by other rules");
  });

  it("tell whoever signs in after it expired, though nothing was swept yet", async (t) => {
    const mail = await openMailServer();
    const { place, who } = await openCommunity(["ada", "bea"], { env: env(mail.url) });
    await deliverFor(place, t);
    await trustAll(who.ada, ["bea"]);
    await who.bea.openCase("ada");
    await mail.until(1);
    place.days(45);
    await who.ada.signIn();
    await mail.until(2);
    // Nothing is left that it could tell of.
    await sweepCases(place.context);
    await untilQueued(place, (count) => count === 0);
    assert.deepEqual(
      mail.received.map(({ subject }) => subject),
      ["Somebody asked to reset your password", "The reset of your password has run out"],
    );
  });

  it("hold up nothing: not with a server that never answers, nor with none at all", async (t) => {
    const mail = await openMailServer({ silent: true });
    for (const url of [mail.url, "smtp://127.0.0.1:1"]) {
      const { place, who } = await openCommunity(["ada", "bea"], { env: env(url) });
      await deliverFor(place, t);
      await trustAll(who.ada, ["bea"]);
      const begun = Date.now();
      const { browser, words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
      await who.bea.agree("ada", words);
      assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
      // It would have a minute to greet, for each of three notices.
      assert.ok(Date.now() - begun < 60_000, "nobody waited for the mail server");
      assert.equal(mail.received.length, 0);
      await untilQueued(place, (count) => count === 3);
      assert.ok(!place.log.join("").includes("ada@"), "no address in the log");
    }
  });

  it("are not sent for somebody who only tries", async (t) => {
    const mail = await openMailServer();
    const { place, who } = await openCommunity(["ada", "bea", "cem"], { env: env(mail.url) });
    // Its first look is over before there is anything, and the next does not come.
    const queue = await startMailQueue(place.context, { pollSeconds: 3_600 });
    t.after(() => queue.stop());
    await trustAll(who.ada, ["bea"]);
    await who.cem.help("ada");
    await who.cem.help("nobody-here");
    await place.visitor().signIn("ada", "not the password at all");
    // What comes after it is queued after it.
    await who.bea.openCase("ada");
    await untilQueued(place, (count) => count > 0);
    assert.equal(await queuedNotices(place), 1);
    await queue.stop();
    await deliverFor(place, t);
    await untilQueued(place, (count) => count === 0);
    assert.deepEqual(
      mail.received.map(({ subject }) => subject),
      ["Somebody asked to reset your password"],
    );
  });
});
