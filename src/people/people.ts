import { randomUUID } from "node:crypto";
import { type AccountRow, reportForgery } from "../accounts/account.js";
import type { Context } from "../context.js";
import { monthStart } from "../days.js";
import { equalBytes } from "../protocol/bytes.js";
import { makeKeypair } from "../protocol/keypair.js";
import { shuffled } from "../protocol/relation.js";
import { hasValidTag, tagRow } from "../protocol/tag.js";
import { ask, cameBack, noteVersion } from "../seen.js";
import * as queries from "./queries.js";

/** A second person: another member as the one who acts may see them. */
export interface Person {
  id: string;
  username: string;
  domain: string;
  /** `bea@example.org` */
  name: string;
  publicKey: Uint8Array;
  fingerprint: Uint8Array;
  /** `forged`: the row does not bear Kith's tag, so nothing in it is to be believed. */
  status: "active" | "suspended" | "gone" | "forged";
  resetMark: number;
  /** Counts up with every change that others can see. */
  version: number;
  /** Whether letters of this member are good. */
  mayInvite: boolean;
}

function readPerson(context: Context, row: queries.PersonRow, asked: number): Person {
  const genuine = isPresent(context, row, asked);
  return {
    id: row.account_id,
    username: row.username,
    domain: row.domain,
    name: `${row.username}@${row.domain}`,
    publicKey: row.public_key,
    fingerprint: row.fingerprint,
    status: genuine ? statusOf(row) : "forged",
    resetMark: genuine ? row.reset_mark : 0,
    version: row.version,
    mayInvite: genuine && row.status === "active",
  };
}

/**
 * Whether a row that was found newest is Kith's, and not an older one that came back. What is met of others is not
 * remembered: a writer who shows a version for a moment could find out who met it.
 */
function isPresent(context: Context, row: queries.PersonRow, asked: number): boolean {
  return hasValidTag(context.secret, "people", { ...row }) && !cameBack(context, row.account_id, row.version, asked);
}

function statusOf({ status }: queries.PersonRow): Person["status"] {
  if (status === "no-invites") return "active";
  return status === "decoy" ? "gone" : status;
}

/** What others may see of an account's state: suspended, or that its letters are refused. */
export function personStatus(account: Pick<AccountRow, "status" | "frozen">): queries.PersonRow["status"] {
  if (account.status === "suspended") return "suspended";
  return account.frozen === "nothing" ? "active" : "no-invites";
}

/**
 * Looks up second persons by id. Always asks for S ids that exist, filling up with decoys, in random order: neither
 * the statement nor its counters tell how many there were.
 *
 * @param ids at most S
 */
export async function findPersons(context: Context, ids: readonly string[]): Promise<Map<string, Person>> {
  const fill = context.decoys.personIds.slice(0, Math.max(0, context.config.trustSlots - ids.length));
  const asked = ask(context);
  const rows = await queries.selectNewest(context.db, shuffled([...ids, ...fill]));
  return new Map(
    rows.filter((row) => ids.includes(row.account_id)).map((row) => [row.account_id, readPerson(context, row, asked)]),
  );
}

export async function findPerson(context: Context, id: string): Promise<Person | undefined> {
  return (await findPersons(context, [id])).get(id);
}

/** Who bears this name now, unless the row is forged or the member is gone. */
export async function findPersonByName(
  context: Context,
  domain: string,
  username: string,
): Promise<Person | undefined> {
  const asked = ask(context);
  const row = await queries.selectNewestByName(context.db, domain, username, context.decoys.accountId);
  const person = row && readPerson(context, row, asked);
  // A forged row may say that somebody else bears the name.
  if (person?.username !== username || person.domain !== domain) return undefined;
  return person.status === "active" || person.status === "suspended" ? person : undefined;
}

/** Where the next version of how others see an account goes, and what it is made from. */
export interface NextVersion {
  /** Above all that ever were. */
  version: number;
  /** Those that others made up at that number or above: they would be read in its place. */
  madeUp: number[];
  /** The newest version that is Kith's and has the account's key: what others wrote must never be tagged anew. */
  base: queries.PersonRow | undefined;
  /** Whether that is not the one that the account names as its present one, or others made one up above it. */
  isDamaged: boolean;
  /** Whether the first one is gone, which tells when the account's owner joined. */
  lacksFirst: boolean;
  /** Whether the present one is Kith's, but made while the account's own were missing. */
  isStandIn: boolean;
  /** Whether Kith wrote one that this account does not know: it was changed since it was read, or was put back. */
  isNewer: boolean;
}

