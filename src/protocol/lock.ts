import { randomBytes } from "node:crypto";
import * as openpgp from "openpgp";
import { discloseBytes, encloseBytes } from "./box.js";
import { toBase64url } from "./bytes.js";
import { deriveKey, type Label } from "./derive.js";
import { checkOnce, makeKeypair, OPENPGP_CONFIG, type PrivateKey } from "./keypair.js";

const LOCKED_KEY: Label = "kith/v1/locked key";

/**
 * Locks a private key with the unlock key, then with the server secret.
 *
 * Without the server secret no guess of the password can be tried on the result; with it, each guess costs a full
 * Argon2id run.
 *
 * @param unlockKey 32 bytes from `deriveUnlockKey`
 * @param accountId the only account for which `unlockPrivateKey` will open it
 * @returns always the same length
 */
export async function lockPrivateKey(
  privateKey: PrivateKey,
  unlockKey: Uint8Array,
  serverSecret: Uint8Array,
  accountId: string,
): Promise<Uint8Array> {
  const locked = await openpgp.encryptKey({
    privateKey,
    passphrase: toBase64url(unlockKey),
    config: OPENPGP_CONFIG,
  });
  return encloseBytes(deriveKey(serverSecret, LOCKED_KEY), locked.write(), accountId);
}

/**
 * Opens a locked key. Opening it is the password check.
 *
 * @returns undefined if the unlock key, the server secret or the account is another, or the bytes were altered
 */
export async function unlockPrivateKey(
  lockedKey: Uint8Array,
  unlockKey: Uint8Array,
  serverSecret: Uint8Array,
  accountId: string,
): Promise<PrivateKey | undefined> {
  const inner = discloseBytes(deriveKey(serverSecret, LOCKED_KEY), lockedKey, accountId);
  if (!inner) return undefined;
  try {
    const privateKey = await openpgp.readPrivateKey({ binaryKey: inner, config: OPENPGP_CONFIG });
    const options = { privateKey, passphrase: toBase64url(unlockKey), config: OPENPGP_CONFIG };
    return await checkOnce(await openpgp.decryptKey(options));
  } catch {
    return undefined;
  }
}

/**
 * Moves a locked key from one server secret to another, without any password.
 *
 * @returns undefined if it was not locked under `oldSecret` for this account
 */
export function rewrapLockedKey(
  lockedKey: Uint8Array,
  oldSecret: Uint8Array,
  newSecret: Uint8Array,
  accountId: string,
): Uint8Array | undefined {
  const inner = discloseBytes(deriveKey(oldSecret, LOCKED_KEY), lockedKey, accountId);
  return inner && encloseBytes(deriveKey(newSecret, LOCKED_KEY), inner, accountId);
}

/** A key that no password opens, locked for an account that does not exist: for work that must look alike. */
export interface DecoyLock {
  lockedKey: Uint8Array;
  accountId: string;
}

export async function makeDecoyLock(serverSecret: Uint8Array, accountId: string, month: Date): Promise<DecoyLock> {
  const pair = await makeKeypair(accountId, month);
  const privateKey = await openpgp.readPrivateKey({ binaryKey: pair.privateKey, config: OPENPGP_CONFIG });
  return { lockedKey: await lockPrivateKey(privateKey, randomBytes(32), serverSecret, accountId), accountId };
}
