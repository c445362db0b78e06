import { type Kysely, sql } from "kysely";
import type { Database, PeopleTable } from "../db/schema.js";

export type PersonRow = PeopleTable;

/** The newest version of each id that has one, in the order in which they were asked for. */
export async function selectNewest(db: Kysely<Database>, ids: readonly string[]): Promise<PersonRow[]> {
  const { rows } = await sql<PersonRow>`
    select newest.* from unnest(${ids}::uuid[]) as asked(id)
    cross join lateral (
      select * from people where account_id = asked.id order by version desc limit 1
    ) as newest`.execute(db);
  return rows;
}

/** The newest version of whoever bears this name now; where nobody does, of the decoy, by the same work. */
export async function selectNewestByName(
  db: Kysely<Database>,
  domain: string,
  username: string,
  decoyId: string,
): Promise<PersonRow | undefined> {
  const { rows } = await sql<PersonRow>`
    select * from people where account_id = coalesce(
      (select account_id from people where domain = ${domain} and username = ${username}
       order by version desc limit 1),
      ${decoyId}::uuid)
    order by version desc limit 1`.execute(db);
  return rows[0];
}

/** Every version of these, oldest first. */
export async function selectVersions(db: Kysely<Database>, ids: readonly string[]): Promise<PersonRow[]> {
  const { rows } = await sql<PersonRow>`
    select * from people where account_id = any(${ids}::uuid[]) order by version`.execute(db);
  return rows;
}

/** The versions of these that say that the member left. */
export async function selectTombstones(db: Kysely<Database>, ids: readonly string[]): Promise<PersonRow[]> {
  const { rows } = await sql<PersonRow>`
    select * from people where account_id = any(${ids}::uuid[]) and status = 'gone'`.execute(db);
  return rows;
}

export async function insertPerson(db: Kysely<Database>, row: PersonRow): Promise<void> {
  await db.insertInto("people").values(row).execute();
}

export async function deleteVersions(db: Kysely<Database>, accountId: string, versions: readonly number[]) {
  await db.deleteFrom("people").where("account_id", "=", accountId).where("version", "in", versions).execute();
}

export async function deleteOlderVersions(db: Kysely<Database>, accountId: string, version: number): Promise<void> {
  await db.deleteFrom("people").where("account_id", "=", accountId).where("version", "<", version).execute();
}

/** Rows that say they are nobody's. */
export async function selectDecoys(db: Kysely<Database>): Promise<PersonRow[]> {
  return await db.selectFrom("people").selectAll().where("status", "=", "decoy").execute();
}

/** Freezes rows that will never change, so that later reads by others write nothing. */
export async function freezeInsertOnlyTables(db: Kysely<Database>): Promise<void> {
  await sql`vacuum (freeze) people`.execute(db);
  await sql`vacuum (freeze) spent_invites`.execute(db);
}
