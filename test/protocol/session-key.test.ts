import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import * as openpgp from "openpgp";
import { type Keypair, makeKeypair, OPENPGP_CONFIG, readPrivateKey, readPublicKey } from "#kith/protocol/keypair.js";
import { open, SEALED_BYTES, seal } from "#kith/protocol/seal.js";
import { decryptSessionKey, encryptSessionKey, SESSION_KEY_PACKET_BYTES } from "#kith/protocol/session-key.js";

const MONTH = new Date(Date.UTC(2026, 10, 1));

describe("a session key packet", () => {
  let bea: Keypair;
  let cem: Keypair;
  before(async () => {
    bea = await makeKeypair(randomUUID(), MONTH);
    cem = await makeKeypair(randomUUID(), MONTH);
  });

  it("opens what openpgp.js wrote, and openpgp.js opens what it wrote, many times over", async () => {
    const publicKey = await readPublicKey(bea.publicKey);
    const privateKey = await readPrivateKey(bea.privateKey);
    for (let round = 0; round < 200; round++) {
      const data = new Uint8Array(randomBytes(32));
      const theirs = await openpgp.encryptSessionKey({
        data,
        algorithm: "aes256",
        encryptionKeys: publicKey,
        wildcard: true,
        format: "binary",
        config: OPENPGP_CONFIG,
      });
      assert.deepEqual(Uint8Array.from(decryptSessionKey(privateKey, theirs as Uint8Array)!), data);
      const ours = await encryptSessionKey(publicKey, data);
      assert.equal(ours.length, SESSION_KEY_PACKET_BYTES);
      assert.deepEqual(Buffer.from(ours.subarray(0, 15)), Buffer.from(theirs as Uint8Array).subarray(0, 15));
      const [opened] = await openpgp.decryptSessionKeys({
        message: await openpgp.readMessage({ binaryMessage: ours }),
        decryptionKeys: privateKey,
      });
      assert.deepEqual(opened?.data, data);
    }
  });

  it("makes seals that openpgp.js opens by itself, in every class", async () => {
    for (const sealClass of ["small", "medium", "large"] as const) {
      const sealed = await seal(bea.publicKey, Buffer.from("hello bea"), sealClass);
      assert.equal(sealed.length, SEALED_BYTES[sealClass]);
      const { data } = await openpgp.decrypt({
        message: await openpgp.readMessage({ binaryMessage: sealed }),
        decryptionKeys: await readPrivateKey(bea.privateKey),
        format: "binary",
      });
      assert.equal(Buffer.from(data as Uint8Array).toString("utf8", 4, 13), "hello bea");
    }
  });

  it("opens with no other key, and not with a byte altered", async () => {
    const sealed = await seal(bea.publicKey, Buffer.from("hello bea"), "small");
    assert.equal(await open(await readPrivateKey(cem.privateKey), sealed), undefined);
    const privateKey = await readPrivateKey(bea.privateKey);
    for (let at = 0; at < sealed.length; at++) {
      const altered = Buffer.from(sealed);
      altered[at]! ^= 1;
      assert.equal(await open(privateKey, altered), undefined, `byte ${at}`);
    }
    for (const length of [0, 1, 15, 16, 95, 96, 97, 404]) {
      assert.equal(await open(privateKey, sealed.subarray(0, length)), undefined, `${length} bytes`);
    }
  });
});
