import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countOf, openPlace, passwordOf, textOf, Visitor } from "../support/app.js";

/** How many redeem one letter at the same moment; `TEST_RACES=1000` for the full run. */
const RACERS = Number(process.env.TEST_RACES ?? 50);

describe("invite letters", () => {
  it(`of ${RACERS} who redeem one letter at the same moment, one gets in`, async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const letter = await nour.invite();
    const answers = await Promise.all(
      Array.from({ length: RACERS }, async (_, number) => {
        const racer = new Visitor(place.app);
        return { racer, answer: await racer.join(letter, `racer${number}`) };
      }),
    );
    const joined = answers.filter(({ answer }) => answer.statusCode === 303);
    assert.equal(joined.length, 1);
    for (const { racer, answer } of answers) {
      if (joined[0]?.racer === racer) continue;
      // Beyond what the queue for hashing holds, somebody is asked to come back.
      assert.ok([404, 503].includes(answer.statusCode), String(answer.statusCode));
      assert.ok(!racer.cookies.has("session"));
    }
    const rows = await place.context.db.selectFrom("accounts").select("username").execute();
    assert.equal(rows.filter(({ username }) => username.startsWith("racer")).length, 1);
    assert.equal(
      (await place.context.db.selectFrom("people").select("username").execute()).filter(({ username }) =>
        username.startsWith("racer"),
      ).length,
      1,
    );
  });

  it("a letter is a link, a QR code, a text to copy and a card, shown once", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    await nour.post("/invites", { note: "Ida, choir" }, "/invites");
    const page = (await nour.get("/invites")).body;
    const link = textOf(page, "invite-link");
    assert.ok(link);
    assert.match(textOf(page, "invite-text") ?? "", /You are invited to localhost/);
    assert.ok(textOf(page, "invite-text")?.includes(link));
    assert.match(page, /<svg class="qr"/);
    const card = await nour.get("/invites/card");
    assert.equal(card.statusCode, 200);
    assert.ok(card.body.includes(link));
    assert.ok((await nour.get("/invites/card")).body.includes(link), "printed twice");
    assert.equal(textOf((await nour.get("/invites")).body, "invite-link"), undefined);
    const late = await nour.get("/invites/card");
    assert.equal(late.statusCode, 200);
    assert.ok(!late.body.includes(link));
    await nour.post("/account/language", { language: "de" }, "/account");
    await nour.post("/invites", { note: "" }, "/invites");
    assert.match(textOf((await nour.get("/invites")).body, "invite-text") ?? "", /Du bist zu localhost eingeladen/);
  });

  it("open, used, revoked and expired ones are listed; revoked ones look like unknown ones and may be written again", async () => {
    const place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "3", KITH_INVITE_DAYS: "10" } });
    const nour = await place.founder();
    await nour.bring("dora");
    const letter = await nour.invite();
    await nour.invite();
    assert.equal((await nour.post("/invites", { note: "" }, "/invites")).statusCode, 422, "the quota");
    const list = (await nour.get("/invites")).body;
    const ids = [...list.matchAll(/name="invite" value="([^"]+)"/g)].map((match) => match[1] as string);
    assert.equal(ids.length, 2);
    await nour.post("/invites/revoke", { invite: ids[1] as string }, "/invites");
    const revoked = await new Visitor(place.app).get(letter);
    assert.equal(revoked.statusCode, 404);
    const after = (await nour.get("/invites")).body;
    assert.match(after, /Taken back/);
    assert.match(after, /Came in .* as dora/);
    assert.match(after, /<span class="count">1<\/span>/);
    place.days(11);
    await nour.signIn();
    assert.match((await nour.get("/invites")).body, /Ran out in/);
    assert.equal(countOf((await nour.get("/invites")).body, "tree-node"), 0);
  });

  it("an account must be as old as the operator wants before it may invite", async () => {
    const place = await openPlace({ env: { KITH_INVITE_MIN_AGE_DAYS: "3" } });
    const nour = await place.founder();
    const early = await nour.post("/invites", { note: "" }, "/invites");
    assert.equal(early.statusCode, 422);
    assert.match(early.body, /once you have been here for 3 days/);
    place.days(3);
    assert.equal((await nour.signIn("nour", passwordOf("nour"))).statusCode, 303);
    assert.equal((await nour.post("/invites", { note: "" }, "/invites")).statusCode, 303);
  });
});
