import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import { discloseBytes, encloseBytes } from "#kith/protocol/box.js";
import { deriveKey } from "#kith/protocol/derive.js";
import { NO_INVITER } from "#kith/protocol/letter.js";
import {
  EDGE_MARK_BYTES,
  edgeMark,
  isLockedByPhraseAlone,
  lockRecoveryKey,
  monthNumber,
  monthText,
  newRecoveryPhrase,
  openEdge,
  openGrant,
  openNotes,
  readRecoveryPhrase,
  rewrapRecoveryKey,
  sealEdge,
  sealGrant,
  sealNotes,
  unlockRecoveryKey,
} from "#kith/protocol/review.js";
import { open, SEALED_BYTES, seal } from "#kith/protocol/seal.js";
import { altered, somebody, type TestMember } from "../support/keys.js";

let review: TestMember;
let admin: TestMember;
let stranger: TestMember;

describe("an edge of the invite tree", () => {
  before(async () => {
    [review, stranger] = await Promise.all([somebody(), somebody()]);
  });

  it("opens to the review key alone, and has one length whoever is in it", async () => {
    for (const inviterId of [randomUUID(), NO_INVITER]) {
      const edge = { inviteeId: randomUUID(), inviterId, month: "2026-11" };
      const sealed = await sealEdge(review.bytes.publicKey, edge);
      assert.equal(sealed.length, SEALED_BYTES.small);
      assert.deepEqual(await openEdge(review.key, sealed), edge);
      assert.equal(await openEdge(stranger.key, sealed), undefined);
    }
  });

  it("is none when something shorter or longer is sealed to the key", async () => {
    for (const length of [0, 33, 35])
      assert.equal(
        await openEdge(review.key, await seal(review.bytes.publicKey, randomBytes(length), "small")),
        undefined,
      );
  });

  it("bears a mark that is the same at every look, and another at every seal", async () => {
    const edge = { inviteeId: randomUUID(), inviterId: NO_INVITER, month: "2026-01" };
    const seals = await Promise.all(Array.from({ length: 20 }, () => sealEdge(review.bytes.publicKey, edge)));
    const marks = seals.map((sealed) => Buffer.from(edgeMark(sealed)));
    assert.ok(marks.every((mark) => mark.length === EDGE_MARK_BYTES));
    assert.equal(new Set(marks.map((mark) => mark.toString("hex"))).size, seals.length);
    for (let at = 0; at < EDGE_MARK_BYTES; at++)
      assert.ok(new Set(marks.map((mark) => mark[at])).size > 1, `byte ${at} of the mark is random`);
  });
});

describe("months as numbers", () => {
  it("are counted without a gap, and written back as they were", () => {
    assert.equal(monthText(monthNumber("2026-11")), "2026-11");
    assert.equal(monthText(monthNumber("2026-01")), "2026-01");
    assert.equal(monthText(monthNumber("2025-12")), "2025-12");
    assert.equal(monthNumber("2026-01") - monthNumber("2025-12"), 1);
    assert.equal(monthNumber("0000-01"), 0);
  });
});

describe("a grant of the review key", () => {
  before(async () => {
    [review, admin, stranger] = await Promise.all([somebody(), somebody(), somebody()]);
  });

  it("gives the admin the review key, and says who granted it", async () => {
    const granter = randomBytes(20);
    const sealed = await sealGrant(admin.bytes.publicKey, review.key, granter);
    assert.equal(sealed.length, SEALED_BYTES.medium);
    const opened = await openGrant(admin.key, sealed, review.fingerprint);
    assert.deepEqual(Buffer.from(opened?.granterFingerprint ?? []), granter);
    assert.deepEqual(Buffer.from(opened?.reviewKey.write() ?? []), Buffer.from(review.bytes.privateKey));
    assert.equal(await openGrant(stranger.key, sealed, review.fingerprint), undefined);
  });

  it("is none when it holds another key than the one it is said to hold, no key, or anything of another length", async () => {
    const fingerprint = randomBytes(20);
    const other = await sealGrant(admin.bytes.publicKey, stranger.key, fingerprint);
    assert.equal(await openGrant(admin.key, other, review.fingerprint), undefined);
    for (const plaintext of [
      randomBytes(649),
      review.bytes.privateKey,
      Buffer.concat([review.bytes.privateKey, fingerprint, Buffer.alloc(1)]),
    ]) {
      const sealed = await seal(admin.bytes.publicKey, plaintext, "medium");
      assert.equal(await openGrant(admin.key, sealed, review.fingerprint), undefined, `${plaintext.length} bytes`);
    }
  });
});

