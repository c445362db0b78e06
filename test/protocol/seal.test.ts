import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import * as openpgp from "openpgp";
import { makeNobody, sealToNobody } from "#kith/protocol/nobody.js";
import { open, SEAL_CLASSES, SEALED_BYTES, type SealClass, seal } from "#kith/protocol/seal.js";
import { altered, KEY_MONTH, somebody, type TestMember } from "../support/keys.js";

const CLASSES: SealClass[] = ["small", "medium", "large"];

describe("a seal", () => {
  let ada: TestMember;
  let bea: TestMember;
  before(async () => {
    [ada, bea] = await Promise.all([somebody(), somebody()]);
  });

  it("has its class's length for every length of plaintext that fits", async () => {
    for (let length = 0; length <= SEAL_CLASSES.small - 4; length++) {
      const sealed = await seal(ada.bytes.publicKey, randomBytes(length), "small");
      assert.equal(sealed.length, SEALED_BYTES.small);
    }
  });

  it("of every class gives back any plaintext, to its recipient alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CLASSES), fc.double({ min: 0, max: 1, noNaN: true }), async (name, part) => {
        const plaintext = randomBytes(Math.floor(part * (SEAL_CLASSES[name] - 4)));
        const sealed = await seal(ada.bytes.publicKey, plaintext, name);
        assert.equal(sealed.length, SEALED_BYTES[name]);
        assert.deepEqual(Buffer.from((await open(ada.key, sealed))!), plaintext);
        assert.equal(await open(bea.key, sealed), undefined);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps plaintexts that compress well as long as those that don't", async () => {
    for (const name of CLASSES) {
      const sealed = await seal(ada.bytes.publicKey, new Uint8Array(SEAL_CLASSES[name] - 4), name);
      assert.equal(sealed.length, SEALED_BYTES[name]);
    }
  });

  it("is refused where the plaintext is too long, and never cut", async () => {
    for (const name of CLASSES) {
      await assert.rejects(seal(ada.bytes.publicKey, new Uint8Array(SEAL_CLASSES[name] - 3), name), {
        code: "ERR_CLASS_OVERFLOW",
      });
    }
  });

  it("names no recipient: one session key packet with key id zero, then the ciphertext, nothing else", async () => {
    const sealed = await seal(ada.bytes.publicKey, Buffer.from("x"), "small");
    const { packets } = await openpgp.readMessage({ binaryMessage: sealed });
    assert.deepEqual(
      [...packets].map((packet) => (packet.constructor as unknown as { tag: number }).tag),
      [openpgp.enums.packet.publicKeyEncryptedSessionKey, openpgp.enums.packet.symEncryptedIntegrityProtectedData],
    );
    const [pkesk] = packets as unknown as [{ publicKeyID: openpgp.KeyID }];
    assert.equal(pkesk.publicKeyID.toHex(), "0000000000000000");
    for (const key of [ada.key, ...ada.key.subkeys]) {
      const id = Buffer.from(key.getKeyID().toHex(), "hex");
      assert.ok(!Buffer.from(sealed).includes(id));
      assert.ok(!Buffer.from(sealed).includes(Buffer.from(key.getFingerprint(), "hex")));
    }
  });

  it("opens to no key when any byte is another, or bytes are missing or follow", async () => {
    const sealed = await seal(ada.bytes.publicKey, Buffer.from("x"), "small");
    for (let at = 0; at < sealed.length; at++) {
      const result = await open(ada.key, altered(sealed, at, at % 8));
      // The key id is not authenticated by anything; naming somebody else there only keeps the message shut.
      assert.equal(result, undefined, `byte ${at}`);
    }
    assert.equal(await open(ada.key, sealed.subarray(0, -1)), undefined);
    assert.equal(await open(ada.key, new Uint8Array(0)), undefined);
    assert.equal(await open(ada.key, randomBytes(405)), undefined);
  });

  it("of the same plaintext is never the same twice", async () => {
    const seals = await Promise.all(
      Array.from({ length: 20 }, () => seal(ada.bytes.publicKey, Buffer.from("x"), "small")),
    );
    assert.equal(new Set(seals.map((sealed) => Buffer.from(sealed).toString("hex"))).size, 20);
  });

  it("to nobody can't be told from one to a member by its length or packets", async () => {
    const nobody = await makeNobody(KEY_MONTH);
    for (const name of CLASSES) {
      const sealed = await sealToNobody(nobody, name);
      assert.equal(sealed.length, SEALED_BYTES[name]);
      assert.equal(await open(ada.key, sealed), undefined);
      const real = await seal(ada.bytes.publicKey, randomBytes(10), name);
      const shape = async (binaryMessage: Uint8Array) =>
        [...(await openpgp.readMessage({ binaryMessage })).packets].map((packet) => packet.constructor.name);
      assert.deepEqual(await shape(sealed), await shape(real));
      // The first bytes up to the random point of the key exchange are the same for all.
      assert.deepEqual(Buffer.from(sealed.subarray(0, 12)), Buffer.from(real.subarray(0, 12)));
    }
  });
});
