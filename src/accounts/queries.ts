import { type Kysely, sql } from "kysely";
import type { AccountsTable, Database, SessionsTable } from "../db/schema.js";
import { mixed, newestVersion, type StoredAccount } from "../db/stored-account.js";
import type { PersonRow } from "../people/queries.js";
import type { RelationRow } from "../protocol/relation.js";

export type AccountRow = AccountsTable;
export type SessionRow = SessionsTable;

/**
 * The account of a name; for a name that nobody has, the decoy account, by the very same work of the database.
 */
export async function selectAccountOrDecoy(
  db: Kysely<Database>,
  domain: string,
  username: string,
  decoyId: string,
): Promise<StoredAccount | undefined> {
  return await db
    .selectFrom("accounts")
    .selectAll()
    .select([newestVersion, mixed])
    .where(
      "id",
      "=",
      (id) =>
        sql<string>`coalesce(${id
          .selectFrom("accounts as named")
          .select("named.id")
          .where("named.domain", "=", domain)
          .where("named.username", "=", username)}, ${decoyId}::uuid)`,
    )
    .executeTakeFirst();
}

export async function selectAccount(db: Kysely<Database>, id: string): Promise<StoredAccount | undefined> {
  return await db
    .selectFrom("accounts")
    .selectAll()
    .select([newestVersion, mixed])
    .where("id", "=", id)
    .executeTakeFirst();
}

/** Slots that are of another generation than their account. */
export async function selectOtherSlots(
  db: Kysely<Database>,
  { id, generation }: Pick<AccountRow, "id" | "generation">,
): Promise<RelationRow[]> {
  return await db
    .selectFrom("relations")
    .selectAll()
    .where("trusting_id", "=", id)
    .where("generation", "<>", generation)
    .execute();
}

/** Versions that others may see and the account does not know. */
export async function selectNewerVersions(
  db: Kysely<Database>,
  { id, people_version }: Pick<AccountRow, "id" | "people_version">,
): Promise<PersonRow[]> {
  return await db
    .selectFrom("people")
    .selectAll()
    .where("account_id", "=", id)
    .where("version", ">", people_version)
    .execute();
}

export async function hasAdmin(db: Kysely<Database>): Promise<boolean> {
  const row = await db.selectFrom("accounts").select("id").where("role", "<>", "member").limit(1).executeTakeFirst();
  return row !== undefined;
}

/** Whether anybody has joined; the decoy account does not count. */
export async function hasMembers(db: Kysely<Database>): Promise<boolean> {
  const row = await db.selectFrom("accounts").select("id").where("username", "<>", "").limit(1).executeTakeFirst();
  return row !== undefined;
}

