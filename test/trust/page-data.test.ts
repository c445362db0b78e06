import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { textOf } from "../support/app.js";
import { openCommunity, readable, statementOf, trustAll } from "../support/resets.js";

describe("somebody trusted who was suspended while the list was made anew", () => {
  it("counts from the next sign-in after the reinstating, and no page says that sooner", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const bea = { username: "bea", domain: "localhost" };
    await setStatus(place.context, bea, "suspended");
    await who.ada.signIn();
    await setStatus(place.context, bea, "active");
    await who.bea.signIn();
    for (const [page, said] of [
      ["/", /Bea is back Bea can help you back in again from your next sign-in/],
      ["/trust", /Counts again from your next sign-in/],
    ] as const) {
      const { body } = await who.ada.get(page);
      assert.equal(statementOf(body), "Nobody can let you back in right now.", page);
      assert.match(readable(body), said);
    }
    assert.equal(textOf((await who.bea.help("ada")).body, "handover-link"), undefined, "and so it is");
    await who.ada.signIn();
    for (const page of ["/", "/trust"]) {
      const { body } = await who.ada.get(page);
      assert.equal(statementOf(body), "Bea can let you back in.", page);
      assert.doesNotMatch(readable(body), /next sign-in/);
    }
    assert.ok(await who.bea.openCase("ada"));
  });
});
