import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openPlace } from "../support/app.js";
import { letBackIn, openCommunity, trustAll } from "../support/resets.js";

/** Milliseconds, less one for the rounding of timers. Without the wait each page takes a few, so that the fastest of some tells. */
const STEP = 44;

describe("pages of which nobody is to tell by the clock which it was", () => {
  /** @param before done each time, and not measured */
  const fastestOf = async (page: () => Promise<unknown>, before?: () => Promise<unknown>) => {
    let fastest = Number.POSITIVE_INFINITY;
    for (let times = 0; times < 8; times++) {
      await before?.();
      const began = performance.now();
      await page();
      fastest = Math.min(fastest, performance.now() - began);
    }
    return fastest;
  };

  it("are never sent before their step: both where a sign-in lands", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.bea, ["cem"]);
    await letBackIn(place, who.cem, "bea");
    await who.ada.signOut();
    assert.equal((await who.ada.signIn()).headers.location, "/trust/confirm");
    for (const path of ["/", "/trust/confirm"]) assert.ok((await fastestOf(() => who.ada.get(path))) >= STEP, path);
    // Or a machine that does much else would be all there is to see.
    const end = performance.now() + 60_000;
    while ((await fastestOf(() => who.ada.get("/help"))) >= STEP)
      assert.ok(performance.now() < end, "of other pages the fastest is faster");
  });

  it("nor are those after a form that is about others: with a letter, or with what was saved", async () => {
    const place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "40" } });
    const nour = await place.founder();
    assert.ok((await fastestOf(() => nour.rules(1))) >= STEP, "the form itself");
    const after = async (form: () => Promise<unknown>, path: string) =>
      assert.ok((await fastestOf(() => nour.get(path), form)) >= STEP, path);
    await after(() => nour.post("/invites", { note: "" }, "/invites"), "/invites");
    await nour.bring("bea");
    await nour.trust("bea");
    await after(() => nour.rules(1), "/trust");
  });
});
