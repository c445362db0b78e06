import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import { isShown } from "../accounts/told.js";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import type { Database } from "../db/schema.js";
import { presentRows } from "../people/people.js";
import { utf8 } from "../protocol/bytes.js";
import type { PrivateKey } from "../protocol/keypair.js";
import { open, seal } from "../protocol/seal.js";
import type { RecordedAct, RecordedEvent, SelfRecord } from "../protocol/self-record.js";
import { hasValidTag } from "../protocol/tag.js";
import { genuineRows, withTag } from "./keys.js";
import * as queries from "./queries.js";

/** How long a reason may be, in bytes of the JSON in which it is sealed: what else an act holds fits beside it. */
export const REASON_BYTES = 600;

/** Seals what happened to each of these members, so that only they read it. */
export async function sealEvents(
  context: Context,
  accountIds: readonly string[],
  act: RecordedAct,
  db: Kysely<Database> = context.db,
): Promise<Map<string, queries.EventRow>> {
  const events = new Map<string, queries.EventRow>();
  const text = utf8(JSON.stringify(act));
  for (let at = 0; at < accountIds.length; at += 100) {
    const persons = await presentRows(context, accountIds.slice(at, at + 100), db);
    for (const person of persons.values()) {
      const columns = { id: randomUUID(), account_id: person.account_id };
      const sealed = await seal(person.public_key, text, "medium");
      events.set(person.account_id, withTag(context, "events", { ...columns, sealed }));
    }
  }
  return events;
}

/** A reset that ended while its owner was away: told like an act, though nobody's. */
const RESET_ENDED = "reset-ended";

/** At a sign-in that finds it itself. */
export function noteResetEnded(record: SelfRecord, day: string): void {
  record.told.push({ kind: RESET_ENDED, day });
  record.events.push({ kind: RESET_ENDED, day });
}

/** Seals to each of these members that a reset of theirs has ended; the next sign-in tells it. */
export async function sealResetEnded(
  context: Context,
  db: Kysely<Database>,
  accountIds: readonly string[],
): Promise<void> {
  const now = context.clock();
  const act = { kind: RESET_ENDED, day: dayOf(now), by: "", reason: "", at: now.getTime() };
  await queries.insertEvents(db, [...(await sealEvents(context, accountIds, act, db)).values()]);
}

async function openEvents(rows: readonly queries.EventRow[], privateKey: PrivateKey): Promise<RecordedAct[]> {
  const acts: RecordedAct[] = [];
  for (const row of rows) {
    const text = await open(privateKey, row.sealed);
    if (text) acts.push(JSON.parse(Buffer.from(text).toString("utf8")) as RecordedAct);
  }
  return acts.sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
}

/** What a page reads of them: what is not Kith's is left out, and reported by the next sign-in. */
async function eventsSinceSignIn(context: Context, accountId: string, privateKey: PrivateKey): Promise<RecordedAct[]> {
  const rows = await queries.selectEvents(context.db, accountId);
  const genuine = rows.filter((row) => hasValidTag(context.secret, "events", { ...row }));
  return await openEvents(genuine, privateKey);
}

/** What the record has already: what comes back was put back. */
function isTaken({ acts = [] }: SelfRecord, { kind, at }: RecordedAct): boolean {
  return acts.some((taken) => taken.kind === kind && taken.at === at);
}

/** What of an act stands on the first page after the sign-in; all acts of admins stand on the account page. */
const TOLD = new Set(["reinstated", "made-admin", "unmade-admin", RESET_ENDED]);

/**
 * Moves what admins did with an account into its own record, which is stored with the sign-in.
 *
 * @returns the ids of the events, to be forgotten once the record is stored
 */
export async function takeEvents(
  context: Context,
  accountId: string,
  privateKey: PrivateKey,
  record: SelfRecord,
): Promise<string[]> {
  const rows = await queries.selectEvents(context.db, accountId);
  const found = await openEvents(genuineRows(context, "events", rows), privateKey);
  const acts = found.filter((act) => !isTaken(record, act));
  if (acts.length > 0) record.acts = [...(record.acts ?? []), ...acts];
  for (const act of acts) {
    const { kind, day } = act;
    // By a page of the session before, perhaps.
    if (TOLD.has(kind) && !isShown(context, accountId, toTell(act))) record.told.push(toTell(act));
    if (kind === RESET_ENDED) record.events.push({ kind, day });
  }
  return rows.map(({ id }) => id);
}

/** Two of one day are two. */
function toTell({ kind, day, at = 0 }: RecordedAct): RecordedEvent {
  return { kind, day, values: { at } };
}

/** What the first page tells, as far as it is not in the record yet: it happened since the sign-in. */
export async function toldSince(
  context: Context,
  accountId: string,
  privateKey: PrivateKey,
  record: SelfRecord,
): Promise<RecordedEvent[]> {
  const found = await eventsSinceSignIn(context, accountId, privateKey);
  return found.filter((act) => TOLD.has(act.kind) && !isTaken(record, act)).map(toTell);
}

export async function forgetEvents(context: Context, ids: readonly string[]): Promise<void> {
  await queries.deleteEvents(context.db, ids);
}

/** What the last suspension's reason was, for the one who was suspended and typed the right password. */
export async function suspensionReason(
  context: Context,
  accountId: string,
  privateKey: PrivateKey,
): Promise<string | undefined> {
  const rows = genuineRows(context, "events", await queries.selectEvents(context.db, accountId));
  const acts = await openEvents(rows, privateKey);
  return acts.findLast(({ kind }) => kind === "suspended")?.reason || undefined;
}

/** Every act on one's own account, newest first. */
export async function actsOnOwnAccount(
  context: Context,
  accountId: string,
  privateKey: PrivateKey,
  record: SelfRecord,
): Promise<RecordedAct[]> {
  const all = [...(record.acts ?? []), ...(await eventsSinceSignIn(context, accountId, privateKey))];
  return all.filter(({ kind }) => kind !== RESET_ENDED).reverse();
}
