import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import { type AccountRow, genuineAccounts, reportForgery } from "../accounts/account.js";
import type { Context } from "../context.js";
import { monthStart } from "../days.js";
import { rewriteTables } from "../db/rewrite.js";
import type { Database } from "../db/schema.js";
import { presentRows } from "../people/people.js";
import { equalBytes, toHex } from "../protocol/bytes.js";
import { makeKeypair, type PrivateKey, readPrivateKey } from "../protocol/keypair.js";
import { NO_INVITER } from "../protocol/letter.js";
import { sealToNobody } from "../protocol/nobody.js";
import {
  isLockedByPhraseAlone,
  lockRecoveryKey,
  openGrant,
  readRecoveryPhrase,
  rewrapRecoveryKey,
  sealGrant,
  unlockRecoveryKey,
} from "../protocol/review.js";
import type { SelfRecord } from "../protocol/self-record.js";
import { hasValidTag, tagRow } from "../protocol/tag.js";
import { ask } from "../seen.js";
import { nextNumber } from "./numbered.js";
import * as queries from "./queries.js";

type Tagged = Readonly<Record<string, Uint8Array | string | number | boolean | null>> & { readonly tag: Uint8Array };

/** Those of the rows that bear Kith's tag; the others are reported. */
export function genuineRows<Row extends { tag: Uint8Array }>(context: Context, table: string, rows: readonly Row[]) {
  return rows.filter((row) => {
    const good = hasValidTag(context.secret, table, { ...row } as unknown as Tagged);
    if (!good) reportForgery(context, table);
    return good;
  });
}

export function withTag<Columns extends object>(context: Pick<Context, "secret">, table: string, columns: Columns) {
  const parts = columns as unknown as Record<string, Uint8Array | string | number>;
  return { ...columns, tag: tagRow(context.secret, table, parts) };
}

/** The review key that new edges are sealed to. */
export async function currentReviewKey(
  context: Context,
  db: Kysely<Database> = context.db,
): Promise<queries.ReviewKeyRow | undefined> {
  return (await genuineKeys(context, db))[0];
}

/** All of them, newest first; none if the newest one was taken away: the one before is not brought back by that. */
async function genuineKeys(context: Context, db: Kysely<Database>): Promise<queries.ReviewKeyRow[]> {
  const known = context.seen.reviewKeys;
  const rows = genuineRows(context, "review_keys", await queries.selectReviewKeys(db));
  const newest = rows[0]?.number ?? 0;
  if (newest < known) {
    reportForgery(context, "review_keys");
    return [];
  }
  // What a transaction reads of its own may never come about.
  if (db === context.db) context.seen.reviewKeys = Math.max(newest, context.seen.reviewKeys);
  return rows;
}

/** A review key with its private half, not yet stored. */
export interface NewReviewKey {
  row: queries.ReviewKeyRow;
  privateKey: PrivateKey;
}

/** @param previous the private key before this one, if it is known */
export async function makeReviewKey(
  context: Context,
  number: number,
  previous: PrivateKey | undefined,
): Promise<NewReviewKey> {
  const id = randomUUID();
  const pair = await makeKeypair(id, monthStart(context.clock()));
  const privateKey = await readPrivateKey(pair.privateKey);
  const row = withTag(context, "review_keys", {
    id,
    number,
    public_key: pair.publicKey,
    fingerprint: pair.fingerprint,
    previous: previous
      ? await sealGrant(pair.publicKey, previous, pair.fingerprint)
      : await sealToNobody(context.nobody, "medium"),
  });
  return { row, privateKey };
}

/** Somebody who may read: an admin's present key, or the recovery key. */
interface Recipient {
  id: string;
  publicKey: Uint8Array;
  fingerprint: Uint8Array;
}

async function grantTo(
  context: Context,
  key: { id: string; privateKey: PrivateKey },
  recipient: Recipient,
  granterFingerprint: Uint8Array,
): Promise<queries.GrantRow> {
  return withTag(context, "review_grants", {
    id: randomUUID(),
    review_key_id: key.id,
    account_id: recipient.id,
    fingerprint: recipient.fingerprint,
    sealed: await sealGrant(recipient.publicKey, key.privateKey, granterFingerprint),
  });
}

/** The review key that is made together with the first admin. */
export async function foundReviewKey(context: Context): Promise<NewReviewKey> {
  return await makeReviewKey(context, await nextNumber(context, context.db, "review_keys"), undefined);
}

/** Stores a founded review key with its one reader. */
export async function storeFounded(
  context: Context,
  db: Kysely<Database>,
  founded: NewReviewKey,
  reader: Recipient,
): Promise<void> {
  await queries.insertReviewKey(db, founded.row);
  const key = { id: founded.row.id, privateKey: founded.privateKey };
  const grants = [await grantTo(context, key, reader, reader.fingerprint)];
  const recovery = await recoveryRecipient(context, db);
  if (recovery) grants.push(await grantTo(context, key, recovery, reader.fingerprint));
  await queries.replaceGrants(db, grants);
}

