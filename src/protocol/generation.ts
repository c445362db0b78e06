import { randomBytes } from "node:crypto";

export const GENERATION_BYTES = 16;

/** A new value for `accounts.generation`: 16 random bytes, so that no two states ever share one. */
export function newGeneration(): Uint8Array {
  return randomBytes(GENERATION_BYTES);
}

/** A new value for `accounts.session_epoch`: all sessions of another epoch have ended. */
export function newSessionEpoch(): Uint8Array {
  return randomBytes(16);
}
