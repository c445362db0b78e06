import { randomBytes } from "node:crypto";
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { BOX_OVERHEAD_BYTES, discloseBytes, encloseBytes } from "./box.js";
import { ByteReader, concat, equalBytes, uint16, uuidBytes, uuidText } from "./bytes.js";
import { deriveKey, type Label } from "./derive.js";
import { FINGERPRINT_BYTES, fingerprintOf, PRIVATE_KEY_BYTES, type PrivateKey, readPrivateKey } from "./keypair.js";
import { open, seal } from "./seal.js";

const PHRASE: Label = "kith/v1/recovery phrase";
const LOCKED_RECOVERY_KEY: Label = "kith/v1/locked recovery key";
const BULK: Label = "kith/v1/review notes";

/** Who came by whom, and in which month. Only the review key opens it. */
export interface Edge {
  inviteeId: string;
  /** `NO_INVITER`: nobody, or nobody any more. */
  inviterId: string;
  /** `YYYY-MM` */
  month: string;
}

/** Months as one number, so that they are sealed in two bytes. */
export function monthNumber(month: string): number {
  const [year, number] = month.split("-").map(Number) as [number, number];
  return year * 12 + number - 1;
}

export function monthText(months: number): string {
  return `${Math.floor(months / 12)}-${String((months % 12) + 1).padStart(2, "0")}`;
}

/** Seals an edge to the review key: 405 bytes, whoever is in it. */
export async function sealEdge(reviewPublicKey: Uint8Array, edge: Edge): Promise<Uint8Array> {
  const { inviteeId, inviterId, month } = edge;
  const plaintext = concat(uuidBytes(inviteeId), uuidBytes(inviterId), uint16(monthNumber(month)));
  return await seal(reviewPublicKey, plaintext, "small");
}

/** @returns undefined if it is not sealed to this key, or not an edge */
export async function openEdge(reviewKey: PrivateKey, sealed: Uint8Array): Promise<Edge | undefined> {
  const plaintext = await open(reviewKey, sealed);
  if (plaintext?.length !== 34) return undefined;
  const reader = new ByteReader(plaintext);
  const inviteeId = uuidText(reader.take(16));
  const inviterId = uuidText(reader.take(16));
  return { inviteeId, inviterId, month: monthText(reader.uint16()) };
}

const MARK_START = 20;
/** Bytes of an edge that differ between any two seals: enough to see that an edge is the one read before. */
export const EDGE_MARK_BYTES = 16;

/** Part of the seal's own random point. Says nothing about what is sealed. */
export function edgeMark(sealed: Uint8Array): Uint8Array {
  return sealed.subarray(MARK_START, MARK_START + EDGE_MARK_BYTES);
}

/** A private review key, sealed to one admin (or to the recovery key), together with who sealed it: 1,173 bytes. */
export async function sealGrant(
  publicKey: Uint8Array,
  reviewPrivateKey: PrivateKey,
  granterFingerprint: Uint8Array,
): Promise<Uint8Array> {
  return await seal(publicKey, concat(reviewPrivateKey.write(), granterFingerprint), "medium");
}

/**
 * Opens a grant and checks that it holds the review key that it is said to hold: whoever made it knew the private
 * half, so the fingerprint beside it is that of a reader.
 *
 * @returns undefined if it is not for this key, or holds another one
 */
export async function openGrant(
  privateKey: PrivateKey,
  sealed: Uint8Array,
  reviewFingerprint: Uint8Array,
): Promise<{ reviewKey: PrivateKey; granterFingerprint: Uint8Array } | undefined> {
  const plaintext = await open(privateKey, sealed);
  if (plaintext?.length !== PRIVATE_KEY_BYTES + FINGERPRINT_BYTES) return undefined;
  const reviewKey = await readPrivateKey(plaintext.subarray(0, PRIVATE_KEY_BYTES)).catch(() => undefined);
  if (!reviewKey || !equalBytes(fingerprintOf(reviewKey), reviewFingerprint)) return undefined;
  return { reviewKey, granterFingerprint: Uint8Array.from(plaintext.subarray(PRIVATE_KEY_BYTES)) };
}

/** A recovery phrase: 12 words, 128 random bits and a check of four. */
export function newRecoveryPhrase(): string {
  return entropyToMnemonic(randomBytes(16), wordlist);
}

/** @returns the phrase's 16 bytes, or undefined if a word is none, or the words don't fit together */
export function readRecoveryPhrase(text: string): Uint8Array | undefined {
  const words = text.trim().toLowerCase().split(/\s+/);
  if (words.length !== 12) return undefined;
  try {
    return mnemonicToEntropy(words.join(" "), wordlist);
  } catch {
    return undefined;
  }
}

/**
 * Locks the recovery key with the phrase, then with the server secret: whoever once saw the phrase opens no dump with it.
 * The phrase has 128 random bits, so it needs no slow hash.
 *
 * @returns 685 bytes
 */
export function lockRecoveryKey(
  phrase: Uint8Array,
  privateKey: Uint8Array,
  serverSecret: Uint8Array,
  id: string,
): Uint8Array {
  const inner = encloseBytes(deriveKey(phrase, PHRASE), privateKey, id);
  return encloseBytes(deriveKey(serverSecret, LOCKED_RECOVERY_KEY), inner, id);
}

/** @returns the private key's bytes, or undefined if the phrase, the server secret or the row is another */
export function unlockRecoveryKey(
  phrase: Uint8Array,
  locked: Uint8Array,
  serverSecret: Uint8Array,
  id: string,
): Uint8Array | undefined {
  const inner = innerRecoveryKey(locked, serverSecret, id);
  return inner && discloseBytes(deriveKey(phrase, PHRASE), inner, id);
}

/**
 * Moves a locked recovery key from one server secret to another, without the phrase.
 *
 * @returns undefined if it was not locked under `oldSecret` for this row
 */
export function rewrapRecoveryKey(
  locked: Uint8Array,
  oldSecret: Uint8Array,
  newSecret: Uint8Array,
  id: string,
): Uint8Array | undefined {
  const inner = innerRecoveryKey(locked, oldSecret, id);
  return inner && encloseBytes(deriveKey(newSecret, LOCKED_RECOVERY_KEY), inner, id);
}

/** Whether a recovery key was locked by a Kith of before, with the phrase alone. */
export function isLockedByPhraseAlone(locked: Uint8Array): boolean {
  return locked.length === PRIVATE_KEY_BYTES + BOX_OVERHEAD_BYTES;
}

function innerRecoveryKey(locked: Uint8Array, serverSecret: Uint8Array, id: string): Uint8Array | undefined {
  if (isLockedByPhraseAlone(locked)) return locked;
  return discloseBytes(deriveKey(serverSecret, LOCKED_RECOVERY_KEY), locked, id);
}

/** What was read of many edges, sealed again as one: a key sealed to the review key, and a box under it. */
export async function sealNotes(
  reviewPublicKey: Uint8Array,
  notes: Uint8Array,
): Promise<{ sealed_key: Uint8Array; box: Uint8Array }> {
  const key = randomBytes(32);
  return { sealed_key: await seal(reviewPublicKey, key, "small"), box: encloseBytes(deriveKey(key, BULK), notes) };
}

export async function openNotes(
  reviewKey: PrivateKey,
  row: { sealed_key: Uint8Array; box: Uint8Array },
): Promise<Uint8Array | undefined> {
  const key = await open(reviewKey, row.sealed_key);
  return key && discloseBytes(deriveKey(key, BULK), row.box);
}