/** Whether some member's key is locked with other parameters than these. */
export async function hasOtherParameters(db: Kysely<Database>, parameters: string): Promise<boolean> {
  const row = await db
    .selectFrom("accounts")
    .select("id")
    .where("username", "<>", "")
    .where("parameters", "<>", parameters)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function selectRelations(db: Kysely<Database>, trustingId: string): Promise<RelationRow[]> {
  return await db.selectFrom("relations").selectAll().where("trusting_id", "=", trustingId).execute();
}

/** Everything that one change of an account's private state writes. */
export interface StateChange {
  /** The tag of the row that was read: nothing is written if the account has another by now. */
  readTag: Uint8Array;
  account: AccountRow;
  /** All S rows. */
  relations: readonly RelationRow[];
  /** The next version for others to see, if something of that changed. */
  person: PersonRow | undefined;
  /** Versions that others made up at that one's number or above. */
  madeUp: readonly number[];
  /** A session that begins with this change. */
  session: SessionRow | undefined;
}

function relationArrays(rows: readonly RelationRow[]) {
  return sql`unnest(
    ${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.generation)}::bytea[],
    ${rows.map((row) => row.sealed_trusted)}::bytea[], ${rows.map((row) => row.sealed_token)}::bytea[],
    ${rows.map((row) => row.token_hash)}::bytea[], ${rows.map((row) => row.tag)}::bytea[]
  ) as slot(id, generation, sealed_trusted, sealed_token, token_hash, tag)`;
}

const optional = <T>(row: T | undefined): T[] => (row ? [row] : []);

function personArrays(rows: readonly PersonRow[]) {
  return sql`unnest(
    ${rows.map((row) => row.account_id)}::uuid[], ${rows.map((row) => row.version)}::int[],
    ${rows.map((row) => row.username)}::text[], ${rows.map((row) => row.domain)}::text[],
    ${rows.map((row) => row.public_key)}::bytea[], ${rows.map((row) => row.fingerprint)}::bytea[],
    ${rows.map((row) => row.status)}::text[], ${rows.map((row) => row.reset_mark)}::int[],
    ${rows.map((row) => row.tag)}::bytea[]
  )`;
}

function sessionArrays(rows: readonly SessionRow[]) {
  return sql`unnest(
    ${rows.map((row) => row.id)}::bytea[], ${rows.map((row) => row.sealed)}::bytea[],
    ${rows.map((row) => row.expiry_day)}::date[]
  )`;
}

/**
 * Writes a change of an account's private state in one statement: the account, all S rows, and the end of every
 * reset case of the generation before. Nothing at all is written if somebody else changed the account meanwhile.
 *
 * @returns how many cases that counted were ended, and how many that had run out went with them; undefined if nothing
 * was written
 */
export async function writeState(
  db: Kysely<Database>,
  change: StateChange,
  before: { generation: Uint8Array; today: string },
): Promise<{ ended: number; expired: number } | undefined> {
  const { id, ...columns } = change.account;
  const assignments = Object.entries(columns).map(([name, value]) => sql`${sql.ref(name)} = ${value}`);
  const isMadeUp = change.madeUp.length > 0;
  const clearing = isMadeUp
    ? sql`made_up as (
      delete from people using changed
      where account_id = changed.id and version = any(${change.madeUp}::int[]) returning version
    ), `
    : sql``;
  // They are counted so that they are gone first.
  const cleared = isMadeUp ? sql`where (select count(*) from made_up) >= 0` : sql``;
  const { rows } = await sql<{ written: boolean; ended: number; expired: number }>`
    with changed as (
      update accounts set ${sql.join(assignments)}
      where id = ${id} and tag = ${change.readTag} returning id
    ), slots as (
      insert into relations (id, trusting_id, generation, sealed_trusted, sealed_token, token_hash, tag)
      select slot.id, changed.id, slot.generation, slot.sealed_trusted, slot.sealed_token, slot.token_hash, slot.tag
      from changed, ${relationArrays(change.relations)}
      on conflict (id) do update set
        generation = excluded.generation, sealed_trusted = excluded.sealed_trusted,
        sealed_token = excluded.sealed_token, token_hash = excluded.token_hash, tag = excluded.tag
      where relations.trusting_id = excluded.trusting_id
    ), strays as (
      delete from relations using changed
      where trusting_id = changed.id and relations.id <> all(${change.relations.map((row) => row.id)}::uuid[])
    ), cases as (
      delete from reset_cases using changed where trusting_id = changed.id returning generation, expiry_day
    ), ended as (
      select expiry_day >= ${before.today}::date as is_open from cases where generation = ${before.generation}
    ), ${clearing}person as (
      insert into people (account_id, version, username, domain, public_key, fingerprint, status, reset_mark, tag)
      select row.* from changed, ${personArrays(optional(change.person))} as row ${cleared}
    ), session as (
      insert into sessions (id, sealed, expiry_day)
      select row.* from changed, ${sessionArrays(optional(change.session))} as row
    )
    select exists (select from changed) as written,
      (select count(*)::int from ended where is_open) as ended,
      (select count(*)::int from ended where not is_open) as expired`.execute(db);
  return rows[0]?.written ? rows[0] : undefined;
}

/**
 * Writes single columns of an account, such as its status, and leaves its private state alone.
 *
 * @returns whether it was written; false if somebody else changed the account meanwhile
 */
export async function writeAccount(
  db: Kysely<Database>,
  readTag: Uint8Array,
  { id, ...columns }: AccountRow,
): Promise<boolean> {
  const result = await db
    .updateTable("accounts")
    .set(columns)
    .where("id", "=", id)
    .where("tag", "=", readTag)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Everything that one new account writes. */
export interface NewAccount {
  account: AccountRow;
  relations: readonly RelationRow[];
  person: PersonRow;
  session: SessionRow | undefined;
  spent: { nonce_hash: Uint8Array; invitee: Uint8Array };
}

/** What became of a new account; nothing is written unless it is `"written"`. */
export type Inserted = "written" | "has-admin" | "taken" | "spent";

/**
 * Writes a new account and spends its letter, in one statement. Locks nobody else's row.
 *
 * @param founding for the first admin: what is written together; of two at the same moment only one gets in
 * @throws the database's unique violation on `accounts_name` or `spent_invites_pkey`, if somebody else was faster by
 * less than a moment
 */
export async function insertAccount(
  db: Kysely<Database>,
  created: NewAccount,
  founding: ((db: Kysely<Database>) => Promise<void>) | undefined,
): Promise<Inserted> {
  if (!founding) return await insertAccountRows(db, created);
  return await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('kith first admin', 0))`.execute(transaction);
    if (await hasAdmin(transaction)) return "has-admin";
    const inserted = await insertAccountRows(transaction, created);
    if (inserted === "written") await founding(transaction);
    return inserted;
  });
}

/**
 * Looks whether name and letter are free, though the constraints would tell: a server's log quotes the name in the error
 * of a violated constraint.
 */
async function insertAccountRows(db: Kysely<Database>, { account, ...created }: NewAccount): Promise<Inserted> {
  const columns = Object.keys(account);
  const { rows } = await sql<{ name_free: boolean; letter_free: boolean }>`
    with found as (
      select not exists (
        select from accounts where domain = ${account.domain} and username = ${account.username}
      ) as name_free, not exists (
        select from spent_invites where nonce_hash = ${created.spent.nonce_hash}
      ) as letter_free
    ), free as (
      select from found where name_free and letter_free
    ), spent as (
      insert into spent_invites (nonce_hash, invitee)
      select ${created.spent.nonce_hash}, ${created.spent.invitee} from free
    ), created as (
      insert into accounts (${sql.join(columns.map((name) => sql.ref(name)))})
      select ${sql.join(Object.values(account))} from free returning id
    ), slots as (
      insert into relations (id, trusting_id, generation, sealed_trusted, sealed_token, token_hash, tag)
      select slot.id, created.id, slot.generation, slot.sealed_trusted, slot.sealed_token, slot.token_hash, slot.tag
      from created, ${relationArrays(created.relations)}
    ), person as (
      insert into people (account_id, version, username, domain, public_key, fingerprint, status, reset_mark, tag)
      select row.* from free, ${personArrays([created.person])} as row
    ), session as (
      insert into sessions (id, sealed, expiry_day)
      select row.* from free, ${sessionArrays(optional(created.session))} as row
    )
    select * from found`.execute(db);
  if (!rows[0]?.letter_free) return "spent";
  return rows[0].name_free ? "written" : "taken";
}

export async function isNameTaken(db: Kysely<Database>, domain: string, username: string): Promise<boolean> {
  const row = await db
    .selectFrom("accounts")
    .select("id")
    .where("domain", "=", domain)
    .where("username", "=", username)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whatever has no name, or this id, which is nobody's. */
export async function selectInDecoysPlace(db: Kysely<Database>, id: string): Promise<AccountRow[]> {
  return await db
    .selectFrom("accounts")
    .selectAll()
    .where((row) => row.or([row("id", "=", id), row.and({ domain: "", username: "" })]))
    .execute();
}

/** Makes the decoy account in place of rows that are not Kith's: its name and its id are there once. */
export async function replaceDecoyAccount(
  db: Kysely<Database>,
  forged: readonly Pick<AccountRow, "id" | "tag">[],
  account: AccountRow,
  relations: readonly RelationRow[],
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    for (const { id, tag } of forged) {
      await transaction.deleteFrom("accounts").where("id", "=", id).where("tag", "=", tag).execute();
    }
    await transaction.insertInto("accounts").values(account).execute();
    await transaction.insertInto("relations").values(relations).execute();
  });
}

export async function insertSession(db: Kysely<Database>, row: SessionRow): Promise<void> {
  await db.insertInto("sessions").values(row).execute();
}

export async function selectSession(db: Kysely<Database>, id: Uint8Array): Promise<SessionRow | undefined> {
  return await db.selectFrom("sessions").selectAll().where("id", "=", id).executeTakeFirst();
}

/** @returns those of the ids that have a row */
export async function selectSessionIds(db: Kysely<Database>, ids: readonly Uint8Array[]): Promise<Uint8Array[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom("sessions").select("id").where("id", "in", ids).execute();
  return rows.map((row) => row.id);
}

/** @returns false if somebody else changed or ended it meanwhile */
export async function updateSession(
  db: Kysely<Database>,
  read: Pick<SessionRow, "id" | "sealed">,
  sealed: Uint8Array,
): Promise<boolean> {
  const result = await db
    .updateTable("sessions")
    .set({ sealed })
    .where("id", "=", read.id)
    .where("sealed", "=", read.sealed)
    .executeTakeFirst();
  // Whoever reads a row first after it was written marks it on its page: that would tell who went on doing something.
  await selectSession(db, read.id);
  return result.numUpdatedRows === 1n;
}

export async function insertLeftMark(db: Kysely<Database>, mark: Uint8Array, expiryDay: string): Promise<void> {
  const row = { mark, expiry_day: expiryDay };
  await db
    .insertInto("left_sessions")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  // As above: whoever asked for it first would show.
  await selectLeftMarks(db, [mark]);
}

/** @returns those of the marks that stand there */
export async function selectLeftMarks(db: Kysely<Database>, marks: readonly Uint8Array[]): Promise<Uint8Array[]> {
  if (marks.length === 0) return [];
  const rows = await db.selectFrom("left_sessions").select("mark").where("mark", "in", marks).execute();
  return rows.map((row) => row.mark);
}

/** Those of everybody: the database counts the marks that are found, and how many of them are one member's would show. */
export async function selectAllLeftMarks(db: Kysely<Database>): Promise<Uint8Array[]> {
  const rows = await db.selectFrom("left_sessions").select("mark").execute();
  return rows.map((row) => row.mark);
}

export async function deleteSessions(db: Kysely<Database>, ids: readonly Uint8Array[]): Promise<void> {
  if (ids.length > 0) await db.deleteFrom("sessions").where("id", "in", ids).execute();
}

export async function selectLastExpiry(db: Kysely<Database>): Promise<string | undefined> {
  const row = await db
    .selectFrom("sessions")
    .select(({ fn }) => fn.max("expiry_day").as("last"))
    .executeTakeFirst();
  return row?.last ?? undefined;
}

export async function deleteExpiredSessions(db: Kysely<Database>, today: string): Promise<void> {
  for (const table of ["sessions", "left_sessions"] as const) {
    await db.deleteFrom(table).where("expiry_day", "<", today).execute();
  }
}
