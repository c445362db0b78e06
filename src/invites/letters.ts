import { randomBytes } from "node:crypto";
import type { Session } from "../accounts/sessions.js";
import { changeState, type PrivateState } from "../accounts/state.js";
import type { Context } from "../context.js";
import { addDays, dayNumber, dayOf, daysBetween, monthOf } from "../days.js";
import { findPersons } from "../people/people.js";
import { fromBase64url, toBase64url, toHex, utf8, uuidText } from "../protocol/bytes.js";
import {
  discloseInvitee,
  encloseInvitee,
  type LetterKind,
  NO_INVITER,
  newLetterNonce,
  spentLetterHash,
  writeLetter,
} from "../protocol/letter.js";
import { type OpenLetter, type PastLetter, SELF_RECORD_LIMITS } from "../protocol/self-record.js";
import * as queries from "./queries.js";

/** How long a note may be, in bytes. */
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
  | { outcome: "note-too-long" }
  | { outcome: "too-young"; days: number }
  | { outcome: "frozen" };

/** Writes a letter. It is no row: whoever reads the database finds nothing of it. */
export async function writeInvite(context: Context, session: Session, note: string): Promise<WriteOutcome> {
  const { config, secret } = context;
  const trimmed = note.trim();
  const today = dayOf(context.clock());
  const { outcome, account } = await changeState<WriteOutcome>(
    context,
    session.account.id,
    await session.privateKey(),
    async (state) => {
      const refuse = (outcome: WriteOutcome) => ({ store: false, outcome });
      const { record } = state;
      if (utf8(trimmed).length > NOTE_BYTES) return refuse({ outcome: "note-too-long" });
      const { frozen } = state.account;
      if (frozen === "inviting" || frozen === "both") return refuse({ outcome: "frozen" });
      const age = daysBetween(record.joined, today);
      if (age < config.inviteMinAgeDays) return refuse({ outcome: "too-young", days: config.inviteMinAgeDays });
      await settleLetters(context, state);
      if (record.openLetters.length >= SELF_RECORD_LIMITS.openLetters) {
        return refuse({ outcome: "too-many-open", count: record.openLetters.length });
      }
      if (record.invitesLeft < 1) return refuse({ outcome: "none-left" });
      const nonce = newLetterNonce();
      const expires = addDays(today, config.inviteDays);
      record.invitesLeft -= 1;
      record.openLetters.push({ nonce: toBase64url(nonce), note: trimmed, written: today, expires });
      record.events.push({ kind: "letter-written", day: today });
      const domainNumber = Math.max(0, config.domains.indexOf(state.account.domain));
      const letter = writeLetter(secret, {
        kind: "member",
        nonce,
        inviterId: state.account.id,
        expiryDay: dayNumber(expires),
        domainNumber,
      });
      return { store: true, outcome: { outcome: "written", letter, note: trimmed, expires } };
    },
  );
  session.account = account;
  return outcome;
}

/** The id under which an open letter stands in a form; the nonce itself never leaves the record. */
export function letterId(letter: OpenLetter): string {
  return uuidText(spentLetterHash(nonceOf(letter)).subarray(0, 16));
}

function nonceOf(letter: OpenLetter): Uint8Array {
  return fromBase64url(letter.nonce) as Uint8Array;
}

/** Takes a letter back, by spending it oneself. */
export async function revokeInvite(
  context: Context,
  session: Session,
  id: string,
): Promise<"revoked" | "used" | "unknown"> {
  const { outcome, account } = await changeState<"revoked" | "used" | "unknown">(
    context,
    session.account.id,
    await session.privateKey(),
    async (state) => {
      const letter = state.record.openLetters.find((open) => letterId(open) === id);
      if (!letter) return { store: false, outcome: "unknown" };
      const nonce = nonceOf(letter);
      const spent = { nonce_hash: spentLetterHash(nonce), invitee: encloseInvitee(nonce, NO_INVITER) };
      await queries.insertSpent(context.db, spent);
      context.seen.letters.add(toHex(spent.nonce_hash));
      // Somebody may have used it a moment before.
      const became = (await settleLetters(context, state)).get(letter);
      if (became === "revoked") state.record.events.push({ kind: "letter-revoked", day: dayOf(context.clock()) });
      return { store: true, outcome: became === "revoked" ? "revoked" : "used" };
    },
  );
  session.account = account;
  return outcome;
}