describe("the recovery phrase", () => {
  it("is twelve words, read back however they are typed, and never the same twice", () => {
    const phrase = newRecoveryPhrase();
    assert.equal(phrase.split(" ").length, 12);
    const bytes = readRecoveryPhrase(phrase);
    assert.equal(bytes?.length, 16);
    assert.deepEqual(readRecoveryPhrase(`  ${phrase.toUpperCase().replaceAll(" ", " \n ")} `), bytes);
    assert.notEqual(newRecoveryPhrase(), phrase);
  });

  it("is none with a word too few or too many, an unknown word, or words that don't fit together", () => {
    const words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
    assert.deepEqual(Buffer.from(readRecoveryPhrase(words) ?? [1]), Buffer.alloc(16));
    // Fifteen words of which every check fits: a longer phrase of the same kind is still none of Kith's.
    const fifteen = `${"abandon ".repeat(14)}address`;
    for (const other of [
      "",
      words.slice(8),
      fifteen,
      words.replace("about", "abandon"),
      words.replace("about", "kith"),
    ])
      assert.equal(readRecoveryPhrase(other), undefined, other);
  });

  it("unlocks the recovery key it locked, with the same server secret and for the same review key only", () => {
    const phrase = randomBytes(16);
    const secret = randomBytes(32);
    const key = randomBytes(629);
    const id = randomUUID();
    const locked = lockRecoveryKey(phrase, key, secret, id);
    assert.equal(locked.length, 685);
    assert.deepEqual(Buffer.from(unlockRecoveryKey(phrase, locked, secret, id) ?? []), key);
    const inner = discloseBytes(deriveKey(secret, "kith/v1/locked recovery key"), locked, id);
    const lockedUnder = deriveKey(phrase, "kith/v1/recovery phrase");
    assert.deepEqual(Buffer.from(discloseBytes(lockedUnder, inner as Uint8Array, id) ?? []), key);
    assert.equal(unlockRecoveryKey(phrase, locked, secret, randomUUID()), undefined);
    assert.equal(unlockRecoveryKey(phrase, locked, altered(secret, 0), id), undefined, "from a dump alone");
    assert.equal(unlockRecoveryKey(altered(phrase, 0), locked, secret, id), undefined);
    const other = encloseBytes(Buffer.concat([phrase, phrase]), key, id);
    assert.equal(unlockRecoveryKey(phrase, other, secret, id), undefined);
  });

  it("unlocks one that an earlier Kith locked with the phrase alone, and moves both to another server secret", () => {
    const [phrase, oldSecret, newSecret] = [randomBytes(16), randomBytes(32), randomBytes(32)];
    const key = randomBytes(629);
    const id = randomUUID();
    const alone = encloseBytes(deriveKey(phrase, "kith/v1/recovery phrase"), key, id);
    assert.ok(isLockedByPhraseAlone(alone));
    assert.deepEqual(Buffer.from(unlockRecoveryKey(phrase, alone, oldSecret, id) ?? []), key);
    for (const locked of [alone, lockRecoveryKey(phrase, key, oldSecret, id)]) {
      const moved = rewrapRecoveryKey(locked, oldSecret, newSecret, id) as Uint8Array;
      assert.ok(!isLockedByPhraseAlone(moved));
      assert.deepEqual(Buffer.from(unlockRecoveryKey(phrase, moved, newSecret, id) ?? []), key);
      assert.equal(unlockRecoveryKey(phrase, moved, oldSecret, id), undefined);
    }
    assert.equal(rewrapRecoveryKey(lockRecoveryKey(phrase, key, newSecret, id), oldSecret, newSecret, id), undefined);
  });
});

describe("notes of many edges", () => {
  before(async () => {
    [review, stranger] = await Promise.all([somebody(), somebody()]);
  });

  it("open to the review key alone, each with a key of its own", async () => {
    const notes = randomBytes(3000);
    const [one, two] = await Promise.all([
      sealNotes(review.bytes.publicKey, notes),
      sealNotes(review.bytes.publicKey, notes),
    ]);
    assert.equal(one.sealed_key.length, SEALED_BYTES.small);
    assert.equal(one.box.length, 3028);
    assert.deepEqual(Buffer.from((await openNotes(review.key, one)) ?? []), notes);
    const key = (await open(review.key, one.sealed_key)) ?? randomBytes(32);
    assert.deepEqual(Buffer.from(discloseBytes(deriveKey(key, "kith/v1/review notes"), one.box) ?? []), notes);
    assert.equal(await openNotes(stranger.key, one), undefined);
    assert.equal(await openNotes(review.key, { ...one, box: two.box }), undefined);
    assert.equal(await openNotes(review.key, { ...one, box: altered(one.box, 100) }), undefined);
  });
});
