import { randomBytes } from "node:crypto";
import { ByteReader, concat, equalBytes } from "./bytes.js";
import { hash, type Label } from "./derive.js";
import { ProtocolError } from "./errors.js";
import type { PrivateKey } from "./keypair.js";
import { open } from "./seal.js";

const TOKEN: Label = "kith/v1/token";
const VERSION = 1;
const SECRET_BYTES = 32;

/** One share of the escrow key, as `shamir-secret-sharing` makes them for 32 bytes. */
export const SHARE_BYTES = 33;

/** What A has decided about being let back in. */
export interface Rules {
  /** How many trusted people must agree, at least 1. */
  threshold: number;
  /** Whole days between the choice of a password and its effect, 0 to 30. */
  waitDays: number;
  /** Whether k who agree also give back the private key. */
  keepsKey: boolean;
}

/** A reset token R: 69 bytes that only one trusted person can read. */
export interface Token {
  rules: Rules;
  /** 33 bytes: a share of the escrow key if the key is kept, random otherwise. */
  share: Uint8Array;
  /** R itself: version ‖ k ‖ wait days ‖ keeps key? ‖ 32 random bytes ‖ share */
  bytes: Uint8Array;
}

/**
 * Draws a new token.
 *
 * @param share 33 bytes, or undefined for a random one
 * @throws ProtocolError `ERR_PARAMETER` for rules out of range
 */
export function makeToken(rules: Rules, share: Uint8Array = randomBytes(SHARE_BYTES)): Token {
  if (!(rules.threshold >= 1 && rules.threshold <= 255 && rules.waitDays >= 0 && rules.waitDays <= 255)) {
    throw new ProtocolError("ERR_PARAMETER", "Rules out of range.");
  }
  if (share.length !== SHARE_BYTES) throw new ProtocolError("ERR_PARAMETER", "A share has 33 bytes.");
  const head = Uint8Array.of(VERSION, rules.threshold, rules.waitDays, rules.keepsKey ? 1 : 0);
  return { rules, share, bytes: concat(head, randomBytes(SECRET_BYTES), share) };
}

/** @throws ProtocolError `ERR_ENCODING` if these bytes are no token of this version */
export function readToken(bytes: Uint8Array): Token {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) throw new ProtocolError("ERR_ENCODING", "A token of an unknown version.");
  const rules = { threshold: reader.byte(), waitDays: reader.byte(), keepsKey: reader.byte() === 1 };
  reader.take(SECRET_BYTES);
  // A plain Uint8Array: the sharing library refuses Node's Buffer.
  return { rules, share: Uint8Array.from(reader.take(SHARE_BYTES)), bytes };
}

/** Where a token belongs: it proves nothing for another member, slot or generation. */
export interface TokenPlace {
  /** id of the trusting user */
  trustingId: string;
  rowId: string;
  /** 16 bytes */
  generation: Uint8Array;
}

/** hash(R), bound to its place: 32 bytes, stored in the clear. */
export function tokenHash(token: Uint8Array, place: TokenPlace): Uint8Array {
  return hash(TOKEN, place.trustingId, place.rowId, place.generation, token);
}

/** What somebody who wants to help reads of a relation row. */
export interface TokenRow {
  id: string;
  trusting_id: string;
  generation: Uint8Array;
  sealed_token: Uint8Array;
  token_hash: Uint8Array;
}

/**
 * Tries a helper's key on all S rows of a member and proves the right to help.
 *
 * All rows are tried, and hashed, whichever matches: the time taken does not depend on which row matches, or
 * whether one does.
 *
 * @param rows all S relation rows of one trusting user
 * @returns the matching row with its token, or undefined if no row is for this key: not an error
 * @throws ProtocolError `ERR_ROW_COUNT` if there are not exactly `slots` rows
 * @see docs/protocol.md, "Reset"
 */
export async function proveToken<Row extends TokenRow>(
  privateKey: PrivateKey,
  rows: readonly Row[],
  slots: number,
): Promise<{ row: Row; token: Token } | undefined> {
  if (rows.length !== slots) throw new ProtocolError("ERR_ROW_COUNT", "Not the number of rows of an account.");
  const opened = await Promise.all(rows.map((row) => open(privateKey, row.sealed_token)));
  let match: { row: Row; token: Token } | undefined;
  for (const [index, row] of rows.entries()) {
    const plaintext = opened[index];
    const place = { trustingId: row.trusting_id, rowId: row.id, generation: row.generation };
    const proven = equalBytes(tokenHash(plaintext ?? row.sealed_token, place), row.token_hash);
    if (plaintext && proven) match = { row, token: readToken(plaintext) };
  }
  return match;
}
