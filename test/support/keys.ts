import { randomUUID } from "node:crypto";
import { makeKeypair, type PrivateKey, readPrivateKey } from "#kith/protocol/keypair.js";

/** The month in which the keys of tests are made. */
export const KEY_MONTH = new Date(Date.UTC(2025, 0, 1));

export interface TestMember {
  id: string;
  /** 629 and 555 bytes */
  bytes: { privateKey: Uint8Array; publicKey: Uint8Array };
  fingerprint: Uint8Array;
  key: PrivateKey;
}

/** Somebody with a keypair, without an account. */
export async function somebody(id: string = randomUUID()): Promise<TestMember> {
  const { privateKey, publicKey, fingerprint } = await makeKeypair(id, KEY_MONTH);
  return { id, bytes: { privateKey, publicKey }, fingerprint, key: await readPrivateKey(privateKey) };
}

/** A copy with one bit turned over. */
export function altered(bytes: Uint8Array, at: number, bit = 0): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at % copy.length]! ^= 1 << bit;
  return copy;
}
