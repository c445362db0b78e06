import { randomBytes } from "node:crypto";
import { discloseBytes, encloseBytes } from "./box.js";
import { ByteReader, concat, fromBase64url, toBase64url, uint16, uuidBytes, uuidText } from "./bytes.js";
import { deriveKey, hash, type Label } from "./derive.js";

const LETTER: Label = "kith/v1/letter";
const SPENT: Label = "kith/v1/spent invite";
const INVITEE: Label = "kith/v1/invitee";

const KINDS = ["member", "operator", "admin", "first-admin"] as const;
export type LetterKind = (typeof KINDS)[number];

/** Who has not been invited by a member: letters of the operator name this inviter. */
export const NO_INVITER = "00000000-0000-0000-0000-000000000000";

/** What is inside an invite letter. */
export interface Letter {
  kind: LetterKind;
  /** 16 bytes; the only thing that connects a letter with its redemption */
  nonce: Uint8Array;
  inviterId: string;
  /** Days since 1970-01-01 UTC; good up to and including that day. */
  expiryDay: number;
  /** Which of the service's domains the new account gets. */
  domainNumber: number;
}

export function newLetterNonce(): Uint8Array {
  return randomBytes(16);
}

/** The letter as it stands in a link: about 90 characters. Only the server can make, read or alter one. */
export function writeLetter(serverSecret: Uint8Array, letter: Letter): string {
  const plaintext = concat(
    Uint8Array.of(KINDS.indexOf(letter.kind), letter.domainNumber),
    uint16(letter.expiryDay),
    letter.nonce,
    uuidBytes(letter.inviterId),
  );
  return toBase64url(encloseBytes(deriveKey(serverSecret, LETTER), plaintext));
}

/** @returns undefined for whatever was not written by `writeLetter` under this secret */
export function readLetter(serverSecret: Uint8Array, text: string): Letter | undefined {
  const box = fromBase64url(text);
  const plaintext = box && discloseBytes(deriveKey(serverSecret, LETTER), box);
  if (!plaintext) return undefined;
  const reader = new ByteReader(plaintext);
  const kind = KINDS[reader.byte()];
  const domainNumber = reader.byte();
  const expiryDay = reader.uint16();
  const nonce = Uint8Array.from(reader.take(16));
  return kind && { kind, nonce, inviterId: uuidText(reader.take(16)), expiryDay, domainNumber };
}

/** A spent letter's primary key: 32 bytes that only who holds the nonce can find. */
export function spentLetterHash(nonce: Uint8Array): Uint8Array {
  return hash(SPENT, nonce);
}

/** Who came by a letter, readable with the nonce alone: 44 bytes. */
export function encloseInvitee(nonce: Uint8Array, inviteeId: string): Uint8Array {
  return encloseBytes(deriveKey(nonce, INVITEE), uuidBytes(inviteeId));
}

/** @returns the invitee's id; `NO_INVITER` stands for "revoked" */
export function discloseInvitee(nonce: Uint8Array, box: Uint8Array): string | undefined {
  const bytes = discloseBytes(deriveKey(nonce, INVITEE), box);
  return bytes && uuidText(bytes);
}
