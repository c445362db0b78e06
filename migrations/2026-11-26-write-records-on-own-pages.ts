import { type Kysely, sql } from "kysely";

// What does not fit into a row is cut into chunks, four of them on a page. Old chunks are cleared away by whoever has
// chunks on the same page, at any request, and the log then tells who was there. So nothing is kept apart but the self
// record, which fills whole pages. And each row has a page for itself, with room for its next version: no neighbour's request
// clears an old one away, nor does a change touch an index.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table accounts set (toast_tuple_target = 8160, fillfactor = 50)`.execute(db);
  // Where the session itself must stay in its row, PostgreSQL kept the 32 bytes of its id apart.
  await sql`alter table sessions alter column id set storage plain`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sessions alter column id set storage extended`.execute(db);
  await sql`alter table accounts reset (toast_tuple_target, fillfactor)`.execute(db);
}
