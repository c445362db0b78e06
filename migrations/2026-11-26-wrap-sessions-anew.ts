import { type Kysely, sql } from "kysely";

// Sessions are now wrapped under the server secret as well: those begun before would be taken for forged ones.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`delete from sessions`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`delete from sessions`.execute(db);
}
