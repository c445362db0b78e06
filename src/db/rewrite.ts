import { type Kysely, sql } from "kysely";
import type { Database } from "./schema.js";

/** Writes tables into new files, without the rows that were replaced; not within a transaction. */
export async function rewriteTables(db: Kysely<Database>, tables: readonly (keyof Database)[]): Promise<void> {
  for (const table of tables) await sql`vacuum (full, freeze) ${sql.table(table)}`.execute(db);
}
