import { randomInt } from "node:crypto";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { hash, type Label } from "./derive.js";

const WORDS: Label = "kith/v1/words";

/** 2,048 English words (BIP 39), 11 bits each, no two alike in their first four letters. */
export const WORD_LIST: readonly string[] = wordlist;

/** The four words to compare. */
export type FourWords = readonly [string, string, string, string];

/**
 * The four words of a case: the first 44 bits of a hash over the case and the pending key.
 *
 * Whoever intercepted the link, or began a case of their own, has other words. The server makes the keypair, so
 * nobody can search for a matching one.
 *
 * @param pendingFingerprint 20 bytes
 */
export function caseWords(caseId: string, pendingFingerprint: Uint8Array): FourWords {
  const digest = Buffer.from(hash(WORDS, caseId, pendingFingerprint));
  const bits = digest.readUIntBE(0, 6); // 48 bits
  const word = (index: number) => WORD_LIST[Math.floor(bits / 2 ** (48 - 11 * (index + 1))) % 2048] as string;
  return [word(0), word(1), word(2), word(3)];
}

/** A passphrase to suggest: words drawn at random, 11 bits each. */
export function suggestPassphrase(words = 6): string {
  return Array.from({ length: words }, () => WORD_LIST[randomInt(WORD_LIST.length)]).join(" ");
}
