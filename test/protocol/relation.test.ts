import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { ESCROW_BYTES, openEscrow } from "#kith/protocol/escrow.js";
import { newGeneration } from "#kith/protocol/generation.js";
import { makeNobody, type Nobody } from "#kith/protocol/nobody.js";
import { openSlots, type RelationRow, regenerate, shuffled, type TrustedEntry } from "#kith/protocol/relation.js";
import { open, SEALED_BYTES } from "#kith/protocol/seal.js";
import { hasValidTag } from "#kith/protocol/tag.js";
import { proveToken, type Rules } from "#kith/protocol/token.js";
import { altered, KEY_MONTH, somebody, type TestMember } from "../support/keys.js";

const SLOTS = 8;
const secret = randomBytes(32);
const RULES: Rules = { threshold: 1, waitDays: 0, keepsKey: false };

describe("the rows of an account", () => {
  let ada: TestMember;
  let helpers: TestMember[];
  let nobody: Nobody;
  const rowIds: string[] = Array.from({ length: SLOTS }, () => randomUUID());

  before(async () => {
    [ada, nobody, ...helpers] = (await Promise.all([
      somebody(),
      makeNobody(KEY_MONTH),
      ...Array.from({ length: SLOTS }, () => somebody()),
    ])) as [TestMember, Nobody, ...TestMember[]];
  });

  const entry = (helper: TestMember, slot: number, held = false): TrustedEntry => ({
    rowId: rowIds[slot] as string,
    trustedId: helper.id,
    name: `h${slot}@example.org`,
    fingerprint: helper.fingerprint,
    resetMark: slot,
    held,
    month: "2027-01",
  });
  const make = async (used: { slot: number; held?: boolean }[], rules = RULES, generation = newGeneration()) => ({
    generation,
    ...(await regenerate({
      serverSecret: secret,
      accountId: ada.id,
      publicKey: ada.bytes.publicKey,
      privateKey: ada.bytes.privateKey,
      generation,
      rowIds,
      rules,
      entries: used.map(({ slot, held }) => ({
        ...entry(helpers[slot] as TestMember, slot, held),
        trustedKey: helpers[slot]?.bytes.publicKey,
      })),
      nobody,
    })),
  });
  const prove = (helper: number, rows: readonly RelationRow[]) =>
    proveToken((helpers[helper] as TestMember).key, rows, SLOTS);

  it("are always S, of constant lengths and tagged, whatever is used, held or kept", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(SLOTS - 1), { maxLength: SLOTS }),
        fc.uniqueArray(fc.nat(SLOTS - 1), { maxLength: 3 }),
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        async (used, held, threshold, keepsKey) => {
          const rules = { threshold, waitDays: 3, keepsKey };
          const { rows, escrow, generation } = await make(
            used.map((slot) => ({ slot, held: held.includes(slot) })),
            rules,
          );
          assert.equal(escrow.length, ESCROW_BYTES);
          assert.deepEqual(rows.map((row) => row.id).sort(), [...rowIds].sort());
          for (const row of rows) {
            assert.equal(row.sealed_trusted.length, SEALED_BYTES.small);
            assert.equal(row.sealed_token.length, SEALED_BYTES.small);
            assert.equal(row.token_hash.length, 32);
            assert.deepEqual(row.generation, generation);
            assert.equal(row.trusting_id, ada.id);
            assert.ok(hasValidTag(secret, "relations", { ...row }));
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it("tell their owner who stands where, and nobody else", async () => {
    const { rows } = await make([{ slot: 2 }, { slot: 5, held: true }]);
    const slots = await openSlots(ada.key, rows);
    for (const [index, row] of rows.entries()) {
      const slot = rowIds.indexOf(row.id);
      const expected = slot === 2 || slot === 5 ? entry(helpers[slot] as TestMember, slot, slot === 5) : "empty";
      const found = slots[index] as TrustedEntry | string;
      if (typeof found === "object") found.fingerprint = Buffer.from(found.fingerprint);
      assert.deepEqual(found, expected);
    }
    assert.deepEqual(new Set(await openSlots((helpers[2] as TestMember).key, rows)), new Set(["broken"]));
  });

  it("let exactly the people who are in it and not held prove a token", async () => {
    const { rows } = await make([{ slot: 0 }, { slot: 3 }, { slot: 7, held: true }]);
    for (let helper = 0; helper < SLOTS; helper++) {
      const proven = await prove(helper, rows);
      assert.equal(proven?.row.id, helper === 0 || helper === 3 ? rowIds[helper] : undefined);
    }
    assert.equal(await proveToken(ada.key, rows, SLOTS), undefined, "not its owner");
  });

  it("make old tokens worthless: rows of two regenerations do not mix", async () => {
    const first = await make([{ slot: 0 }]);
    const second = await make([{ slot: 0 }]);
    assert.ok(await prove(0, first.rows));
    assert.ok(await prove(0, second.rows));
    const mixed = second.rows.map((row) => {
      const old = first.rows.find((one) => one.id === row.id) as RelationRow;
      return { ...row, sealed_token: old.sealed_token };
    });
    assert.equal(await prove(0, mixed), undefined);
    const relabelled = first.rows.map((row) => ({ ...row, generation: second.generation }));
    assert.equal(await prove(0, relabelled), undefined, "the hash is bound to the generation");
  });

  it("share the kept key among those who can help alone, and keep none where they are too few", async () => {
    const rules = { threshold: 2, waitDays: 0, keepsKey: true };
    const shares = async (rows: readonly RelationRow[], ...of: number[]) =>
      await Promise.all(of.map(async (helper) => (await prove(helper, rows))?.token.share as Uint8Array));
    const kept = await make([{ slot: 0 }, { slot: 3 }, { slot: 7, held: true }], rules);
    const opened = await openEscrow(kept.escrow, await shares(kept.rows, 0, 3), ada.id, kept.generation);
    assert.deepEqual(Buffer.from(opened as Uint8Array), Buffer.from(ada.bytes.privateKey), "just two who can");

    const few = await make([{ slot: 0 }, { slot: 7, held: true }], rules);
    const [share] = await shares(few.rows, 0);
    assert.notDeepEqual(Buffer.from(few.escrow), Buffer.from(kept.escrow));
    assert.equal(await openEscrow(few.escrow, [share as Uint8Array], ada.id, few.generation), undefined);

    const three = await make([{ slot: 0 }, { slot: 3 }, { slot: 5 }], rules);
    for (const pair of [
      [0, 3],
      [0, 5],
      [3, 5],
    ] as const) {
      const key = await openEscrow(three.escrow, await shares(three.rows, ...pair), ada.id, three.generation);
      assert.deepEqual(Buffer.from(key as Uint8Array), Buffer.from(ada.bytes.privateKey), pair.join());
    }
  });

  it("are all written anew: no value of any slot stays, used or not", async () => {
    const [first, second] = [await make([{ slot: 0 }]), await make([{ slot: 0 }])];
    for (const row of first.rows) {
      const next = second.rows.find((one) => one.id === row.id) as RelationRow;
      for (const column of ["generation", "sealed_trusted", "sealed_token", "token_hash", "tag"] as const) {
        assert.notDeepEqual(Buffer.from(row[column]), Buffer.from(next[column]), column);
      }
    }
  });

  it("come in random order, each slot at each place", async () => {
    const places = Array.from({ length: SLOTS }, () => new Set<string>());
    for (let count = 0; count < 40; count++) {
      const { rows } = await make([{ slot: 0 }]);
      for (const [place, row] of rows.entries()) places[place]?.add(row.id);
    }
    // A given slot misses a given place in 40 rounds once in 200; five of the 64 missing would be no chance.
    const missing = places.reduce((sum, seen) => sum + SLOTS - seen.size, 0);
    assert.ok(missing < 5, `${missing} of 64 places never taken`);
  });

  it("of a moved entry are broken: an entry counts only in its own slot", async () => {
    const { rows } = await make([{ slot: 0 }]);
    const used = rows.find((row) => row.id === rowIds[0]) as RelationRow;
    const moved = { ...used, id: rowIds[1] as string };
    assert.deepEqual(await openSlots(ada.key, [moved]), ["broken"]);
    assert.deepEqual(await openSlots(ada.key, [{ ...used, sealed_trusted: altered(used.sealed_trusted, 300) }]), [
      "broken",
    ]);
  });

  it("refuse entries that stand in no slot, or two in one", async () => {
    const good = { ...entry(helpers[0] as TestMember, 0), trustedKey: helpers[0]?.bytes.publicKey };
    const input = {
      serverSecret: secret,
      accountId: ada.id,
      ...ada.bytes,
      generation: newGeneration(),
      rowIds,
      rules: RULES,
      nobody,
    };
    await assert.rejects(regenerate({ ...input, entries: [good, { ...good }] }), { code: "ERR_ROW_COUNT" });
    await assert.rejects(regenerate({ ...input, entries: [{ ...good, rowId: randomUUID() }] }), {
      code: "ERR_ROW_COUNT",
    });
  });

  it("carry the shares of a kept key: k helpers together open the escrow, k − 1 do not", async () => {
    const rules = { threshold: 2, waitDays: 0, keepsKey: true };
    const { rows, escrow, generation } = await make([{ slot: 0 }, { slot: 1 }, { slot: 2 }], rules);
    const shares = await Promise.all(
      [0, 1, 2].map(async (helper) => (await prove(helper, rows))?.token.share as Uint8Array),
    );
    const opened = await openEscrow(escrow, [shares[0] as Uint8Array, shares[2] as Uint8Array], ada.id, generation);
    assert.deepEqual(Buffer.from(opened as Uint8Array), Buffer.from(ada.bytes.privateKey));
    assert.equal(await openEscrow(escrow, [shares[1] as Uint8Array], ada.id, generation), undefined);
  });

  it("carry only random shares where the key is not kept, or too few could open it", async () => {
    for (const [rules, used] of [
      [{ threshold: 2, waitDays: 0, keepsKey: false }, [0, 1, 2]],
      [{ threshold: 3, waitDays: 0, keepsKey: true }, [0, 1]],
    ] as const) {
      const { rows, escrow, generation } = await make(
        used.map((slot) => ({ slot })),
        rules,
      );
      const shares = await Promise.all(
        used.map(async (helper) => (await prove(helper, rows))?.token.share as Uint8Array),
      );
      assert.equal(await openEscrow(escrow, shares, ada.id, generation), undefined);
    }
  });

  it("hold every sealed value for its reader only, never twice the same", async () => {
    const { rows } = await make([{ slot: 0 }]);
    for (const row of rows) {
      assert.ok(await open(ada.key, row.sealed_trusted));
      assert.equal(await open(ada.key, row.sealed_token), undefined, "a token is not for its owner");
      const helper = await open((helpers[0] as TestMember).key, row.sealed_token);
      assert.equal(helper !== undefined, row.id === rowIds[0]);
    }
  });
});

describe("shuffling", () => {
  it("keeps every item, and brings each to each place equally often", () => {
    const counts = new Map<string, number>();
    const rounds = 12_000;
    for (let round = 0; round < rounds; round++) {
      const result = shuffled(["a", "b", "c", "d"]).join("");
      counts.set(result, (counts.get(result) ?? 0) + 1);
    }
    assert.equal(counts.size, 24);
    // Expected 500 each, standard deviation 22; six of them are no chance.
    for (const [order, count] of counts) assert.ok(Math.abs(count - rounds / 24) < 132, `${order}: ${count}`);
  });

  it("leaves what it was given alone", () => {
    const items = Object.freeze([1, 2, 3]);
    assert.deepEqual([...shuffled(items)].sort(), [1, 2, 3]);
  });
});