/** The review keys that an admin can open: for the length of one request. */
export interface OpenReview {
  current: queries.ReviewKeyRow;
  currentKey: PrivateKey;
  /** All that open, newest first. */
  keys: { id: string; privateKey: PrivateKey }[];
  /** Whether a key was taken away that there once was, whoever could open it. */
  lacksKeys: boolean;
  /** Who sealed the current one to this admin. */
  granterFingerprint: Uint8Array;
}

/**
 * Opens the review keys with an admin's private key: the current one by its grant, older ones by their links.
 *
 * @returns undefined if the current one is not sealed to this key: nobody has confirmed it
 */
export async function openReview(
  context: Context,
  account: AccountRow,
  privateKey: PrivateKey,
  db: Kysely<Database> = context.db,
): Promise<OpenReview | undefined> {
  if (account.role !== "admin") return undefined;
  const [rows, grantRows] = await Promise.all([genuineKeys(context, db), queries.selectGrants(db)]);
  const mine = genuineRows(
    context,
    "review_grants",
    grantRows.filter((row) => row.account_id === account.id && equalBytes(row.fingerprint, account.fingerprint)),
  );
  return await openChain(rows, mine, privateKey);
}

async function openChain(
  rows: readonly queries.ReviewKeyRow[],
  grants: readonly queries.GrantRow[],
  privateKey: PrivateKey,
): Promise<OpenReview | undefined> {
  const keys: OpenReview["keys"] = [];
  let newer: { row: queries.ReviewKeyRow; key: PrivateKey } | undefined;
  let granterFingerprint: Uint8Array | undefined;
  for (const row of rows) {
    const linked = newer && (await openGrant(newer.key, newer.row.previous, row.fingerprint));
    const grant = grants.find((one) => one.review_key_id === row.id);
    const opened = linked ?? (grant && (await openGrant(privateKey, grant.sealed, row.fingerprint)));
    newer = opened && { row, key: opened.reviewKey };
    if (!opened) continue;
    if (row === rows[0]) granterFingerprint = opened.granterFingerprint;
    keys.push({ id: row.id, privateKey: opened.reviewKey });
  }
  const current = rows[0];
  const currentKey = keys.find(({ id }) => id === current?.id)?.privateKey;
  if (!current || !currentKey || !granterFingerprint) return undefined;
  return { current, currentKey, keys, lacksKeys: rows.length < current.number, granterFingerprint };
}

/** The accounts that are admins now, each with its genuine row; those whose role rests are not among them. */
export async function presentAdmins(context: Context, db: Kysely<Database> = context.db): Promise<AccountRow[]> {
  const asked = ask(context);
  const rows = await genuineAccounts(context, await queries.selectAdmins(db), db, asked);
  return rows.filter((row) => row.role === "admin" && row.status === "active");
}

async function recipients(context: Context, db: Kysely<Database>, admins: readonly AccountRow[]): Promise<Recipient[]> {
  const ids = admins.map(({ id }) => id);
  return [...(await presentRows(context, ids, db)).values()].flatMap((person) => {
    const admin = admins.find(({ id }) => id === person.account_id);
    const same = admin && equalBytes(admin.fingerprint, person.fingerprint);
    return same ? [{ id: admin.id, publicKey: person.public_key, fingerprint: person.fingerprint }] : [];
  });
}

/**
 * The recovery key that was made last, as the admins' log names it. An earlier one that was put back would be sealed all
 * that is new, for whoever knows its phrase; it is reported.
 */
export async function presentRecovery(
  context: Context,
  db: Kysely<Database>,
): Promise<queries.RecoveryRow | undefined> {
  const rows = genuineRows(context, "review_recovery", await queries.selectRecoveries(db));
  const [made] = genuineRows(context, "admin_acts", await queries.selectRecoveryActs(db));
  // An earlier Kith did not name it.
  if (!made || made.undoes === NO_INVITER) return rows[0];
  for (const row of rows) if (row.id !== made.undoes) reportForgery(context, "review_recovery");
  return rows.find(({ id }) => id === made.undoes);
}

async function recoveryRecipient(context: Context, db: Kysely<Database>): Promise<Recipient | undefined> {
  const good = await presentRecovery(context, db);
  // The recovery key has no row of its own among people: its id stands for it.
  return good && { id: good.id, publicKey: good.public_key, fingerprint: new Uint8Array(20) };
}

/**
 * Seals the review key to the admins whose present keys this admin confirmed, and to nobody else. Where somebody who
 * can open the current key is no admin any more, or has another key, a new one takes over for new edges.
 *
 * @param confirmed fingerprints (hex) from this admin's self record
 * @param hasLeft somebody is known to have left, whatever grants a writer has taken away
 */
