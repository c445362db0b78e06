import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { openColumn, type SealedColumn, sealColumn, sealedColumnBytes } from "#kith/protocol/column.js";
import { altered } from "../support/keys.js";

const COLUMNS: SealedColumn[] = ["contact", "second step"];

describe("a sealed column", () => {
  it("has one length whether it is used or not, and gives its text back to the server alone", () => {
    fc.assert(
      fc.property(fc.constantFrom(...COLUMNS), fc.string({ maxLength: 100 }), fc.uuid(), (column, given, id) => {
        const secret = randomBytes(32);
        const text = Buffer.from(given, "utf8").toString("utf8");
        const sealed = sealColumn(secret, column, id, text);
        assert.equal(sealed.length, sealedColumnBytes(column));
        assert.equal(openColumn(secret, column, id, sealed), text);
        assert.equal(openColumn(randomBytes(32), column, id, sealed), undefined);
      }),
    );
  });

  it("does not open for another account, in place of another column, or altered", () => {
    const secret = randomBytes(32);
    const sealed = sealColumn(secret, "contact", "ada", "ada@example.net");
    assert.equal(openColumn(secret, "contact", "bea", sealed), undefined);
    assert.equal(openColumn(secret, "second step", "ada", sealed), undefined);
    for (let at = 0; at < sealed.length; at++) {
      assert.equal(openColumn(secret, "contact", "ada", altered(sealed, at)), undefined);
    }
  });

  it("holds the longest address there is, and refuses what does not fit", () => {
    assert.ok(sealColumn(randomBytes(32), "contact", "ada", `${"ü".repeat(127)}@`));
    assert.throws(() => sealColumn(randomBytes(32), "contact", "ada", "x".repeat(321)), { code: "ERR_CLASS_OVERFLOW" });
  });
});
