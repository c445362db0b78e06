import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fromBase64url, toBase64url } from "#kith/protocol/bytes.js";
import {
  discloseInvitee,
  encloseInvitee,
  type Letter,
  NO_INVITER,
  newLetterNonce,
  readLetter,
  spentLetterHash,
  writeLetter,
} from "#kith/protocol/letter.js";
import { altered } from "../support/keys.js";

const secret = randomBytes(32);
const letters = (): fc.Arbitrary<Letter> =>
  fc.record({
    kind: fc.constantFrom("member", "operator", "admin", "first-admin"),
    nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    inviterId: fc.oneof(fc.uuid(), fc.constant(NO_INVITER)),
    expiryDay: fc.nat(65535),
    domainNumber: fc.nat(255),
  });

describe("an invite letter", () => {
  it("is read back by its server as it was written", () => {
    fc.assert(
      fc.property(letters(), (letter) => {
        const text = writeLetter(secret, letter);
        assert.match(text, /^[A-Za-z0-9_-]+$/);
        assert.deepEqual(readLetter(secret, text), { ...letter });
      }),
    );
  });

  it("has one length for every kind, inviter and day, and is never the same twice", () => {
    const lengths = new Set<number>();
    fc.assert(fc.property(letters(), (letter) => void lengths.add(writeLetter(secret, letter).length)));
    assert.deepEqual([...lengths], [86]);
    const [letter] = fc.sample(letters(), 1) as [Letter];
    assert.notEqual(writeLetter(secret, letter), writeLetter(secret, letter));
  });

  it("can't be made, read or altered by anybody else", () => {
    const [letter] = fc.sample(letters(), 1) as [Letter];
    const text = writeLetter(secret, letter);
    assert.equal(readLetter(randomBytes(32), text), undefined);
    const bytes = fromBase64url(text) as Uint8Array;
    for (let at = 0; at < bytes.length; at++) {
      assert.equal(readLetter(secret, toBase64url(altered(bytes, at, at % 8))), undefined, `byte ${at}`);
    }
    for (const other of [
      "",
      "x",
      text.slice(1),
      `${text}A`,
      `${text}=`,
      text.toLowerCase(),
      ` ${text}`,
      "a".repeat(86),
    ]) {
      assert.equal(readLetter(secret, other), undefined, JSON.stringify(other));
    }
  });
});

describe("a spent letter", () => {
  it("tells who came by it to whoever kept the nonce, and to nobody else", () => {
    const nonce = newLetterNonce();
    const invitee = randomUUID();
    const box = encloseInvitee(nonce, invitee);
    assert.equal(box.length, 44);
    assert.equal(discloseInvitee(nonce, box), invitee);
    assert.equal(discloseInvitee(newLetterNonce(), box), undefined);
    assert.equal(discloseInvitee(nonce, altered(box, 20)), undefined);
  });

  it("has a key that only the nonce leads to, and is as long when it was taken back", () => {
    const nonce = newLetterNonce();
    assert.equal(nonce.length, 16);
    assert.deepEqual(spentLetterHash(nonce), spentLetterHash(Uint8Array.from(nonce)));
    assert.notDeepEqual(spentLetterHash(nonce), spentLetterHash(altered(nonce, 15)));
    assert.equal(encloseInvitee(nonce, NO_INVITER).length, encloseInvitee(nonce, randomUUID()).length);
  });
});
