import { type Kysely, sql } from "kysely";

// What is in a session now bears Kith's tag: those begun before would be taken for forged ones.
// Truncated, so that they don't stay in the files as dead rows.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`truncate sessions`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`truncate sessions`.execute(db);
}
