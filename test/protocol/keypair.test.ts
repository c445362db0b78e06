import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { toHex } from "#kith/protocol/bytes.js";
import { newGeneration, newSessionEpoch } from "#kith/protocol/generation.js";
import {
  fingerprintOf,
  keyMonth,
  makeKeypair,
  PRIVATE_KEY_BYTES,
  PUBLIC_KEY_BYTES,
  readPublicKey,
} from "#kith/protocol/keypair.js";
import { KEY_MONTH, somebody } from "../support/keys.js";

describe("a keypair", () => {
  it("has the same lengths as everybody's, though one in forty would be shorter", async () => {
    for (let count = 0; count < 200; count++) {
      const { privateKey, publicKey } = await makeKeypair(randomUUID(), KEY_MONTH);
      assert.equal(privateKey.length, PRIVATE_KEY_BYTES);
      assert.equal(publicKey.length, PUBLIC_KEY_BYTES);
    }
  });

  it("tells the month of making, and no more of when", async () => {
    const { bytes, key, fingerprint } = await somebody();
    assert.deepEqual(await keyMonth(bytes.publicKey), KEY_MONTH);
    assert.equal(toHex(fingerprintOf(key)), toHex(fingerprint));
  });

  it("is read as a public key from its public half alone", async () => {
    const { bytes, fingerprint } = await somebody();
    for (let again = 0; again < 2; again++)
      assert.equal((await readPublicKey(bytes.publicKey)).getFingerprint(), toHex(fingerprint));
    for (const other of [bytes.privateKey, bytes.publicKey.subarray(0, 200), new Uint8Array(0)])
      await assert.rejects(readPublicKey(other), { code: "ERR_ENCODING" });
  });
});

describe("generations and epochs", () => {
  it("are 16 bytes, and never the same twice", () => {
    for (const make of [newGeneration, newSessionEpoch]) {
      const made = Array.from({ length: 200 }, make);
      assert.ok(made.every(({ length }) => length === 16));
      assert.equal(new Set(made.map(toHex)).size, made.length);
    }
  });
});