/**
 * Finds out what became of the open letters: who came by them, which were taken back, which ran out. Whoever keeps
 * the nonce learns it; nobody else can connect a letter with anybody. Alters the record, stores nothing.
 *
 * Letters that nobody used are the member's to write again.
 *
 * @returns the letters that are not open any more, and why
 */
export async function settleLetters(
  context: Context,
  state: Pick<PrivateState, "record">,
): Promise<Map<OpenLetter, PastLetter["outcome"]>> {
  const { record } = state;
  const became = new Map<OpenLetter, PastLetter["outcome"]>();
  const today = dayOf(context.clock());
  const spent = await lookUpSpent(context, record.openLetters);
  const stillOpen: OpenLetter[] = [];
  const used: { letter: OpenLetter; inviteeId: string }[] = [];
  const settled: PastLetter[] = [];
  for (const letter of record.openLetters) {
    const inviteeId = spent.get(letter.nonce);
    if (spent.has(letter.nonce) && !inviteeId) {
      became.set(letter, "unreadable");
      settled.push({ note: letter.note, outcome: "unreadable", month: monthOf(context.clock()) });
      record.told.push({ kind: "letter-unreadable", day: today });
    } else if (inviteeId && inviteeId !== NO_INVITER) {
      became.set(letter, "used");
      used.push({ letter, inviteeId });
    } else if (inviteeId === NO_INVITER) {
      became.set(letter, "revoked");
      settled.push({ note: letter.note, outcome: "revoked", month: monthOf(context.clock()) });
      record.invitesLeft += 1;
    } else if (letter.expires < today) {
      became.set(letter, "expired");
      settled.push({ note: letter.note, outcome: "expired", month: letter.expires });
      record.invitesLeft += 1;
    } else stillOpen.push(letter);
  }
  // Once also if nobody came: the database counts what is read, and that must not tell that somebody did.
  for (let at = 0; at < Math.max(1, used.length); at += context.config.trustSlots) {
    const chunk = used.slice(at, at + context.config.trustSlots);
    const persons = await findPersons(
      context,
      chunk.map(({ inviteeId }) => inviteeId),
    );
    for (const { letter, inviteeId } of chunk) {
      const person = persons.get(inviteeId);
      const name = person?.status === "active" || person?.status === "suspended" ? person.username : "";
      settled.push({ note: letter.note, outcome: "used", month: monthOf(context.clock()), name });
      record.told.push({ kind: "letter-used", day: today, values: { username: name } });
      record.events.push({ kind: "letter-used", day: today });
    }
  }
  record.openLetters = stillOpen;
  record.pastLetters.push(...settled);
  return became;
}

/**
 * Always asks for the same number of letters, most of which nobody ever wrote.
 *
 * @returns whose each spent letter became, by its nonce; undefined: its row is not as Kith wrote it
 */
async function lookUpSpent(context: Context, letters: readonly OpenLetter[]): Promise<Map<string, string | undefined>> {
  const hashes = letters.map((letter) => spentLetterHash(nonceOf(letter)));
  while (hashes.length < SELF_RECORD_LIMITS.openLetters) hashes.push(randomBytes(32));
  const rows = await queries.selectSpent(context.db, hashes);
  const found = new Map<string, string | undefined>();
  for (const letter of letters) {
    const nonce = nonceOf(letter);
    const row = rows.find(({ nonce_hash }) => Buffer.compare(nonce_hash, spentLetterHash(nonce)) === 0);
    if (row) found.set(letter.nonce, discloseInvitee(nonce, row.invitee));
  }
  return found;
}
