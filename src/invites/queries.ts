import type { Kysely } from "kysely";
import type { Database, SpentInvitesTable } from "../db/schema.js";

export type SpentRow = SpentInvitesTable;

export async function selectSpent(db: Kysely<Database>, hashes: readonly Uint8Array[]): Promise<SpentRow[]> {
  return await db.selectFrom("spent_invites").selectAll().where("nonce_hash", "in", hashes).execute();
}

/** @returns false if the letter was spent before */
export async function insertSpent(db: Kysely<Database>, row: SpentRow): Promise<boolean> {
  const result = await db
    .insertInto("spent_invites")
    .values(row)
    .onConflict((conflict) => conflict.column("nonce_hash").doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}
