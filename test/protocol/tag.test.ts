import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Part } from "#kith/protocol/bytes.js";
import { deriveKey, hash, hmac, type Label } from "#kith/protocol/derive.js";
import { hasValidTag, tagRow } from "#kith/protocol/tag.js";
import { altered } from "../support/keys.js";

const value = (): fc.Arbitrary<Part> =>
  fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.string({ maxLength: 8 }), fc.nat(), fc.boolean(), fc.constant(null));
const row = () =>
  fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), value(), { minKeys: 1, maxKeys: 6, noNullPrototype: true });
const text = (part: Part) =>
  part === null ? "absent" : `is ${Buffer.from(part instanceof Uint8Array ? part : String(part))}`;

describe("the tag of a row", () => {
  it("is valid for the row it was made for, whatever the order of its columns", () => {
    fc.assert(
      fc.property(row(), (columns) => {
        const secret = randomBytes(32);
        const tag = tagRow(secret, "accounts", columns);
        assert.equal(tag.length, 32);
        assert.ok(hasValidTag(secret, "accounts", { ...columns, tag }));
        const turned = Object.fromEntries(Object.entries(columns).reverse());
        assert.ok(hasValidTag(secret, "accounts", { tag, ...turned }));
      }),
    );
  });

  it("is refused as soon as any one column is another", () => {
    fc.assert(
      fc.property(row(), fc.nat(), value(), (columns, which, other) => {
        const secret = randomBytes(32);
        const tag = tagRow(secret, "accounts", columns);
        const names = Object.keys(columns);
        const name = names[which % names.length] as string;
        if (text(columns[name] as Part) === text(other)) return;
        assert.ok(!hasValidTag(secret, "accounts", { ...columns, [name]: other, tag }));
      }),
      { numRuns: 500 },
    );
  });

  it("is refused when a column is missing, added, renamed, or two change places", () => {
    const secret = randomBytes(32);
    const tag = tagRow(secret, "t", { a: "1", b: "2" });
    for (const columns of [
      { a: "1" },
      { a: "1", b: "2", c: null },
      { a: "1", c: "2" },
      { a: "2", b: "1" },
      { ab: "12" },
    ]) {
      assert.ok(!hasValidTag(secret, "t", { ...columns, tag } as never), JSON.stringify(columns));
    }
  });

  it("is refused for a row that was moved to another table", () => {
    const secret = randomBytes(32);
    const columns = { id: "7", sealed: randomBytes(4) };
    const tag = tagRow(secret, "approvals", columns);
    assert.ok(!hasValidTag(secret, "reset_cases", { ...columns, tag }));
  });

  it("is refused under another server secret, and with any bit of it turned over", () => {
    const secret = randomBytes(32);
    const columns = { id: "7" };
    const tag = tagRow(secret, "t", columns);
    assert.ok(!hasValidTag(randomBytes(32), "t", { ...columns, tag }));
    for (let at = 0; at < 32; at++) assert.ok(!hasValidTag(secret, "t", { ...columns, tag: altered(tag, at, at % 8) }));
    assert.ok(!hasValidTag(secret, "t", { ...columns, tag: tag.subarray(0, 31) }));
    assert.ok(!hasValidTag(secret, "t", { ...columns, tag: new Uint8Array(0) }));
  });
});

describe("derived keys and hashes", () => {
  it("of HKDF are those of RFC 5869", () => {
    // Test case 3: no salt; its info is empty, so it is computed here step by step with a label instead.
    const root = Buffer.alloc(22, 0x0b);
    const label: Label = "kith/v1/anything";
    const extracted = createHmac("sha256", Buffer.alloc(32)).update(root).digest();
    const expanded = createHmac("sha256", extracted).update(label).update(Uint8Array.of(1)).digest();
    assert.deepEqual(Buffer.from(deriveKey(root, label)), expanded);
  });

  it("differ for every label and root", () => {
    const labels: Label[] = ["kith/v1/a", "kith/v1/b", "kith/v1/"];
    const roots = [randomBytes(32), randomBytes(32), randomBytes(16)];
    const all = roots.flatMap((root) =>
      labels.flatMap((label) => [deriveKey(root, label), hash(label, root), hmac(root, label), hmac(root, label, "")]),
    );
    assert.equal(new Set(all.map((bytes) => Buffer.from(bytes).toString("hex"))).size, all.length);
  });
});
