import { randomUUID } from "node:crypto";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import {
  findPersons,
  nextVersions,
  type Person,
  personRow,
  personStatus,
  readPersonAsWriter,
} from "../people/people.js";
import { equalBytes } from "../protocol/bytes.js";
import { resealColumn } from "../protocol/column.js";
import { newGeneration } from "../protocol/generation.js";
import { fingerprintOf, type PrivateKey, publicHalf } from "../protocol/keypair.js";
import { type RelationRow, regenerate, shuffled, type TrustedEntry } from "../protocol/relation.js";
import { fitSelfRecord, hasReserve, openSelfRecord, type SelfRecord, sealSelfRecord } from "../protocol/self-record.js";
import { hasValidTag } from "../protocol/tag.js";
import { openOwnCases } from "../resets/cases.js";
import { sendResetNotice } from "../resets/notices.js";
import { noteStopped, type StoppedCase, withAgreed } from "../resets/stopped.js";
import { type AccountRow, findAccount, findOwnAccount, reportForgery, tagged } from "./account.js";
import { inTurn } from "./in-turn.js";
import { recallRecord, rememberRecord } from "./opened-records.js";
import type { SessionRow } from "./queries.js";
import * as queries from "./queries.js";
import { endUnlisted, isPresent, letsSessionsGoOn, type Session } from "./sessions.js";

/** How one of A's trusted people stands now. Only who is `usable` can help. */
export type Standing = "usable" | "new-key" | "suspended" | "gone" | "forged";

/** One of A's trusted people, as A sees them. */
export interface TrustedPerson extends TrustedEntry {
  standing: Standing;
  person: Person | undefined;
}

/** What A alone can read, opened: for the length of one request. */
export interface PrivateState {
  account: AccountRow;
  privateKey: PrivateKey;
  rowIds: string[];
  record: SelfRecord;
  trusted: TrustedPerson[];
  /** How many of the S rows were not Kith's, and are made anew as empty ones. */
  damagedSlots: number;
  /** How many rows were there that are not Kith's; reported when the state is stored. */
  forgedSlots: number;
}

/** The key that was used does not open this account any more: the password was changed meanwhile. */
export class StaleKeyError extends Error {
  override readonly name = "StaleKeyError";
  constructor() {
    super("The account has another key by now.");
  }
}

function standingOf(entry: TrustedEntry, person: Person | undefined, hold: boolean): Standing {
  if (!person || person.status === "gone") return "gone";
  // Nothing that others see of somebody ever goes back.
  if (person.version < (entry.seenVersion ?? 0)) return "forged";
  if (person.status !== "active") return person.status;
  return hold && !equalBytes(person.fingerprint, entry.fingerprint) ? "new-key" : "usable";
}

/** All rows of an account as they are stored. */
export async function relationsOf(context: Context, accountId: string): Promise<RelationRow[]> {
  return await queries.selectRelations(context.db, accountId);
}

/** What the owner may read about the account: all that pages need. */
export type OwnState = Pick<PrivateState, "account" | "record" | "trusted">;

/**
 * Opens what the owner may read: the self record, in which the list of trusted people stands as well, and looks up the
 * people in it. For reading only; a change begins with `openState`.
 *
 * @throws StaleKeyError if this is not the account's present key
 */
export async function readState(context: Context, account: AccountRow, privateKey: PrivateKey): Promise<OwnState> {
  if (!equalBytes(fingerprintOf(privateKey), account.fingerprint)) throw new StaleKeyError();
  const record = await openSelfRecord(privateKey, account.self_record);
  if (!record) throw new StaleKeyError();
  return await withPeople(context, account, record);
}

/** The same for the owner's session, which opens the record once for as long as it does not change. */
export async function openOwnState(context: Context, session: Session): Promise<OwnState> {
  const known = recallRecord(context, session);
  if (known) return await withPeople(context, session.account, known);
  const state = await readState(context, session.account, await session.privateKey());
  rememberRecord(context, session, state.record);
  return state;
}

