import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import * as openpgp from "openpgp";
import { discloseBytes } from "#kith/protocol/box.js";
import { deriveKey } from "#kith/protocol/derive.js";
import {
  FINGERPRINT_BYTES,
  fingerprintOf,
  PRIVATE_KEY_BYTES,
  PUBLIC_KEY_BYTES,
  publicHalf,
  readPrivateKey,
  readPublicKey,
} from "#kith/protocol/keypair.js";
import { lockPrivateKey, makeDecoyLock, rewrapLockedKey, unlockPrivateKey } from "#kith/protocol/lock.js";
import { altered, KEY_MONTH, somebody, type TestMember } from "../support/keys.js";

describe("a keypair", () => {
  it("always has the same lengths, whoever it is for", async () => {
    for (let count = 0; count < 60; count++) {
      const { bytes, fingerprint } = await somebody();
      assert.equal(bytes.privateKey.length, PRIVATE_KEY_BYTES);
      assert.equal(bytes.publicKey.length, PUBLIC_KEY_BYTES);
      assert.equal(fingerprint.length, FINGERPRINT_BYTES);
    }
  });

  it("is version 4 with the algorithms that every GnuPG reads, and tells no more than id and month", async () => {
    const id = randomUUID();
    const { key } = await somebody(id);
    assert.equal(key.keyPacket.version, 4);
    assert.equal(key.keyPacket.algorithm, openpgp.enums.publicKey.eddsaLegacy);
    assert.deepEqual(
      key.subkeys.map((subkey) => subkey.keyPacket.algorithm),
      [openpgp.enums.publicKey.ecdh],
    );
    assert.deepEqual(key.getUserIDs(), [id]);
    for (const packet of [key.keyPacket, ...key.subkeys.map((subkey) => subkey.keyPacket)]) {
      assert.equal(packet.created.getTime(), KEY_MONTH.getTime());
    }
    const { selfCertification } = await key.getPrimaryUser();
    assert.equal(selfCertification.created?.getTime(), KEY_MONTH.getTime());
  });

  it("is read back as it was, and its public half is the public key", async () => {
    const { bytes, fingerprint, key } = await somebody();
    assert.deepEqual(Buffer.from(publicHalf(key)), Buffer.from(bytes.publicKey));
    assert.deepEqual(Buffer.from(fingerprintOf(key)), Buffer.from(fingerprint));
    await assert.rejects(readPublicKey(bytes.privateKey), { code: "ERR_ENCODING" });
    await assert.rejects(readPublicKey(randomBytes(555)), { code: "ERR_ENCODING" });
    await assert.rejects(readPrivateKey(bytes.publicKey), { code: "ERR_ENCODING" });
    await assert.rejects(readPrivateKey(randomBytes(629)), { code: "ERR_ENCODING" });
  });
});

describe("a locked key", () => {
  const secret = randomBytes(32);
  const unlockKey = randomBytes(32);
  let member: TestMember;
  let locked: Uint8Array;
  before(async () => {
    member = await somebody();
    locked = await lockPrivateKey(member.key, unlockKey, secret, member.id);
  });

  it("opens with the unlock key, the server secret and the account it was locked with", async () => {
    const key = await unlockPrivateKey(locked, unlockKey, secret, member.id);
    assert.deepEqual(Buffer.from(key!.write()), Buffer.from(member.bytes.privateKey));
  });

  it("does not open with another password, another server secret or for another account", async () => {
    assert.equal(await unlockPrivateKey(locked, randomBytes(32), secret, member.id), undefined);
    assert.equal(await unlockPrivateKey(locked, altered(unlockKey, 31, 7), secret, member.id), undefined);
    assert.equal(await unlockPrivateKey(locked, unlockKey, randomBytes(32), member.id), undefined);
    assert.equal(await unlockPrivateKey(locked, unlockKey, secret, randomUUID()), undefined);
  });

  it("does not open when any byte of it is another, or it was cut short", async () => {
    for (let at = 0; at < locked.length; at++) {
      assert.equal(await unlockPrivateKey(altered(locked, at, at % 8), unlockKey, secret, member.id), undefined);
    }
    assert.equal(await unlockPrivateKey(locked.subarray(0, -1), unlockKey, secret, member.id), undefined);
    assert.equal(await unlockPrivateKey(new Uint8Array(0), unlockKey, secret, member.id), undefined);
  });

  it("has the same length for everybody", async () => {
    const lengths = new Set<number>([locked.length]);
    for (let count = 0; count < 30; count++) {
      const { key, id } = await somebody();
      lengths.add((await lockPrivateKey(key, randomBytes(32), secret, id)).length);
    }
    lengths.add((await makeDecoyLock(secret, randomUUID(), KEY_MONTH)).lockedKey.length);
    assert.equal(lengths.size, 1);
  });

  it("does not hold the private key in the clear below the server secret", () => {
    const inner = discloseBytes(deriveKey(secret, "kith/v1/locked key"), locked, member.id);
    assert.ok(inner);
    // The last bytes of each secret key's material: what an unlocked key would show.
    const { keyPacket, subkeys } = member.key;
    for (const packet of [keyPacket, ...subkeys.map((subkey) => subkey.keyPacket)]) {
      const { seed, d } = (packet as unknown as { privateParams: { seed?: Uint8Array; d?: Uint8Array } }).privateParams;
      const scalar = seed ?? d;
      assert.ok(scalar && scalar.length === 32);
      assert.ok(Buffer.from(member.bytes.privateKey).includes(Buffer.from(scalar)), "the unlocked key does show it");
      assert.ok(!Buffer.from(inner).includes(Buffer.from(scalar)));
    }
  });

  it("spends next to nothing on OpenPGP's own stretching, and has its own salt", async () => {
    const inner = discloseBytes(deriveKey(secret, "kith/v1/locked key"), locked, member.id);
    const { keyPacket, subkeys } = await openpgp.readPrivateKey({ binaryKey: inner! });
    for (const packet of [keyPacket, ...subkeys.map((subkey) => subkey.keyPacket)]) {
      const { s2k } = packet as unknown as { s2k: { type: string; c: number; salt: Uint8Array } };
      assert.equal(s2k.type, "iterated");
      assert.equal(s2k.c, 0);
    }
  });

  it("moves to another server secret without the password, and only from its own", async () => {
    const next = randomBytes(32);
    const moved = rewrapLockedKey(locked, secret, next, member.id);
    assert.ok(moved);
    assert.equal(moved.length, locked.length);
    assert.ok(await unlockPrivateKey(moved, unlockKey, next, member.id));
    assert.equal(
      await unlockPrivateKey(moved, unlockKey, secret, member.id),
      undefined,
      "the old secret is worth nothing",
    );
    assert.equal(rewrapLockedKey(locked, randomBytes(32), next, member.id), undefined);
    assert.equal(rewrapLockedKey(locked, secret, next, randomUUID()), undefined);
    assert.equal(rewrapLockedKey(altered(locked, 40), secret, next, member.id), undefined);
  });

  it("of a decoy opens with nothing", async () => {
    const decoy = await makeDecoyLock(secret, randomUUID(), KEY_MONTH);
    assert.equal(await unlockPrivateKey(decoy.lockedKey, unlockKey, secret, decoy.accountId), undefined);
  });
});
