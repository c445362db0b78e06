import { randomBytes, randomUUID } from "node:crypto";
import { makeKeypair } from "./keypair.js";
import { SEAL_CLASSES, type SealClass, seal } from "./seal.js";

/**
 * Somebody who can't open anything: a public key whose private half was thrown away.
 *
 * What is sealed to nobody can't be told from what is sealed to a member.
 */
export interface Nobody {
  publicKey: Uint8Array;
}

/** @param month first day of the month, midnight UTC, as for everybody's key */
export async function makeNobody(month: Date): Promise<Nobody> {
  const { publicKey } = await makeKeypair(randomUUID(), month);
  return { publicKey };
}

/** Random bytes sealed to nobody: for a slot that is empty. */
export async function sealToNobody(nobody: Nobody, sealClass: SealClass): Promise<Uint8Array> {
  return await seal(nobody.publicKey, randomBytes(SEAL_CLASSES[sealClass] - 4), sealClass);
}
