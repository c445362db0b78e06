import { randomBytes } from "node:crypto";
import { combine, split } from "shamir-secret-sharing";
import { BOX_OVERHEAD_BYTES, discloseBytes, encloseBytes } from "./box.js";
import { PRIVATE_KEY_BYTES } from "./keypair.js";

/** Length of the escrow column, used or not. */
export const ESCROW_BYTES = PRIVATE_KEY_BYTES + BOX_OVERHEAD_BYTES;

/** What stands in the column of somebody who does not keep the key. */
export function emptyEscrow(): Uint8Array {
  return randomBytes(ESCROW_BYTES);
}

/**
 * Puts a private key into escrow under a new key E, and splits E so that any `threshold` of `count` shares give it
 * back (Shamir over GF(2^8)). Fewer shares, or shares of different calls, tell nothing.
 *
 * @param privateKey 629 bytes
 * @param count how many shares, at least 2
 * @param threshold 2…count
 * @returns the escrow (657 bytes) and `count` shares of 33 bytes each
 */
export async function makeEscrow(
  privateKey: Uint8Array,
  accountId: string,
  generation: Uint8Array,
  count: number,
  threshold: number,
): Promise<{ escrow: Uint8Array; shares: Uint8Array[] }> {
  const key = Uint8Array.from(randomBytes(32));
  const shares = await split(key, count, threshold);
  return { escrow: encloseBytes(key, privateKey, accountId, generation), shares };
}

/**
 * Joins shares and opens the escrow.
 *
 * The library joins wrong shares to garbage without a word; the escrow's authentication notices.
 *
 * @returns the private key (629 bytes), or undefined if these shares do not open this escrow
 */
export async function openEscrow(
  escrow: Uint8Array,
  shares: readonly Uint8Array[],
  accountId: string,
  generation: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    const key = await combine(shares.map((share) => Uint8Array.from(share)));
    return discloseBytes(key, escrow, accountId, generation);
  } catch {
    return undefined; // too few shares, or the same one twice
  }
}