async function withPeople(context: Context, account: AccountRow, record: SelfRecord): Promise<OwnState> {
  const persons = await findPersons(
    context,
    record.trusted.map((entry) => entry.trustedId),
  );
  const trusted = record.trusted.map((entry) => {
    const person = persons.get(entry.trustedId);
    return { ...entry, person, standing: standingOf(entry, person, context.config.holdOnKeyChange) };
  });
  return { account, record, trusted };
}

/**
 * Opens an account's private state with its S rows, to be changed and stored.
 *
 * A row that does not bear Kith's tag, or belongs to another generation, is made anew at the next change.
 *
 * @throws StaleKeyError if this is not the account's present key
 */
export async function openState(
  context: Context,
  account: AccountRow,
  privateKey: PrivateKey,
  relations?: readonly RelationRow[],
): Promise<PrivateState> {
  const [{ record, trusted }, stored] = await Promise.all([
    readState(context, account, privateKey),
    relations ?? relationsOf(context, account.id),
  ]);
  const own = stored.filter((row) => hasValidTag(context.secret, "relations", { ...row }));
  const present = own.filter((row) => equalBytes(row.generation, account.generation));
  // Rows newer than the account as it was read: somebody changed it in between, and what is made of them here can't be
  // stored. That is no forgery.
  const moved = present.length < own.length && !(await isAsRead(context, account));
  const rows = moved ? own : present;
  const rowIds = rows.map((row) => row.id).slice(0, context.config.trustSlots);
  const damagedSlots = context.config.trustSlots - rowIds.length;
  for (let missing = damagedSlots; missing > 0; missing--) rowIds.push(randomUUID());
  // Who stood in a row that is not to be believed keeps a place: the list itself is in the record.
  const free = rowIds.filter((id) => !trusted.some((entry) => entry.rowId === id));
  for (const entry of trusted) if (!rowIds.includes(entry.rowId)) entry.rowId = free.pop() as string;
  return { account, privateKey, rowIds, record, damagedSlots, forgedSlots: stored.length - rows.length, trusted };
}

async function isAsRead(context: Context, account: AccountRow): Promise<boolean> {
  const now = await findAccount(context, account.id);
  return now !== undefined && equalBytes(now.generation, account.generation);
}

/**
 * Brings the list up to date with what became of the people in it: who is gone leaves it, who can't help is held,
 * who was reset but kept the key is noted. What A should be told about it goes into the record.
 */
export function reviewList(context: Context, state: PrivateState): void {
  const day = dayOf(context.clock());
  const tell = (kind: string, name: string) => {
    state.record.told.push({ kind, day, values: { name } });
  };
  const damaged = Math.max(state.damagedSlots, state.forgedSlots);
  if (damaged > 0) state.record.told.push({ kind: "slots-damaged", day, values: { count: damaged } });
  const present: TrustedPerson[] = [];
  for (const trusted of state.trusted) {
    const { person, standing } = trusted;
    const wasHeld = trusted.held;
    if (standing === "gone" || !person) {
      tell("person-gone", trusted.name);
      continue;
    }
    const held = standing !== "usable";
    if (!wasHeld && standing === "suspended") tell("person-suspended", trusted.name);
    if (!wasHeld && standing === "forged") tell("person-forged", trusted.name);
    const sameKey = equalBytes(person.fingerprint, trusted.fingerprint);
    if (standing === "usable" && sameKey && person.resetMark !== trusted.resetMark) {
      tell("person-reset-kept-key", trusted.name);
    }
    present.push({
      ...trusted,
      held,
      ...(standing !== "forged" && { seenVersion: person.version }),
      name: standing === "forged" ? trusted.name : person.name,
      fingerprint: held ? trusted.fingerprint : person.fingerprint,
      resetMark: held ? trusted.resetMark : person.resetMark,
    });
  }
  state.trusted = present;
}

/** The list as it stands in the record. */
function listOf({ trusted }: Pick<PrivateState, "trusted">): TrustedEntry[] {
  return trusted.map(({ person: _person, standing: _standing, ...entry }) => entry);
}

/** Whether the record, with the list as it is now, has room for what the owner just added. */
export function hasRoom(state: Pick<PrivateState, "record" | "trusted">): boolean {
  return hasReserve({ ...state.record, trusted: listOf(state) });
}

