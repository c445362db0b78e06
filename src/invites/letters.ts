import { isFrozenFor } from "../accounts/account.js";
import type { Session } from "../accounts/sessions.js";
import { hasRoom } from "../accounts/state.js";
import type { Context } from "../context.js";
import { addDays, dayNumber, dayOf, daysBetween } from "../days.js";
import { toBase64url, toHex, uuidText } from "../protocol/bytes.js";
import {
  encloseInvitee,
  type LetterKind,
  NO_INVITER,
  newLetterNonce,
  spentLetterHash,
  writeLetter,
} from "../protocol/letter.js";
import { type OpenLetter, type PastLetter, SELF_RECORD_LIMITS } from "../protocol/self-record.js";
import { hasControls, jsonBytes } from "../text.js";
import { changeAlike } from "../trust/alike.js";
import * as queries from "./queries.js";
import { nonceOf, settleLetters } from "./settle-letters.js";

/** How long a note may be, in bytes of the JSON that the self record is. */
export const NOTE_BYTES = 60;

/** The address of a letter. */
export function letterLink(origin: URL, letter: string): string {
  return new URL(`/invite/${letter}`, origin).href;
}

/** A letter from the people who run this place: no member answers for it. */
export function operatorLetter(
  context: Context,
  kind: Exclude<LetterKind, "member">,
  domain: string = context.config.domains[0],
): string {
  return writeLetter(context.secret, {
    kind,
    nonce: newLetterNonce(),
    inviterId: NO_INVITER,
    expiryDay: dayNumber(addDays(dayOf(context.clock()), context.config.inviteDays)),
    domainNumber: Math.max(0, context.config.domains.indexOf(domain)),
  });
}

export type WriteOutcome =
  | { outcome: "written"; letter: string; note: string; expires: string }
  | { outcome: "none-left" }
  | { outcome: "too-many-open"; count: number }
  /** The list of trusted people and the open letters fill the self record. */
  | { outcome: "no-room" }
  | { outcome: "note-too-long" }
  /** It has control characters. */
  | { outcome: "note-no-line" }
  | { outcome: "too-young"; days: number }
  | { outcome: "frozen" };

/** Writes a letter. It is no row: whoever reads the database finds nothing of it but a change, as of the list. */
export async function writeInvite(context: Context, session: Session, note: string): Promise<WriteOutcome> {
  const { config, secret } = context;
  const trimmed = note.trim();
  const today = dayOf(context.clock());
  return await changeAlike<WriteOutcome>(context, session, {}, async (state) => {
    const { account, record } = state;
    const refuse = (outcome: WriteOutcome) => ({ store: false, outcome });
    if (hasControls(trimmed)) return refuse({ outcome: "note-no-line" });
    if (jsonBytes(trimmed) > NOTE_BYTES) return refuse({ outcome: "note-too-long" });
    if (isFrozenFor(account, "inviting")) return refuse({ outcome: "frozen" });
    const age = daysBetween(record.joined, today);
    if (age < config.inviteMinAgeDays) return refuse({ outcome: "too-young", days: config.inviteMinAgeDays });
    if (record.openLetters.length >= SELF_RECORD_LIMITS.openLetters) {
      return refuse({ outcome: "too-many-open", count: record.openLetters.length });
    }
    if (record.invitesLeft < 1) return refuse({ outcome: "none-left" });
    const nonce = newLetterNonce();
    const expires = addDays(today, config.inviteDays);
    record.invitesLeft -= 1;
    record.openLetters.push({ nonce: toBase64url(nonce), note: trimmed, written: today, expires });
    if (!hasRoom(state)) return refuse({ outcome: "no-room" });
    record.events.push({ kind: "letter-written", day: today });
    const letter = writeLetter(secret, {
      kind: "member",
      nonce,
      inviterId: account.id,
      expiryDay: dayNumber(expires),
      domainNumber: Math.max(0, config.domains.indexOf(account.domain)),
    });
    return { store: true, outcome: { outcome: "written", letter, note: trimmed, expires } };
  });
}

/** The id under which an open letter stands in a form; the nonce itself never leaves the record. */
export function letterId(letter: OpenLetter): string {
  return uuidText(spentLetterHash(nonceOf(letter)).subarray(0, 16));
}

/** Takes a letter back, by spending it oneself. The row that this leaves tells that somebody did. */
export async function revokeInvite(
  context: Context,
  session: Session,
  id: string,
): Promise<PastLetter["outcome"] | "unknown"> {
  return await changeAlike<PastLetter["outcome"] | "unknown">(context, session, {}, async (state, { became }) => {
    const isMeant = (letter: OpenLetter) => letterId(letter) === id;
    let outcome = [...became].find(([letter]) => isMeant(letter))?.[1];
    const letter = state.record.openLetters.find(isMeant);
    if (letter) {
      const nonce = nonceOf(letter);
      const spent = { nonce_hash: spentLetterHash(nonce), invitee: encloseInvitee(nonce, NO_INVITER) };
      await queries.insertSpent(context.db, spent);
      context.seen.letters.add(toHex(spent.nonce_hash));
      // Somebody may have used it a moment before.
      outcome = (await settleLetters(context, state)).get(letter);
    }
    if (outcome === "revoked") state.record.events.push({ kind: "letter-revoked", day: dayOf(context.clock()) });
    return { store: outcome !== undefined, outcome: outcome ?? "unknown" };
  });
}
