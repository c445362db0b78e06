import { type Kysely, sql } from "kysely";

// What is in a session now bears Kith's tag: those begun before would be taken for forged ones.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`delete from sessions`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`delete from sessions`.execute(db);
}
