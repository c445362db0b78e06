import { randomBytes } from "node:crypto";
import { discloseBytes, encloseBytes, pad, unpad } from "./box.js";
import { ByteReader, concat, fromBase64url, toBase64url } from "./bytes.js";
import { deriveKey, hash, type Label } from "./derive.js";
import type { PrivateKey } from "./keypair.js";
import { open, SEAL_CLASSES, seal } from "./seal.js";
import { type Rules, SHARE_BYTES, type Token } from "./token.js";

const LINK: Label = "kith/v1/handover link";
const CASE_RULES: Label = "kith/v1/case rules";

/** A handover link's secret: 32 bytes; whoever has it first may choose the password, once. */
export function newLinkSecret(): Uint8Array {
  return randomBytes(32);
}

export function formatLinkSecret(secret: Uint8Array): string {
  return toBase64url(secret);
}

/** @returns undefined if the text is no link secret */
export function parseLinkSecret(text: string): Uint8Array | undefined {
  const secret = fromBase64url(text);
  return secret?.length === 32 ? secret : undefined;
}

/** What is stored of a link: 32 bytes. */
export function linkHash(secret: Uint8Array): Uint8Array {
  return hash(LINK, secret);
}

/** What stands in place of a link that is dead: nothing hashes to it. */
export function deadLinkHash(): Uint8Array {
  return randomBytes(32);
}

/** The rules of a case, and once a password was chosen, when that was. */
export interface CaseRules extends Rules {
  /** Milliseconds since 1970, UTC; 0 before the choice. */
  chosenAt: number;
}

function encodeCaseRules(rules: CaseRules): Uint8Array {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(rules.chosenAt));
  return concat(Uint8Array.of(rules.threshold, rules.waitDays, rules.keepsKey ? 1 : 0), time);
}

function decodeCaseRules(bytes: Uint8Array): CaseRules {
  const reader = new ByteReader(bytes);
  const rules = { threshold: reader.byte(), waitDays: reader.byte(), keepsKey: reader.byte() === 1 };
  return { ...rules, chosenAt: Number(Buffer.from(reader.take(8)).readBigUInt64BE()) };
}

/** Before the choice: only who has the link can read the rules. */
export function sealRulesToLink(rules: Rules, secret: Uint8Array, caseId: string): Uint8Array {
  const plaintext = pad(encodeCaseRules({ ...rules, chosenAt: 0 }), SEAL_CLASSES.small);
  return encloseBytes(deriveKey(secret, CASE_RULES), plaintext, caseId);
}

export function openRulesOfLink(sealed: Uint8Array, secret: Uint8Array, caseId: string): CaseRules | undefined {
  const plaintext = discloseBytes(deriveKey(secret, CASE_RULES), sealed, caseId);
  const bytes = plaintext && unpad(plaintext);
  return bytes && decodeCaseRules(bytes);
}

/** After the choice: only who knows the new password can read the rules. */
export async function sealRulesToPending(rules: CaseRules, pendingPublicKey: Uint8Array): Promise<Uint8Array> {
  return await seal(pendingPublicKey, encodeCaseRules(rules), "small");
}

export async function openPendingRules(sealed: Uint8Array, pendingKey: PrivateKey): Promise<CaseRules | undefined> {
  const bytes = await open(pendingKey, sealed);
  return bytes && decodeCaseRules(bytes);
}

/** One trusted person's agreement, as the pending key opens it. */
export interface Approval {
  rules: Rules;
  /** 33 bytes */
  share: Uint8Array;
}

/** Seals what a token says to the pending key of a case: 405 bytes. */
export async function sealApproval(token: Token, pendingPublicKey: Uint8Array): Promise<Uint8Array> {
  const { threshold, waitDays, keepsKey } = token.rules;
  return await seal(
    pendingPublicKey,
    concat(Uint8Array.of(threshold, waitDays, keepsKey ? 1 : 0), token.share),
    "small",
  );
}

export async function openApproval(sealed: Uint8Array, pendingKey: PrivateKey): Promise<Approval | undefined> {
  const bytes = await open(pendingKey, sealed);
  if (!bytes) return undefined;
  const reader = new ByteReader(bytes);
  const rules = { threshold: reader.byte(), waitDays: reader.byte(), keepsKey: reader.byte() === 1 };
  return { rules, share: Uint8Array.from(reader.take(SHARE_BYTES)) };
}
