import { randomBytes } from "node:crypto";
import argon2 from "argon2";
import { concat, utf8 } from "./bytes.js";
import { hmac, type Label } from "./derive.js";

const DECOY_SALT: Label = "kith/v1/decoy salt";
const DECOY_PARAMETERS: Label = "kith/v1/decoy parameters";

export const SALT_BYTES = 16;
export const UNLOCK_KEY_BYTES = 32;

/** Argon2id cost: memory in KiB, passes, lanes. */
export interface Argon2Parameters {
  memoryKiB: number;
  timeCost: number;
  parallelism: number;
}

/** The text in which parameters are stored with an account: `m=65536,t=3,p=4`. */
export function formatParameters({ memoryKiB, timeCost, parallelism }: Argon2Parameters): string {
  return `m=${memoryKiB},t=${timeCost},p=${parallelism}`;
}

/** @returns undefined if the text is not what `formatParameters` writes */
export function parseParameters(text: string): Argon2Parameters | undefined {
  const match = /^m=(\d{1,8}),t=(\d{1,3}),p=(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  return { memoryKiB: Number(match[1]), timeCost: Number(match[2]), parallelism: Number(match[3]) };
}

export function newSalt(): Uint8Array {
  return randomBytes(SALT_BYTES);
}

/** The salt for a username that does not exist: the same at every try, so that it looks like a stored one. */
export function decoySalt(serverSecret: Uint8Array, domain: string, username: string): Uint8Array {
  return hmac(serverSecret, DECOY_SALT, domain, username).subarray(0, SALT_BYTES);
}

/** How many accounts are stored with these parameters. */
export interface ParameterShare {
  parameters: Argon2Parameters;
  accounts: number;
}

/** Bytes of a draw: the most that a number holds exactly. */
const DRAW_BYTES = 6;

/**
 * The parameters for a username that does not exist: those of some account, each as likely as any other's, and the same
 * at every try as long as the shares are.
 *
 * @returns undefined if there are no accounts
 */
export function decoyParameters(
  serverSecret: Uint8Array,
  domain: string,
  username: string,
  shares: readonly ParameterShare[],
): Argon2Parameters | undefined {
  const draw = Buffer.from(hmac(serverSecret, DECOY_PARAMETERS, domain, username)).readUIntBE(0, DRAW_BYTES);
  let left = (draw / 2 ** (8 * DRAW_BYTES)) * shares.reduce((sum, { accounts }) => sum + accounts, 0);
  for (const { parameters, accounts } of shares) {
    if (left < accounts) return parameters;
    left -= accounts;
  }
  return undefined;
}

/**
 * The unlock key: Argon2id (RFC 9106) over the password in Unicode normalisation form C.
 * Runs in libuv's pool; takes about 0.1 s at the default cost.
 *
 * @param salt 16 bytes, stored with the account
 * @returns 32 bytes
 */
export async function deriveUnlockKey(
  password: string,
  salt: Uint8Array,
  parameters: Argon2Parameters,
): Promise<Uint8Array> {
  return await argon2.hash(concat(utf8(password.normalize("NFC"))) as Buffer, {
    type: argon2.argon2id,
    raw: true,
    salt: Buffer.from(salt),
    memoryCost: parameters.memoryKiB,
    timeCost: parameters.timeCost,
    parallelism: parameters.parallelism,
    hashLength: UNLOCK_KEY_BYTES,
  });
}
