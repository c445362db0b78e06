import { type Kysely, sql } from "kysely";

// Sessions are now wrapped under the server secret as well: those begun before would be taken for forged ones.
// Truncated, so that they don't stay in the files as dead rows.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`truncate sessions`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`truncate sessions`.execute(db);
}