/** For accounts that are about to be written: by their owners, or by who acts on them. */
export async function nextVersions(
  context: Context,
  accounts: readonly Pick<AccountRow, "id" | "people_version" | "fingerprint">[],
  db: Context["db"] = context.db,
): Promise<Map<string, NextVersion>> {
  const ids = accounts.map(({ id }) => id);
  const rows = ids.length > 0 ? await queries.selectVersions(db, ids) : [];
  return new Map(
    accounts.map(({ id, people_version, fingerprint }) => {
      const own = rows.filter((row) => row.account_id === id);
      const genuine = own.filter((row) => hasValidTag(context.secret, "people", { ...row }));
      const base = genuine.findLast((row) => equalBytes(row.fingerprint, fingerprint));
      const highest = own.at(-1)?.version ?? 0;
      const newest = genuine.at(-1)?.version ?? 0;
      const version = Math.max(newest, people_version) + 1;
      const madeUp = own.map((row) => row.version).filter((made) => made >= version);
      const isNewer = newest > people_version;
      const isPresent = newest === people_version && highest === people_version;
      const isDamaged = !isPresent && !isNewer;
      const isStandIn = isPresent && base?.version !== people_version;
      const lacksFirst = !own.some((row) => row.version === 1);
      return [id, { version, madeUp, base, isDamaged, lacksFirst, isStandIn, isNewer }];
    }),
  );
}

/**
 * What a version is made from where none of an account's own is left: who acts on it must not depend on what a writer
 * took away. Under a key that nobody has; its owner's next sign-in makes another.
 */
export async function standIn(
  context: Context,
  account: Pick<AccountRow, "id" | "username" | "domain">,
): Promise<Omit<queries.PersonRow, "tag">> {
  const { publicKey, fingerprint } = await makeKeypair(account.id, monthStart(context.clock()));
  return {
    account_id: account.id,
    version: 0,
    username: account.username,
    domain: account.domain,
    public_key: publicKey,
    fingerprint,
    status: "active",
    reset_mark: 0,
  };
}

/**
 * Reads a version once, by its writer: whoever reads it first would leave a trace in its page.
 */
export async function readPersonAsWriter(context: Context, accountId: string): Promise<void> {
  await presentRows(context, [accountId]);
}

/** The present rows of members who are acted on, many at once; those that are not Kith's are left out. */
export async function presentRows(
  context: Context,
  ids: readonly string[],
  db: Context["db"] = context.db,
): Promise<Map<string, queries.PersonRow>> {
  const asked = ask(context);
  const rows = ids.length > 0 ? await queries.selectNewest(db, ids) : [];
  const present = rows.filter((row) => isPresent(context, row, asked));
  // Not what a transaction sees: it may be taken back, and until it is committed others see the version before.
  if (db === context.db) for (const { account_id, version } of present) noteVersion(context, account_id, version);
  return new Map(present.map((row) => [row.account_id, row]));
}

export { freezeInsertOnlyTables, selectVersions as versionsOf } from "./queries.js";

/** Appends a version in a transaction that writes its account as well. */
export async function appendPerson(
  db: Context["db"],
  row: queries.PersonRow,
  { madeUp }: Pick<NextVersion, "madeUp">,
): Promise<void> {
  if (madeUp.length > 0) await queries.deleteVersions(db, row.account_id, madeUp);
  await queries.insertPerson(db, row);
}

/** A version of a person, ready to be appended. */
export function personRow(secret: Uint8Array, person: Omit<queries.PersonRow, "tag">): queries.PersonRow {
  const { tag: _old, ...columns } = person as queries.PersonRow;
  return { ...columns, tag: tagRow(secret, "people", columns) };
}

/**
 * Appends the nameless version that says "gone", and drops the older ones, so that the name can be forgotten.
 */
export async function appendTombstone(context: Context, accountId: string, version: number): Promise<void> {
  const { publicKey, fingerprint } = await makeKeypair(accountId, monthStart(context.clock()));
  const columns = {
    account_id: accountId,
    version,
    username: "",
    domain: "",
    public_key: publicKey,
    fingerprint,
    status: "gone" as const,
    reset_mark: 0,
  };
  await queries.insertPerson(context.db, personRow(context.secret, columns));
  await queries.deleteOlderVersions(context.db, accountId, version);
}

/** Those of members who are not there any more of whom Kith did not write down that they left. */
export async function whoIsMissing(context: Context, absent: readonly string[]): Promise<string[]> {
  const tombstones = absent.length > 0 ? await queries.selectTombstones(context.db, absent) : [];
  const genuine = tombstones.filter((row) => hasValidTag(context.secret, "people", { ...row }));
  const left = new Set(genuine.map(({ account_id }) => account_id));
  return absent.filter((id) => !left.has(id));
}

/**
 * The ids of the S decoy persons, made at the first start.
 * A row that is not Kith's may bear a member's id: who is taken for nobody can't sign in.
 */
export async function ensureDecoyPersons(
  context: Pick<Context, "db" | "secret" | "clock" | "log" | "forgedRows">,
  slots: number,
) {
  const known: string[] = [];
  for (const row of await queries.selectDecoys(context.db)) {
    if (hasValidTag(context.secret, "people", { ...row })) known.push(row.account_id);
    else reportForgery(context, "people");
  }
  for (let missing = slots - known.length; missing > 0; missing--) {
    const id = randomUUID();
    const { publicKey, fingerprint } = await makeKeypair(id, monthStart(context.clock()));
    const columns = {
      account_id: id,
      version: 1,
      username: "",
      domain: "",
      public_key: publicKey,
      fingerprint,
      status: "decoy" as const,
      reset_mark: 0,
    };
    await queries.insertPerson(context.db, personRow(context.secret, columns));
    known.push(id);
  }
  return known.slice(0, slots);
}
