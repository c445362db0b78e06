import { sql } from "kysely";
import type { AccountsTable } from "./schema.js";

/** An account with what tells whether it is of the same moment as the rows that are written together with it. */
export interface StoredAccount extends AccountsTable {
  /** The newest version of how others see it. */
  newest_version: number | null;
  /** Whether one of its slots is of another generation; undefined: not looked at. */
  mixed?: boolean;
}

/** Selected beside the columns of `accounts`, and so read at one moment. */
export const newestVersion = sql<number | null>`(
  select max(version) from people where people.account_id = accounts.id
)`.as("newest_version");

export const mixed = sql<boolean>`exists (
  select from relations where trusting_id = accounts.id and relations.generation <> accounts.generation
)`.as("mixed");