export async function renewGrants(
  context: Context,
  admin: AccountRow,
  privateKey: PrivateKey,
  confirmed: readonly string[],
  hasLeft: boolean,
): Promise<void> {
  if (admin.role !== "admin") return;
  await context.db.transaction().execute(async (transaction) => {
    await queries.lockReview(transaction);
    await renewGrantsLocked(context, transaction, admin, privateKey, confirmed, hasLeft);
  });
}

/** As `renewGrants`, in a transaction that holds the lock. */
export async function renewGrantsLocked(
  context: Context,
  db: Kysely<Database>,
  admin: AccountRow,
  privateKey: PrivateKey,
  confirmed: readonly string[],
  hasLeft: boolean,
): Promise<void> {
  const review = await openReview(context, admin, privateKey, db);
  if (!review) return;
  const admins = await presentAdmins(context, db);
  const recovery = await recoveryRecipient(context, db);
  const grants = genuineRows(context, "review_grants", await queries.selectGrants(db));
  const leavers = grants.filter(
    (grant) =>
      grant.account_id !== recovery?.id &&
      !admins.some(({ id, fingerprint }) => id === grant.account_id && equalBytes(fingerprint, grant.fingerprint)),
  );
  const known = await recipients(
    context,
    db,
    admins.filter(({ id, fingerprint }) => id === admin.id || confirmed.includes(toHex(fingerprint))),
  );
  const readers = recovery ? [...known, recovery] : known;
  let key = { id: review.current.id, privateKey: review.currentKey };
  if (hasLeft || leavers.some((grant) => grant.review_key_id === review.current.id)) {
    const next = await makeReviewKey(context, await nextNumber(context, db, "review_keys"), review.currentKey);
    await queries.insertReviewKey(db, next.row);
    key = { id: next.row.id, privateKey: next.privateKey };
  }
  const rows = await Promise.all(readers.map((reader) => grantTo(context, key, reader, admin.fingerprint)));
  await queries.replaceGrants(db, rows);
  await queries.deleteGrants(
    db,
    leavers.map(({ id }) => id),
  );
}

/** Whether there is a recovery phrase, and the review key is sealed to it. */
export async function hasRecovery(context: Context): Promise<boolean> {
  return (await recoveryRecipient(context, context.db)) !== undefined;
}

/** A recovery key under a phrase that was written down, not yet stored; undefined if that is none. */
export async function makeRecovery(context: Context, phrase: string): Promise<queries.RecoveryRow | undefined> {
  const entropy = readRecoveryPhrase(phrase);
  if (!entropy) return undefined;
  const id = randomUUID();
  const pair = await makeKeypair(id, monthStart(context.clock()));
  return withTag(context, "review_recovery", {
    id,
    public_key: pair.publicKey,
    locked_key: lockRecoveryKey(entropy, pair.privateKey, context.secret, id),
  });
}

/** Stores a recovery key, in a transaction that holds the lock; the phrase before it opens nothing new. */
export async function storeRecovery(
  context: Context,
  db: Kysely<Database>,
  admin: AccountRow,
  privateKey: PrivateKey,
  recovery: queries.RecoveryRow,
): Promise<boolean> {
  const review = await openReview(context, admin, privateKey, db);
  if (!review) return false;
  await queries.replaceRecovery(db, recovery);
  const recipient = { id: recovery.id, publicKey: recovery.public_key, fingerprint: new Uint8Array(20) };
  const key = { id: review.current.id, privateKey: review.currentKey };
  await queries.replaceGrants(db, [await grantTo(context, key, recipient, admin.fingerprint)]);
  return true;
}

/**
 * Locks a recovery key that an earlier Kith had locked with the phrase alone under the server secret as well; the phrase
 * is not needed for it. Nor does the row of before stay in the database's files. Run at start.
 */
export async function lockOldRecovery(context: Context): Promise<void> {
  const isLocked = await context.db.transaction().execute(async (transaction) => {
    await queries.lockReview(transaction);
    const row = await presentRecovery(context, transaction);
    if (!row || !isLockedByPhraseAlone(row.locked_key)) return false;
    const { secret } = context;
    const locked_key = rewrapRecoveryKey(row.locked_key, secret, secret, row.id);
    if (!locked_key) return false;
    const { tag: readTag, ...columns } = row;
    await queries.updateRecovery(transaction, readTag, withTag(context, "review_recovery", { ...columns, locked_key }));
    return true;
  });
  if (isLocked) await rewriteTables(context.db, ["review_recovery"]);
}

export type RecoverOutcome = "recovered" | "wrong-phrase" | "no-phrase";

/**
 * Opens the review keys with the recovery phrase and seals them to an admin's present key, on the word of whoever runs
 * the place.
 */
