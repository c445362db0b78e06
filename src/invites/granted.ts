import type { Kysely } from "kysely";
import type { Context } from "../context.js";
import type { Database } from "../db/schema.js";
import type { SelfRecord } from "../protocol/self-record.js";
import { readSetting, writeSetting } from "../settings.js";

const GRANTED = "granted-to-everybody";

/** How many invites admins have given to everybody so far: one number for all, absorbed at each member's sign-in. */
export interface GrantedToAll {
  count: number;
  /** Counts up with every change of that number, so that an earlier one that was put back is known by it. */
  change: number;
}

export async function grantedToEverybody(context: Context, db: Kysely<Database> = context.db): Promise<GrantedToAll> {
  // An earlier Kith wrote the number alone.
  const [count = "0", change = "1"] = (await readSetting(context, GRANTED, db))?.split(" ") ?? ["0", "0"];
  return { count: Number(count), change: Number(change) };
}

/** Gives everybody so many more, or takes back what nobody has absorbed; in a transaction that holds the lock of acts. */
export async function grantToEverybody(context: Context, db: Kysely<Database>, more: number): Promise<void> {
  const { count, change } = await grantedToEverybody(context, db);
  await writeSetting(context, GRANTED, `${Math.max(0, count + more)} ${change + 1}`, db);
}

/** Writes down that what everybody was given until now is in the invites left, or is not for this member. */
export function noteGrantedToAll(record: SelfRecord, { count, change }: GrantedToAll): void {
  record.grantedToAllSeen = count;
  record.grantedToAllChange = change;
}

/**
 * More invites from an admin are a counter in the clear; how many of them are left is the member's own affair. What an
 * admin took back leaves, as far as it was not used; so an earlier number for everybody, put back and replaced again,
 * would be a gain each time: it is no news.
 */
export function absorbGranted(record: SelfRecord, granted: number, grantedToAll: GrantedToAll, day: string): void {
  const isNews = grantedToAll.change > (record.grantedToAllChange ?? 0);
  const toAll = isNews ? grantedToAll.count - (record.grantedToAllSeen ?? 0) : 0;
  const more = granted - record.grantedSeen + toAll;
  record.invitesLeft = Math.max(0, record.invitesLeft + more);
  record.grantedSeen = granted;
  if (isNews) noteGrantedToAll(record, grantedToAll);
  if (more > 0) record.told.push({ kind: "letters-granted", day, values: { count: more } });
}
