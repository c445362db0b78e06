import type { Kysely } from "kysely";
import { hasTable } from "./has-table.js";
import type { Database } from "./schema.js";

/** Whether there is any account, also before the first migration. */
export async function hasAccounts(db: Kysely<Database>): Promise<boolean> {
  if (!(await hasTable(db, "accounts"))) return false;
  const account = await db.selectFrom("accounts").select("id").limit(1).executeTakeFirst();
  return account !== undefined;
}
