import type { Kysely } from "kysely";
import type { Context } from "../context.js";
import type { Database } from "../db/schema.js";
import type { SelfRecord } from "../protocol/self-record.js";
import { readSetting, writeSetting } from "../settings.js";

const GRANTED = "granted-to-everybody";

/** How many invites admins have given to everybody so far: one number for all, absorbed at each member's sign-in. */
export async function grantedToEverybody(context: Context, db: Kysely<Database> = context.db): Promise<number> {
  return Number((await readSetting(context, GRANTED, db)) ?? 0);
}

/** Gives everybody so many more, or takes back what nobody has absorbed; in a transaction that holds the lock of acts. */
export async function grantToEverybody(context: Context, db: Kysely<Database>, count: number): Promise<void> {
  const granted = Math.max(0, (await grantedToEverybody(context, db)) + count);
  await writeSetting(context, GRANTED, String(granted), db);
}

/**
 * More invites from an admin are a counter in the clear; how many of them are left is the member's own affair. What an
 * admin took back leaves, as far as it was not used.
 */
export function absorbGranted(record: SelfRecord, granted: number, grantedToAll: number, day: string): void {
  const more = granted - record.grantedSeen + grantedToAll - (record.grantedToAllSeen ?? 0);
  record.invitesLeft = Math.max(0, record.invitesLeft + more);
  record.grantedSeen = granted;
  record.grantedToAllSeen = grantedToAll;
  if (more > 0) record.told.push({ kind: "letters-granted", day, values: { count: more } });
}
