import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import {
  deadLinkHash,
  formatLinkSecret,
  linkHash,
  newLinkSecret,
  openApproval,
  openPendingRules,
  openRulesOfLink,
  parseLinkSecret,
  sealApproval,
  sealRulesToLink,
  sealRulesToPending,
} from "#kith/protocol/case.js";
import { SEALED_BYTES } from "#kith/protocol/seal.js";
import { makeToken } from "#kith/protocol/token.js";
import { altered, somebody, type TestMember } from "../support/keys.js";

const rules = () =>
  fc.record({ threshold: fc.integer({ min: 1, max: 255 }), waitDays: fc.nat(255), keepsKey: fc.boolean() });

describe("a handover link", () => {
  it("is read only as it was written, and its hash does not lead back", () => {
    const secret = newLinkSecret();
    const text = formatLinkSecret(secret);
    assert.equal(text.length, 43);
    assert.deepEqual(Buffer.from(parseLinkSecret(text)!), Buffer.from(secret));
    for (const other of ["", text.slice(1), `${text}A`, `${text}=`, "x", " "])
      assert.equal(parseLinkSecret(other), undefined);
    assert.equal(linkHash(secret).length, 32);
    assert.notDeepEqual(Buffer.from(linkHash(secret)), Buffer.from(secret));
    assert.notDeepEqual(linkHash(secret), linkHash(altered(secret, 31)));
    assert.equal(deadLinkHash().length, 32);
    assert.notDeepEqual(deadLinkHash(), deadLinkHash());
  });
});

describe("the rules of a case", () => {
  let pending: TestMember;
  before(async () => {
    pending = await somebody();
  });

  it("open with the link's secret alone, for their own case", () => {
    fc.assert(
      fc.property(rules(), fc.uuid(), (given, id) => {
        const secret = newLinkSecret();
        const sealed = sealRulesToLink(given, secret, id);
        assert.deepEqual(openRulesOfLink(sealed, secret, id), { ...given, chosenAt: 0 });
        assert.equal(openRulesOfLink(sealed, newLinkSecret(), id), undefined);
        assert.equal(openRulesOfLink(sealed, secret, randomUUID()), undefined);
        assert.equal(openRulesOfLink(altered(sealed, 50), secret, id), undefined);
      }),
    );
  });

  it("open after the choice with the pending key alone, with the moment of the choice", async () => {
    await fc.assert(
      fc.asyncProperty(rules(), fc.nat(Number.MAX_SAFE_INTEGER), async (given, chosenAt) => {
        const sealed = await sealRulesToPending({ ...given, chosenAt }, pending.bytes.publicKey);
        assert.equal(sealed.length, SEALED_BYTES.small);
        assert.deepEqual(await openPendingRules(sealed, pending.key), { ...given, chosenAt });
      }),
      { numRuns: 30 },
    );
    const sealed = await sealRulesToPending(
      { threshold: 1, waitDays: 0, keepsKey: false, chosenAt: 1 },
      pending.bytes.publicKey,
    );
    assert.equal(await openPendingRules(sealed, (await somebody()).key), undefined);
  });

  it("are as long whatever they say", () => {
    const lengths = new Set<number>();
    fc.assert(
      fc.property(rules(), (given) => void lengths.add(sealRulesToLink(given, newLinkSecret(), "case").length)),
    );
    assert.equal(lengths.size, 1);
  });
});

describe("an approval", () => {
  it("brings rules and share of the token to the pending key, and to nobody else", async () => {
    const [pending, other] = await Promise.all([somebody(), somebody()]);
    const share = Uint8Array.from(randomBytes(33));
    const token = makeToken({ threshold: 2, waitDays: 7, keepsKey: true }, share);
    const sealed = await sealApproval(token, pending.bytes.publicKey);
    assert.equal(sealed.length, SEALED_BYTES.small);
    assert.deepEqual(await openApproval(sealed, pending.key), { rules: token.rules, share });
    assert.equal(await openApproval(sealed, other.key), undefined);
    assert.equal(await openApproval(altered(sealed, 300), pending.key), undefined);
  });
});
