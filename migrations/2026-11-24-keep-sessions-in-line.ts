import { type Kysely, sql } from "kysely";

// A value kept apart lies on one page or on two, as it happened to be written, and the database counts the pages that
// it reads: those numbers told whose session a request came with. Kept in its row, each is read alike, and faster.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sessions alter column sealed set storage plain`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sessions alter column sealed set storage external`.execute(db);
}
