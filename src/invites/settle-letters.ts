import { randomBytes } from "node:crypto";
import type { PrivateState } from "../accounts/state.js";
import { labelOf } from "../accounts/username.js";
import type { Context } from "../context.js";
import { dayOf, monthOf } from "../days.js";
import { findPersons } from "../people/people.js";
import { fromBase64url } from "../protocol/bytes.js";
import { discloseInvitee, NO_INVITER, spentLetterHash } from "../protocol/letter.js";
import { type OpenLetter, type PastLetter, SELF_RECORD_LIMITS } from "../protocol/self-record.js";
import * as queries from "./queries.js";

export function nonceOf(letter: OpenLetter): Uint8Array {
  return fromBase64url(letter.nonce) as Uint8Array;
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
      // As many as one look-up finds; the others the next time.
      if (used.length === context.config.trustSlots) {
        stillOpen.push(letter);
        continue;
      }
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
  // Also if nobody came: the database counts what is read, and that must not tell that somebody did.
  const persons = await findPersons(
    context,
    used.map(({ inviteeId }) => inviteeId),
  );
  for (const { letter, inviteeId } of used) {
    const person = persons.get(inviteeId);
    const name = person?.status === "active" || person?.status === "suspended" ? labelOf(context, person) : "";
    settled.push({ note: letter.note, outcome: "used", month: monthOf(context.clock()), name });
    record.told.push({ kind: "letter-used", day: today, values: { username: name } });
    record.events.push({ kind: "letter-used", day: today });
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
