import { type Kysely, sql } from "kysely";
import type { Database } from "./schema.js";

/** Whether there is any account, also before the first migration. */
export async function hasAccounts(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ name: string | null }>`select to_regclass('accounts')::text as name`.execute(db);
  if (rows[0]?.name == null) return false;
  const account = await db.selectFrom("accounts").select("id").limit(1).executeTakeFirst();
  return account !== undefined;
}
