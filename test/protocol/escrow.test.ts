import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ESCROW_BYTES, emptyEscrow, makeEscrow, openEscrow } from "#kith/protocol/escrow.js";
import { PRIVATE_KEY_BYTES } from "#kith/protocol/keypair.js";
import { SHARE_BYTES } from "#kith/protocol/token.js";
import { altered } from "../support/keys.js";

const privateKey = randomBytes(PRIVATE_KEY_BYTES);
const accountId = randomUUID();
const generation = randomBytes(16);

/** All subsets of `count` numbers. */
function subsets(count: number): number[][] {
  return Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, number) => number).filter((number) => bits & (1 << number)),
  );
}

describe("the escrow", () => {
  it("opens for every set of k shares and more, and for none of fewer", async () => {
    for (let count = 2; count <= 5; count++) {
      for (let threshold = 2; threshold <= count; threshold++) {
        const { escrow, shares } = await makeEscrow(privateKey, accountId, generation, count, threshold);
        assert.equal(escrow.length, ESCROW_BYTES);
        assert.equal(shares.length, count);
        for (const share of shares) assert.equal(share.length, SHARE_BYTES);
        for (const subset of subsets(count)) {
          const chosen = subset.map((number) => shares[number] as Uint8Array);
          const opened = await openEscrow(escrow, chosen, accountId, generation);
          if (subset.length >= threshold) assert.deepEqual(Buffer.from(opened as Uint8Array), privateKey);
          else assert.equal(opened, undefined, `${subset.length} of ${threshold}`);
        }
      }
    }
  });

  it("opens for up to eight people, whatever the order of their shares", async () => {
    const { escrow, shares } = await makeEscrow(privateKey, accountId, generation, 8, 5);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(shares, { minLength: 1 }), async (chosen) => {
        const opened = await openEscrow(escrow, chosen, accountId, generation);
        assert.equal(opened !== undefined, chosen.length >= 5);
      }),
      { numRuns: 60 },
    );
  });

  it("never opens with shares of different regenerations: the garbage they join to is noticed", async () => {
    const first = await makeEscrow(privateKey, accountId, generation, 3, 2);
    const second = await makeEscrow(privateKey, accountId, randomBytes(16), 3, 2);
    for (const one of first.shares) {
      for (const other of second.shares) {
        assert.equal(await openEscrow(first.escrow, [one, other], accountId, generation), undefined);
      }
    }
  });

  it("never opens with a share altered, said twice, or made up", async () => {
    const { escrow, shares } = await makeEscrow(privateKey, accountId, generation, 3, 2);
    const [one, two] = shares as [Uint8Array, Uint8Array];
    for (let at = 0; at < SHARE_BYTES; at++) {
      assert.equal(await openEscrow(escrow, [one, altered(two, at, at % 8)], accountId, generation), undefined);
    }
    assert.equal(await openEscrow(escrow, [one, one], accountId, generation), undefined);
    assert.equal(await openEscrow(escrow, [one, randomBytes(SHARE_BYTES)], accountId, generation), undefined);
    assert.equal(await openEscrow(escrow, [], accountId, generation), undefined);
    assert.ok(
      await openEscrow(escrow, [Buffer.from(one), Buffer.from(two)], accountId, generation),
      "Buffers are taken too",
    );
  });

  it("belongs to one account and one generation", async () => {
    const { escrow, shares } = await makeEscrow(privateKey, accountId, generation, 2, 2);
    assert.ok(await openEscrow(escrow, shares, accountId, generation));
    assert.equal(await openEscrow(escrow, shares, randomUUID(), generation), undefined);
    assert.equal(await openEscrow(escrow, shares, accountId, randomBytes(16)), undefined);
  });

  it("of somebody who does not keep the key is as long, and opens for nobody", async () => {
    const { shares } = await makeEscrow(privateKey, accountId, generation, 2, 2);
    assert.equal(emptyEscrow().length, ESCROW_BYTES);
    assert.equal(await openEscrow(emptyEscrow(), shares, accountId, generation), undefined);
  });
});
