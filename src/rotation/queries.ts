import { type Kysely, sql } from "kysely";
import { KITH } from "../db/connect.js";
import type { Database } from "../db/schema.js";
import type { TaggedColumns } from "../protocol/tag.js";

/** Every table whose rows bear a tag, with its primary key. */
export const TAGGED_TABLES = {
  settings: ["name"],
  accounts: ["id"],
  relations: ["id"],
  people: ["account_id", "version"],
  reset_cases: ["id"],
  approvals: ["case_id", "row_id"],
  review_keys: ["id"],
  review_grants: ["id"],
  review_recovery: ["id"],
  review_notes: ["review_key_id"],
  admin_acts: ["id"],
  admin_act_persons: ["id"],
  events: ["id"],
} as const satisfies { [Table in keyof Database]?: readonly string[] };
export type TaggedTable = keyof typeof TAGGED_TABLES;
export type TaggedRow = TaggedColumns & { tag: Uint8Array };

const BATCH_ROWS = 200;

/** All rows of a table, in batches by primary key; rows may be changed while reading. */
export async function* readTagged(db: Kysely<Database>, table: TaggedTable): AsyncGenerator<TaggedRow[]> {
  const key = sql.join(TAGGED_TABLES[table].map((column) => sql.ref(column)));
  let after: unknown[] | undefined;
  for (;;) {
    const where = after ? sql`where (${key}) > (${sql.join(after)})` : sql``;
    const { rows } = await sql<TaggedRow>`
      select * from ${sql.table(table)} ${where} order by ${key} limit ${BATCH_ROWS}`.execute(db);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < BATCH_ROWS || !last) return;
    after = TAGGED_TABLES[table].map((column) => last[column]);
  }
}

/** Replaces one row, if it still is the one that was read. */
export async function replaceTagged(
  db: Kysely<Database>,
  table: TaggedTable,
  before: TaggedRow,
  after: TaggedRow,
): Promise<void> {
  const key: readonly string[] = TAGGED_TABLES[table];
  const changed = Object.entries(after).filter(([name]) => !key.includes(name) && after[name] !== before[name]);
  const same = key.map((column) => sql`${sql.ref(column)} = ${before[column]}`);
  await sql`
    update ${sql.table(table)} set ${sql.join(changed.map(([name, value]) => sql`${sql.ref(name)} = ${value}`))}
    where ${sql.join(same, sql` and `)} and tag = ${before.tag}`.execute(db);
}

/** How many connections of Kith there are beside the one that asks. */
export async function otherConnections(db: Kysely<Database>): Promise<number> {
  // Within a transaction the first look would be the only one.
  await sql`select pg_stat_clear_snapshot()`.execute(db);
  const { rows } = await sql<{ count: string }>`
    select count(*) from pg_stat_activity
    where datname = current_database() and application_name = ${KITH} and pid <> pg_backend_pid()`.execute(db);
  return Number(rows[0]?.count);
}

export async function deleteAllSessions(db: Kysely<Database>): Promise<void> {
  for (const table of ["sessions", "left_sessions"] as const) await db.deleteFrom(table).execute();
}

/** Tables that hold what is wrapped in the server secret itself, and not only tagged under it. */
export const WRAPPING_TABLES = ["accounts", "reset_cases", "review_recovery"] as const;
