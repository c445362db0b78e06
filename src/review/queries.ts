import { type Kysely, sql } from "kysely";
import type {
  AccountsTable,
  AdminActPersonsTable,
  AdminActsTable,
  Database,
  EventsTable,
  ReviewGrantsTable,
  ReviewKeysTable,
  ReviewNotesTable,
  ReviewRecoveryTable,
} from "../db/schema.js";
import { newestVersion, type StoredAccount } from "../db/stored-account.js";

export type ReviewKeyRow = ReviewKeysTable;
export type GrantRow = ReviewGrantsTable;
export type RecoveryRow = ReviewRecoveryTable;
export type NotesRow = ReviewNotesTable;
export type ActRow = AdminActsTable;
export type ActPersonsRow = AdminActPersonsTable;
export type EventRow = EventsTable;
type AccountRow = AccountsTable;

/** Acts of admins, and changes of who reads the tree, happen one after the other. */
export async function lockReview(db: Kysely<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('kith review', 0))`.execute(db);
}

/** Newest first. */
export async function selectReviewKeys(db: Kysely<Database>): Promise<ReviewKeyRow[]> {
  return await db.selectFrom("review_keys").selectAll().orderBy("number", "desc").execute();
}

export async function insertReviewKey(db: Kysely<Database>, row: ReviewKeyRow): Promise<void> {
  await db.insertInto("review_keys").values(row).execute();
}

export async function updateReviewKey(db: Kysely<Database>, readTag: Uint8Array, row: ReviewKeyRow): Promise<void> {
  await db
    .updateTable("review_keys")
    .set({ previous: row.previous, tag: row.tag })
    .where("id", "=", row.id)
    .where("tag", "=", readTag)
    .execute();
}

export async function selectGrants(db: Kysely<Database>): Promise<GrantRow[]> {
  return await db.selectFrom("review_grants").selectAll().execute();
}

/** Puts each grant in place of the one that its recipient had for the same key. */
export async function replaceGrants(db: Kysely<Database>, rows: readonly GrantRow[]): Promise<void> {
  for (const row of rows) {
    await db
      .deleteFrom("review_grants")
      .where("review_key_id", "=", row.review_key_id)
      .where("account_id", "=", row.account_id)
      .execute();
    await db.insertInto("review_grants").values(row).execute();
  }
}

export async function deleteGrants(db: Kysely<Database>, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await db.deleteFrom("review_grants").where("id", "in", ids).execute();
}

/** One, unless somebody else put another beside it. */
export async function selectRecoveries(db: Kysely<Database>): Promise<RecoveryRow[]> {
  return await db.selectFrom("review_recovery").selectAll().execute();
}

/** Acts by which a recovery key was made, newest first. */
export async function selectRecoveryActs(db: Kysely<Database>): Promise<ActRow[]> {
  return await db
    .selectFrom("admin_acts")
    .selectAll()
    .where("kind", "=", "recovery-phrase")
    .orderBy("number", "desc")
    .execute();
}

export async function replaceRecovery(db: Kysely<Database>, row: RecoveryRow): Promise<void> {
  const old = await db.deleteFrom("review_recovery").returning("id").execute();
  for (const { id } of old) await db.deleteFrom("review_grants").where("account_id", "=", id).execute();
  await db.insertInto("review_recovery").values(row).execute();
}

export async function updateRecovery(db: Kysely<Database>, readTag: Uint8Array, row: RecoveryRow): Promise<void> {
  await db
    .updateTable("review_recovery")
    .set({ locked_key: row.locked_key, tag: row.tag })
    .where("id", "=", row.id)
    .where("tag", "=", readTag)
    .execute();
}

export async function selectNotes(db: Kysely<Database>, reviewKeyId: string): Promise<NotesRow | undefined> {
  return await db.selectFrom("review_notes").selectAll().where("review_key_id", "=", reviewKeyId).executeTakeFirst();
}

export async function replaceNotes(db: Kysely<Database>, row: NotesRow): Promise<void> {
  await db
    .insertInto("review_notes")
    .values(row)
    .onConflict((conflict) =>
      conflict.column("review_key_id").doUpdateSet({ sealed_key: row.sealed_key, box: row.box, tag: row.tag }),
    )
    .execute();
}

export async function deleteNotes(db: Kysely<Database>, keepKeyId?: string): Promise<void> {
  let statement = db.deleteFrom("review_notes");
  if (keepKeyId !== undefined) statement = statement.where("review_key_id", "<>", keepKeyId);
  await statement.execute();
}

/**
 * Every member in a few bytes each, as one value: id (16), part of the edge's seal (16), state (1), and the two halves
 * of the name, each after its length. One row for each member would take ten times as long.
 */
export async function selectTreeBytes(db: Kysely<Database>): Promise<Uint8Array> {
  const { rows } = await sql<{ bytes: Uint8Array | null }>`
    select string_agg(
      uuid_send(id) || substring(edge from 21 for 16) || set_byte('\\x00'::bytea, 0,
        case status when 'suspended' then 1 else 0 end
        + case when frozen in ('inviting', 'both') then 2 else 0 end
        + case when frozen in ('sign-in', 'both') then 4 else 0 end
        + case role when 'member' then 0 else 8 end)
      || set_byte('\\x00'::bytea, 0, octet_length(username)) || convert_to(username, 'UTF8')
      || set_byte('\\x00'::bytea, 0, octet_length(domain)) || convert_to(domain, 'UTF8'), ''::bytea) as bytes
    from accounts where username <> ''`.execute(db);
  return rows[0]?.bytes ?? new Uint8Array();
}

export async function selectAccounts(db: Kysely<Database>, ids: readonly string[]): Promise<StoredAccount[]> {
  if (ids.length === 0) return [];
  return await db.selectFrom("accounts").selectAll().select(newestVersion).where("id", "in", ids).execute();
}

/**
 * The account of a name, found by reading every row. An index scan would mark the dead entries that it meets, those of
 * that very name, and so show a thief of the files who was looked up.
 */
export async function selectByNameUnmarked(
  db: Kysely<Database>,
  { username, domain }: Pick<AccountRow, "username" | "domain">,
): Promise<StoredAccount | undefined> {
  return await db
    .selectFrom("accounts")
    .selectAll()
    .select(newestVersion)
    .where(sql`username || '@' || domain`, "=", `${username}@${domain}`)
    .executeTakeFirst();
}

export async function selectAdmins(db: Kysely<Database>): Promise<StoredAccount[]> {
  return await db
    .selectFrom("accounts")
    .selectAll()
    .select(newestVersion)
    .where("role", "<>", "member")
    .orderBy("username")
    .execute();
}

/** Names of accounts in the order of the alphabet, a page at a time. */
export async function selectNames(
  db: Kysely<Database>,
  filter: { begins: string; state: "" | "suspended" | "frozen" },
  offset: number,
  limit: number,
): Promise<Pick<AccountRow, "username" | "domain" | "status" | "role" | "frozen">[]> {
  let statement = db
    .selectFrom("accounts")
    .select(["username", "domain", "status", "role", "frozen"])
    .where("username", "<>", "");
  if (filter.begins !== "") statement = statement.where(sql<boolean>`starts_with(username, ${filter.begins})`);
  if (filter.state === "suspended") statement = statement.where("status", "=", "suspended");
  if (filter.state === "frozen") statement = statement.where("frozen", "<>", "nothing");
  return await statement.orderBy("username").orderBy("domain").offset(offset).limit(limit).execute();
}

export async function countMembers(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ count: string }>`select count(*) as count from accounts where username <> ''`.execute(
    db,
  );
  return Number(rows[0]?.count);
}

/** Reads every row as well: to whom a branch was moved, and which one was meant, is among the ids of the admins' log. */
export async function selectNamesOf(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<{ id: string; username: string; domain: string }[]> {
  if (ids.length === 0) return [];
  return await db
    .selectFrom("accounts")
    .select(["id", "username", "domain"])
    .where(sql<string>`id::text`, "in", ids)
    .execute();
}

/**
 * Writes what acts change of many accounts in one statement, each only if it still is as it was read.
 *
 * @returns the ids that were written
 */
export async function updateAccounts(
  db: Kysely<Database>,
  changes: readonly { readTag: Uint8Array; account: AccountRow }[],
): Promise<string[]> {
  const rows = changes.map(({ account }) => account);
  const result = await sql<{ id: string }>`
    update accounts set status = row.status, role = row.role, frozen = row.frozen, granted = row.granted,
      edge = row.edge, people_version = row.people_version, session_epoch = row.session_epoch, tag = row.tag
    from unnest(
      ${rows.map((row) => row.id)}::uuid[], ${changes.map(({ readTag }) => readTag)}::bytea[],
      ${rows.map((row) => row.status)}::text[], ${rows.map((row) => row.role)}::text[],
      ${rows.map((row) => row.frozen)}::text[], ${rows.map((row) => row.granted)}::int[],
      ${rows.map((row) => row.edge)}::bytea[], ${rows.map((row) => row.people_version)}::int[],
      ${rows.map((row) => row.session_epoch)}::bytea[], ${rows.map((row) => row.tag)}::bytea[]
    ) as row(id, read_tag, status, role, frozen, granted, edge, people_version, session_epoch, tag)
    where accounts.id = row.id and accounts.tag = row.read_tag returning accounts.id`.execute(db);
  return result.rows.map(({ id }) => id);
}

/** Tables whose rows are numbered from 1, without gaps. */
export type NumberedTable = "admin_acts" | "review_keys";
export type NumberedRow = ActRow | ReviewKeyRow;

/** Newest first. */
export async function selectNumbered(
  db: Kysely<Database>,
  table: NumberedTable,
  offset: number,
  limit: number,
): Promise<NumberedRow[]> {
  const { rows } = await sql<NumberedRow>`
    select * from ${sql.table(table)} order by number desc offset ${offset} limit ${limit}`.execute(db);
  return rows;
}

export async function deleteNumbered(db: Kysely<Database>, table: NumberedTable, ids: readonly string[]) {
  if (ids.length > 0) await db.deleteFrom(table).where("id", "in", ids).execute();
}

export async function insertAct(
  db: Kysely<Database>,
  act: ActRow,
  persons: readonly ActPersonsRow[],
  events: readonly EventRow[],
): Promise<void> {
  await db.insertInto("admin_acts").values(act).execute();
  for (let at = 0; at < persons.length; at += 500) {
    await db
      .insertInto("admin_act_persons")
      .values(persons.slice(at, at + 500))
      .execute();
  }
  await insertEvents(db, events);
}

export async function insertEvents(db: Kysely<Database>, events: readonly EventRow[]): Promise<void> {
  for (let at = 0; at < events.length; at += 500) {
    await db
      .insertInto("events")
      .values(events.slice(at, at + 500))
      .execute();
  }
}

/** Newest first. */
export async function selectActs(db: Kysely<Database>, offset: number, limit: number): Promise<ActRow[]> {
  return await db.selectFrom("admin_acts").selectAll().orderBy("number", "desc").offset(offset).limit(limit).execute();
}

/** Newest first. */
export async function selectLaterActs(db: Kysely<Database>, number: number): Promise<ActRow[]> {
  return await db.selectFrom("admin_acts").selectAll().where("number", ">", number).orderBy("number", "desc").execute();
}

export async function selectAct(db: Kysely<Database>, id: string): Promise<ActRow | undefined> {
  return await db.selectFrom("admin_acts").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function selectActPersons(db: Kysely<Database>, actId: string): Promise<ActPersonsRow[]> {
  return await db.selectFrom("admin_act_persons").selectAll().where("act_id", "=", actId).execute();
}

/** What took one of these acts back. */
export async function selectTakingBack(db: Kysely<Database>, ids: readonly string[]): Promise<ActRow[]> {
  if (ids.length === 0) return [];
  return await db.selectFrom("admin_acts").selectAll().where("undoes", "in", ids).execute();
}

/** Newest first. */
export async function selectOpenings(db: Kysely<Database>, offset: number, limit: number): Promise<ActRow[]> {
  return await db
    .selectFrom("admin_acts")
    .selectAll()
    .where("kind", "=", "tree-opened")
    .orderBy("number", "desc")
    .offset(offset)
    .limit(limit)
    .execute();
}

export async function selectEvents(db: Kysely<Database>, accountId: string): Promise<EventRow[]> {
  return await db.selectFrom("events").selectAll().where("account_id", "=", accountId).execute();
}

export async function deleteEvents(db: Kysely<Database>, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await db.deleteFrom("events").where("id", "in", ids).execute();
}

/** Members after this one, by id. */
export async function selectMemberIds(db: Kysely<Database>, afterId: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom("accounts")
    .select("id")
    .where("username", "<>", "")
    .where("id", ">", afterId)
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** When the newest key of all was made, in seconds since 1970; 0 if there is none. */
export async function selectNewestKeySecond(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ second: string | null }>`
    select max(('x' || encode(substring(public_key from 4 for 4), 'hex'))::bit(32)::bigint) as second
    from people`.execute(db);
  return Number(rows[0]?.second ?? 0);
}
