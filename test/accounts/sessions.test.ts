import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openSession, type Session, saveSession } from "#kith/accounts/sessions.js";
import type { Visitor } from "../support/app.js";
import { openCommunity } from "../support/resets.js";
import { beforeStatement, watchStatements } from "../support/statements.js";

describe("a session that two requests change at once", () => {
  it("keeps both changes, whichever is stored first", async () => {
    const { place, who } = await openCommunity(["ada"]);
    const { context } = place;
    const open = async () => (await openSession(context, who.ada.cookies.get("session") as string)) as Session;
    const [one, two] = [await open(), await open()];
    const sealed = async () =>
      (await context.pool.query("select sealed from sessions where id = $1", [one.id])).rows[0].sealed;
    const put = (row: Buffer) => context.pool.query("update sessions set sealed = $1 where id = $2", [row, one.id]);
    const before = await sealed();
    await saveSession(context, two, { next: "/help" });
    const after = await sealed();
    // As if another instance stored that one while this one is under way.
    await put(before);
    await beforeStatement(context.pool, [/update "sessions"/], () => put(after));
    await saveSession(context, one, { reviewUntil: 1 });
    for (const { payload } of [one, await open()]) {
      assert.deepEqual([payload.next, payload.reviewUntil], ["/help", 1]);
    }
    await Promise.all([saveSession(context, one, { next: "/trust" }), saveSession(context, two, { reviewUntil: 2 })]);
    const { payload } = await open();
    assert.deepEqual([payload.next, payload.reviewUntil], ["/trust", 2], "here as well");
  });
});

describe("the marks of sessions that were left", () => {
  const listsAnother = async (owner: Visitor) => /name="session"/.test((await owner.get("/security")).body);

  it("are read once for many pages, and again when they are old; those left here are known at once", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea"]);
    const elsewhere = place.visitor();
    await elsewhere.signIn("ada");
    // It stands still: the pages may take as long as they like.
    let now = place.context.clock().getTime();
    place.context.clock = () => new Date(now);
    let times = 0;
    await watchStatements(place.context.pool, (text) => {
      if (/^select "mark" from "left_sessions"$/.test(text)) times++;
    });
    for (let round = 1; round <= 2; round++) {
      now += 10 * 60_000;
      await Promise.all([nour, who.ada, who.bea].flatMap((member) => [member.get("/"), member.get("/")]));
      await nour.get("/");
      assert.ok(await listsAnother(who.ada));
      assert.equal(times, round);
    }
    await elsewhere.signOut();
    assert.ok(!(await listsAnother(who.ada)));
    assert.equal(times, 2, "and nothing was read for that");
  });
});
