import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { makeNobody, sealToNobody } from "#kith/protocol/nobody.js";
import { seal } from "#kith/protocol/seal.js";
import { makeToken, proveToken, readToken, SHARE_BYTES, type TokenRow, tokenHash } from "#kith/protocol/token.js";
import { altered, KEY_MONTH, somebody, type TestMember } from "../support/keys.js";

const SLOTS = 8;
const RULES = { threshold: 2, waitDays: 3, keepsKey: true };

describe("a reset token", () => {
  it("carries its rules and share inside, and is read back as it was drawn", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 255 }),
        fc.nat(255),
        fc.boolean(),
        fc.uint8Array({ minLength: SHARE_BYTES, maxLength: SHARE_BYTES }),
        (threshold, waitDays, keepsKey, share) => {
          const token = makeToken({ threshold, waitDays, keepsKey }, share);
          assert.equal(token.bytes.length, 69);
          const read = readToken(token.bytes);
          assert.deepEqual(read.rules, { threshold, waitDays, keepsKey });
          assert.deepEqual(read.share, share);
          assert.equal(Object.getPrototypeOf(read.share), Uint8Array.prototype, "the sharing library refuses a Buffer");
        },
      ),
    );
  });

  it("is never the same twice, even with the same rules and share", () => {
    const share = new Uint8Array(SHARE_BYTES);
    const drawn = Array.from({ length: 50 }, () => Buffer.from(makeToken(RULES, share).bytes).toString("hex"));
    assert.equal(new Set(drawn).size, 50);
  });

  it("refuses rules out of range, shares of another length and unknown versions", () => {
    for (const rules of [
      { threshold: 0 },
      { threshold: 256 },
      { waitDays: -1 },
      { waitDays: 256 },
      { threshold: Number.NaN },
    ]) {
      assert.throws(() => makeToken({ ...RULES, ...rules }), { code: "ERR_PARAMETER" });
    }
    for (const rules of [
      { ...RULES, threshold: 255, waitDays: 255 },
      { ...RULES, threshold: 1, waitDays: 0 },
    ])
      assert.deepEqual(readToken(makeToken(rules).bytes).rules, rules, "up to what a byte holds");
    assert.throws(() => makeToken(RULES, new Uint8Array(32)), { code: "ERR_PARAMETER" });
    const { bytes } = makeToken(RULES);
    assert.throws(() => readToken(altered(bytes, 0, 1)), { code: "ERR_ENCODING" });
    assert.throws(() => readToken(bytes.subarray(0, 68)), { code: "ERR_ENCODING" });
  });

  it("hashes to another value for another account, row, generation or token", () => {
    const token = randomBytes(69);
    const place = { trustingId: randomUUID(), rowId: randomUUID(), generation: randomBytes(16) };
    const hashes = [
      tokenHash(token, place),
      tokenHash(altered(token, 40), place),
      tokenHash(token, { ...place, trustingId: randomUUID() }),
      tokenHash(token, { ...place, rowId: randomUUID() }),
      tokenHash(token, { ...place, trustingId: place.rowId, rowId: place.trustingId }),
      tokenHash(token, { ...place, generation: altered(place.generation, 15) }),
    ];
    assert.equal(new Set(hashes.map((hash) => Buffer.from(hash).toString("hex"))).size, hashes.length);
    assert.deepEqual(tokenHash(token, { ...place }), hashes[0]);
  });
});

describe("proving a token", () => {
  let bea: TestMember;
  let rows: TokenRow[];
  const token = makeToken(RULES);
  const at = 5;
  before(async () => {
    bea = await somebody();
    const nobody = await makeNobody(KEY_MONTH);
    const trusting_id = randomUUID();
    const generation = randomBytes(16);
    rows = await Promise.all(
      Array.from({ length: SLOTS }, async (_, slot) => {
        const id = randomUUID();
        const place = { trustingId: trusting_id, rowId: id, generation };
        return {
          id,
          trusting_id,
          generation,
          sealed_token:
            slot === at ? await seal(bea.bytes.publicKey, token.bytes, "small") : await sealToNobody(nobody, "small"),
          token_hash: slot === at ? tokenHash(token.bytes, place) : randomBytes(32),
        };
      }),
    );
  });
  const changed = (columns: (row: TokenRow) => Partial<TokenRow>) =>
    rows.map((row, slot) => (slot === at ? { ...row, ...columns(row) } : row));

  it("finds the row that is for this key, wherever it stands, and the rules inside", async () => {
    for (let turn = 0; turn < SLOTS; turn++) {
      const turned = [...rows.slice(turn), ...rows.slice(0, turn)];
      const proven = await proveToken(bea.key, turned, SLOTS);
      assert.equal(proven?.row.id, rows[at]?.id);
      assert.deepEqual(proven?.token.rules, RULES);
      assert.deepEqual(Buffer.from(proven?.token.share as Uint8Array), Buffer.from(token.share));
    }
  });

  it("fails when the token, its hash, or anything of its place is another", async () => {
    assert.equal(
      await proveToken(
        bea.key,
        changed((row) => ({ token_hash: altered(row.token_hash, 31) })),
        SLOTS,
      ),
      undefined,
    );
    assert.equal(
      await proveToken(
        bea.key,
        changed((row) => ({ generation: altered(row.generation, 0) })),
        SLOTS,
      ),
      undefined,
    );
    assert.equal(
      await proveToken(
        bea.key,
        changed(() => ({ id: randomUUID() })),
        SLOTS,
      ),
      undefined,
    );
    assert.equal(
      await proveToken(
        bea.key,
        changed(() => ({ trusting_id: randomUUID() })),
        SLOTS,
      ),
      undefined,
    );
    const other = await seal(bea.bytes.publicKey, makeToken(RULES).bytes, "small");
    assert.equal(
      await proveToken(
        bea.key,
        changed(() => ({ sealed_token: other })),
        SLOTS,
      ),
      undefined,
    );
  });

  it("fails for somebody else, and for a key with no row at all", async () => {
    assert.equal(await proveToken((await somebody()).key, rows, SLOTS), undefined);
  });

  it("reads every row, whichever matches", async () => {
    for (const match of [0, 3, SLOTS - 1]) {
      const read = new Set<number>();
      const order = rows.filter((_, slot) => slot !== at);
      order.splice(match, 0, rows[at] as TokenRow);
      const watched = order.map((row, slot) => ({
        ...row,
        get sealed_token() {
          read.add(slot);
          return row.sealed_token;
        },
        get token_hash() {
          read.add(SLOTS + slot);
          return row.token_hash;
        },
      }));
      assert.ok(await proveToken(bea.key, watched, SLOTS));
      assert.equal(read.size, 2 * SLOTS, "every seal is tried and every hash compared");
    }
  });

  it("refuses any number of rows but S", async () => {
    await assert.rejects(proveToken(bea.key, rows.slice(1), SLOTS), { code: "ERR_ROW_COUNT" });
    await assert.rejects(proveToken(bea.key, [...rows, rows[0] as TokenRow], SLOTS), { code: "ERR_ROW_COUNT" });
  });
});