/** What a change may write besides the private state. */
export interface ChangeExtras {
  /** Columns of the account that change too. */
  columns?: Partial<AccountRow>;
  /** What others see of the account, if that changes. */
  person?: { publicKey: Uint8Array; resetMark: number | "another" };
  /** The cases that this ends did not fail: one of them takes effect. */
  completesReset?: boolean;
  /** Whoever changes tells of the cases that this ends; else the next first page does. */
  tellsOfCases?: boolean;
  /** The key that is to be the account's from now on; the list and record are sealed to it. */
  privateKey?: PrivateKey;
  /** Made once the final state is known, since the state lists it. */
  session?: SessionRow;
}

/**
 * Regenerates: draws all S rows anew and stores them with record, escrow and a new generation, if the account is
 * still as it was read.
 *
 * @returns the account as it now is, or undefined if somebody else changed it meanwhile
 */
export async function storeState(
  context: Context,
  state: PrivateState,
  extras: ChangeExtras = {},
): Promise<AccountRow | undefined> {
  const key = extras.privateKey ?? state.privateKey;
  const publicKey = publicHalf(key);
  const generation = newGeneration();
  dealAnew(state);
  state.record.trusted = listOf(state);
  const record = fitSelfRecord(state.record);
  const [{ rows, escrow }, selfRecord] = await Promise.all([
    regenerate({
      serverSecret: context.secret,
      accountId: state.account.id,
      publicKey,
      privateKey: key.write(),
      generation,
      rowIds: state.rowIds,
      rules: state.record.rules,
      entries: state.trusted.map((entry) => ({ ...entry, trustedKey: entry.person?.publicKey })),
      nobody: context.nobody,
    }),
    sealSelfRecord(publicKey, record),
  ]);
  const next = extras.person && (await nextVersions(context, [state.account])).get(state.account.id);
  const version = next?.version ?? state.account.people_version;
  const account = tagged(context, {
    ...state.account,
    ...sealedAnew(context, state.account),
    ...extras.columns,
    fingerprint: fingerprintOf(key),
    generation,
    escrow,
    self_record: selfRecord,
    people_version: version,
  });
  const person =
    extras.person &&
    personRow(context.secret, {
      account_id: account.id,
      version,
      username: account.username,
      domain: account.domain,
      public_key: extras.person.publicKey,
      fingerprint: account.fingerprint,
      status: personStatus(account),
      // Of which each was there once: what was seen before may be a writer's, or may have been taken away.
      reset_mark: extras.person.resetMark === "another" ? version % MARKS : extras.person.resetMark,
    });
  // First of all: on no list any more, they would go on unseen if Kith were stopped in between.
  await endUnlisted(context, state.record.sessions, record.sessions);
  const cases = await queries.writeState(
    context.db,
    {
      readTag: state.account.tag,
      account,
      relations: rows,
      person,
      madeUp: next?.madeUp ?? [],
      session: extras.session,
    },
    { generation: state.account.generation, today: dayOf(context.clock()) },
  );
  if (!cases) return undefined;
  // Now that all rows of the account are written anyway, that tells of nothing else.
  for (let forged = state.forgedSlots; forged > 0; forged--) reportForgery(context, "relations");
  if (next?.isDamaged) reportForgery(context, "people");
  if (cases.ended > 0) sendResetNotice(context, account, extras.completesReset ? "completed" : "stopped");
  else if (cases.expired > 0) sendResetNotice(context, account, "expired");
  if (person) await readPersonAsWriter(context, account.id);
  return account;
}

/** What is sealed under the server secret, in other bytes: kept as they were, they would tell what did not change. */
function sealedAnew(context: Context, { id, contact, second_step }: AccountRow): Partial<AccountRow> {
  return {
    contact: resealColumn(context.secret, "contact", id, contact),
    second_step: resealColumn(context.secret, "second step", id, second_step),
  };
}

/**
 * Gives everybody on the list another row, drawn anew: whoever sees two cases of one member, months apart, must not see
 * whether the same one helped. Cases and approvals name rows of one generation, and end with it.
 */
function dealAnew(state: PrivateState): void {
  const rowIds = shuffled(state.rowIds);
  for (const [index, entry] of state.trusted.entries()) entry.rowId = rowIds[index] as string;
}

