import { type Kysely, sql } from "kysely";
import type { Database } from "./schema.js";

/** Whether there is a table of this name, also before the first migration. */
export async function hasTable(db: Kysely<Database>, name: string): Promise<boolean> {
  const { rows } = await sql<{ name: string | null }>`select to_regclass(${name})::text as name`.execute(db);
  return rows[0]?.name != null;
}
