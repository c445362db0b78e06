import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findAccountByName } from "#kith/accounts/account.js";
import { selectAccount } from "#kith/accounts/queries.js";
import { hasValidTag } from "#kith/protocol/tag.js";
import { type CaseRow, countingCases, storedCases, storedCasesAmongDecoys } from "#kith/resets/cases.js";
import { passwordOf } from "../support/app.js";
import { choose, openCommunity, trustAll } from "../support/resets.js";

const lengths = (row: CaseRow) =>
  Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? value.length : typeof value]);

describe("a wrong password", () => {
  it("costs reading and checking S reset cases of one size, however many the member has, and for nobody too", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "zoe"]);
    const { context } = place;
    await trustAll(who.ada, ["bea", "cem"]);
    for (const helper of [who.bea, who.cem]) await choose(place, await helper.openCase("ada"), passwordOf("ada", 2));
    const sizes = new Set<string>();
    for (const [username, count] of [
      ["ada", 2],
      ["zoe", 0],
      ["", 0],
    ] as const) {
      const { accountId } = context.decoys;
      const account =
        username === ""
          ? await selectAccount(context.db, accountId)
          : await findAccountByName(context, "localhost", username);
      assert.ok(account);
      const rows = await storedCasesAmongDecoys(context, account.id);
      assert.equal(rows.length, context.config.trustSlots);
      for (const row of rows) {
        assert.ok(hasValidTag(context.secret, "reset_cases", { ...row }), "each is checked to the end");
        sizes.add(JSON.stringify(lengths(row)));
      }
      assert.deepEqual(countingCases(context, rows, account), await storedCases(context, account.id));
      assert.equal(countingCases(context, rows, account).length, count, "decoys never count");
    }
    assert.equal(sizes.size, 1, "a decoy has the size of a case in which a password was chosen");
    assert.deepEqual(context.forgedRows.get("reset_cases") ?? 0, 0, "and is no forgery");
  });
});