/** A list has 16 bits for each. */
const MARKS = 2 ** 16;

/** How often a change begins anew when others are faster; each round somebody's change was stored. */
export const MAX_TRIES = 40;

type Decide<Outcome> = (
  state: PrivateState,
  stopped: readonly StoppedCase[],
) => Promise<{ store: boolean; outcome: Outcome; extras?: ChangeExtras }>;

interface Changed<Outcome> {
  outcome: Outcome;
  account: AccountRow;
}

/**
 * Changes the private state of the account of this session: reads, lets `decide` alter the opened state, regenerates
 * and stores; again from the start if somebody else was faster.
 *
 * @param decide alters the state and returns what to answer; with `store: false` nothing is written. It is told which
 * cases end if it is
 * @throws StaleKeyError if the session was ended since it was opened for this request: by signing out, from another
 * session, by another key or password, a suspension or a freeze. What a thief sent before the owner threw him out must not be stored after it.
 */
export async function changeState<Outcome>(
  context: Context,
  session: Session,
  decide: Decide<Outcome>,
): Promise<Changed<Outcome>> {
  const changed = await tryToChange(context, session, decide);
  if (changed) return changed;
  // One after another: else each of many at once is made anew for each of the others.
  return await inTurn(session.account.id, async () => {
    for (let tries = 1; tries < MAX_TRIES; tries++) {
      const changed = await tryToChange(context, session, decide);
      if (changed) return changed;
    }
    throw new Error("An account changed too often to be changed once more.");
  });
}

/** @returns undefined if somebody else was faster */
async function tryToChange<Outcome>(
  context: Context,
  session: Session,
  decide: Decide<Outcome>,
): Promise<Changed<Outcome> | undefined> {
  const privateKey = await session.privateKey();
  const epoch = session.account.session_epoch;
  const [account, goesOn] = await Promise.all([
    findOwnAccount(context, session.account.id),
    isPresent(context, session),
  ]);
  if (!goesOn || !account || !letsSessionsGoOn(account) || !equalBytes(account.session_epoch, epoch)) {
    throw new StaleKeyError();
  }
  const [state, cases] = await Promise.all([openState(context, account, privateKey), openOwnCases(context, account)]);
  const stopped = await withAgreed(context, state, cases);
  reviewList(context, state);
  const { store, outcome, extras } = await decide(state, stopped);
  if (!store) return { outcome, account };
  noteStopped(context, state, stopped, extras?.tellsOfCases ? undefined : "change");
  const stored = await storeState(context, state, extras);
  return stored && { outcome, account: stored };
}

function entryFor(person: Person, rowId: string, month: string): TrustedEntry {
  return {
    rowId,
    trustedId: person.id,
    name: person.name,
    fingerprint: person.fingerprint,
    resetMark: person.resetMark,
    seenVersion: person.version,
    held: false,
    month,
  };
}

/** Puts a person into one of the empty slots, any of them. */
export function addEntry(state: Pick<PrivateState, "rowIds" | "trusted">, person: Person, month: string): boolean {
  const used = new Set(state.trusted.map((trusted) => trusted.rowId));
  // Any of them: the place of a row must not tell whether it is in use.
  const [free] = shuffled(state.rowIds.filter((id) => !used.has(id)));
  if (!free) return false;
  state.trusted.push({ ...entryFor(person, free, month), person, standing: "usable" });
  return true;
}

/**
 * Writes an event into one's own record, together with columns that it is about.
 *
 * @param columnsOf makes them from the account as it then is; undefined: nothing is written
 * @returns whether it was
 */
export async function noteEvent(
  context: Context,
  session: Session,
  kind: string,
  columnsOf: (account: AccountRow) => Partial<AccountRow> | undefined,
): Promise<boolean> {
  const { account, outcome } = await changeState(context, session, async (state) => {
    const columns = columnsOf(state.account);
    if (!columns) return { store: false, outcome: false };
    state.record.events.push({ kind, day: dayOf(context.clock()) });
    return { store: true, outcome: true, extras: { columns } };
  });
  session.account = account;
  return outcome;
}
