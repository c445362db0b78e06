import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { sendNotice, startMailQueue } from "#kith/mail/queue.js";
import { openPlace, passwordOf } from "../support/app.js";
import { openMailServer } from "../support/mail-server.js";
import { turnOnSecondStep } from "../support/resets.js";

describe("notices of one's own account by mail", () => {
  it("come when password, second step or contact address change, the last one to where notices went before", async (t) => {
    const mail = await openMailServer();
    const place = await openPlace({ env: { KITH_SMTP_URL: mail.url, KITH_MAIL_FROM: "Kith <kith@example.org>" } });
    const queue = await startMailQueue(place.context, { pollSeconds: 0.5 });
    t.after(() => queue.stop());
    const nour = await place.founder();
    await nour.bring("bea");
    const ada = await nour.bring("ada");
    await ada.trust("bea");
    const setAddress = (address: string) => ada.post("/account/contact", { address }, "/account");

    await ada.post("/security/password", { current_password: "9 wrong wrong wrong", password: "x" }, "/security");
    await ada.post("/security/totp/remove", { current_password: "9 wrong wrong wrong" }, "/security");
    await setAddress("no address");
    await setAddress("ada@elsewhere.example");
    await mail.until(1);
    await setAddress("ada@elsewhere.example");
    await setAddress("ada@third.example");
    await mail.until(2);
    await turnOnSecondStep(place, ada);
    await mail.until(3);
    const password = passwordOf("ada", 2);
    await ada.post("/security/password", { current_password: passwordOf("ada"), password }, "/security");
    await mail.until(4);
    assert.deepEqual(
      mail.received.map(({ to, subject }) => [to[0], subject]),
      [
        ["ada@localhost", "Notices about your account go elsewhere now"],
        ["ada@elsewhere.example", "Notices about your account go elsewhere now"],
        ["ada@third.example", "The second step of your account was changed"],
        ["ada@third.example", "Your password was changed"],
      ],
    );
    for (const { raw, text } of mail.received) {
      assert.doesNotMatch(raw.replace(/^Message-ID:.*$/im, ""), /bea|nour|https?:/i, "no names of others, no link");
      assert.doesNotMatch(text, /third|elsewhere\.example/, "not even the new address");
      assert.ok(text.length < 600, "short");
    }
    assert.match((await ada.get("/security")).body, /Contact address changed/);
    assert.doesNotMatch(place.log.join(""), /third\.example|elsewhere\.example/);
  });

  it("come once when whoever knows the password types wrong codes until no more are taken", async (t) => {
    const mail = await openMailServer();
    const place = await openPlace({
      env: { KITH_SMTP_URL: mail.url, KITH_MAIL_FROM: "Kith <kith@example.org>", KITH_LIMITS: "code=3/3600" },
    });
    const queue = await startMailQueue(place.context, { pollSeconds: 0.1 });
    t.after(() => queue.stop());
    const ada = await (await place.founder()).bring("ada");
    await turnOnSecondStep(place, ada);
    await mail.until(1);
    const thief = place.visitor();
    await thief.signIn("ada");
    const guess = () => thief.post("/sign-in/code", { code: "000000" }, "/sign-in/code");
    for (let count = 0; count < 3; count++) assert.equal((await guess()).statusCode, 422);
    await mail.until(2);
    for (let count = 0; count < 3; count++) assert.equal((await guess()).statusCode, 429);
    const password = passwordOf("ada", 2);
    await ada.post("/security/password", { current_password: passwordOf("ada"), password }, "/security");
    await mail.until(3);
    assert.deepEqual(
      mail.received.map(({ to, subject }) => [to[0], subject]),
      [
        ["ada@localhost", "The second step of your account was changed"],
        ["ada@localhost", "Too many wrong codes for your account"],
        ["ada@localhost", "Your password was changed"],
      ],
    );
    const { raw, text } = mail.received[1] as (typeof mail.received)[number];
    assert.doesNotMatch(raw.replace(/^Message-ID:.*$/im, ""), /nour|https?:/i, "no names of others, no link");
    assert.ok(text.length < 600, "short");
    assert.equal((await thief.get("/sign-in/code")).headers.location, "/sign-in", "the half session is over");
  });

  it("wait under the server secret: nobody reads them in the queue, and after a change of the secret they are dropped", async (t) => {
    const mail = await openMailServer();
    const { context } = await openPlace({
      env: { KITH_SMTP_URL: mail.url, KITH_MAIL_FROM: "Kith <kith@example.org>" },
    });
    const notice = { to: "ada@elsewhere.example", language: "en", kind: "password-changed" } as const;
    await sendNotice({ ...context, secret: randomBytes(32) }, notice);
    await sendNotice(context, { ...notice, to: "ada@third.example" });
    const { rows } = await context.pool.query("select data::text as text from pgboss.job where name = 'notices'");
    assert.equal(rows.length, 2);
    for (const { text } of rows) assert.match(text, /^{"sealed": "[\w-]{5499}"}$/);
    const queue = await startMailQueue(context, { pollSeconds: 0.1 });
    t.after(() => queue.stop());
    await mail.until(1);
    for (let left = 2; left > 0; ) {
      left = (await context.pool.query("select from pgboss.job where name = 'notices'")).rowCount ?? 0;
    }
    assert.deepEqual(
      mail.received.map(({ to }) => to[0]),
      ["ada@third.example"],
    );
  });
});