export async function recoverReview(context: Context, admin: AccountRow, phrase: string): Promise<RecoverOutcome> {
  const entropy = readRecoveryPhrase(phrase);
  return await context.db.transaction().execute(async (transaction) => {
    await queries.lockReview(transaction);
    const row = await presentRecovery(context, transaction);
    if (!row) return "no-phrase";
    const bytes = entropy && unlockRecoveryKey(entropy, row.locked_key, context.secret, row.id);
    if (!bytes) return "wrong-phrase";
    const recoveryKey = await readPrivateKey(bytes);
    const rows = await genuineKeys(context, transaction);
    const grants = genuineRows(context, "review_grants", await queries.selectGrants(transaction)).filter(
      (grant) => grant.account_id === row.id,
    );
    const [reader] = await recipients(context, transaction, [admin]);
    if (!reader) return "no-phrase";
    let newer: queries.ReviewKeyRow | undefined;
    for (const key of rows) {
      const grant = grants.find((one) => one.review_key_id === key.id);
      const opened = grant && (await openGrant(recoveryKey, grant.sealed, key.fingerprint));
      if (opened) {
        // A key that was made without the one before it is linked to it now.
        if (newer) {
          const { tag: readTag, ...columns } = newer;
          const previous = await sealGrant(newer.public_key, opened.reviewKey, newer.fingerprint);
          await queries.updateReviewKey(
            transaction,
            readTag,
            withTag(context, "review_keys", { ...columns, previous }),
          );
        }
        const held = { id: key.id, privateKey: opened.reviewKey };
        await queries.replaceGrants(transaction, [await grantTo(context, held, reader, reader.fingerprint)]);
      }
      newer = key;
    }
    return "recovered";
  });
}

/**
 * For the command line: if nobody who is an admin now can open the review key, a new one takes over, sealed to this
 * admin. What was sealed to the old one opens again once the recovery phrase is typed.
 *
 * @returns whether a new key was made
 */
export async function ensureReader(context: Context, admin: AccountRow): Promise<boolean> {
  return await context.db.transaction().execute(async (transaction) => {
    await queries.lockReview(transaction);
    const current = await currentReviewKey(context, transaction);
    const admins = await presentAdmins(context, transaction);
    const grants = genuineRows(context, "review_grants", await queries.selectGrants(transaction));
    const readable = grants.some(
      (grant) =>
        grant.review_key_id === current?.id &&
        admins.some(({ id, fingerprint }) => id === grant.account_id && equalBytes(fingerprint, grant.fingerprint)),
    );
    if (readable) return false;
    const [reader] = await recipients(context, transaction, [admin]);
    if (!reader) return false;
    const founded = await makeReviewKey(context, await nextNumber(context, transaction, "review_keys"), undefined);
    await storeFounded(context, transaction, founded, reader);
    return true;
  });
}

/** Which admins can open the current review key, by account id. */
export async function readerIds(context: Context): Promise<Set<string>> {
  const current = await currentReviewKey(context);
  const admins = await presentAdmins(context);
  const grants = genuineRows(context, "review_grants", await queries.selectGrants(context.db));
  return new Set(
    grants
      .filter(
        (grant) =>
          grant.review_key_id === current?.id &&
          admins.some(({ id, fingerprint }) => id === grant.account_id && equalBytes(fingerprint, grant.fingerprint)),
      )
      .map(({ account_id }) => account_id),
  );
}

/**
 * Whoever sealed the review key to this admin can read the tree already: its fingerprint joins those that this admin
 * seals to. Alters the record, stores nothing.
 */
export async function noteGranter(
  context: Context,
  account: AccountRow,
  privateKey: PrivateKey,
  record: SelfRecord,
): Promise<void> {
  const review = await openReview(context, account, privateKey);
  const granter = review && toHex(review.granterFingerprint);
  if (!granter || granter === toHex(account.fingerprint) || record.grants.includes(granter)) return;
  record.grants.push(granter);
}

/**
 * Notes whose confirmed keys are no admin's any more. Alters the record, stores nothing.
 *
 * @returns whether no new review key came since the last of them left: it may have failed to
 */
export async function noteLeavers(context: Context, account: AccountRow, record: SelfRecord): Promise<boolean> {
  const current = account.role === "admin" ? await currentReviewKey(context) : undefined;
  if (!current) return false;
  const present = new Set((await presentAdmins(context)).map(({ fingerprint }) => toHex(fingerprint)));
  const left = record.grants.filter((fingerprint) => !present.has(fingerprint));
  const known = record.leavers ?? [];
  record.leavers = left;
  if (left.some((fingerprint) => !known.includes(fingerprint))) record.leftUnder = current.id;
  return left.length > 0 && record.leftUnder === current.id;
}
