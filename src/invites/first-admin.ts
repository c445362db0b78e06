import { hasAdmin, hasMembers } from "../accounts/account.js";
import type { Context } from "../context.js";
import { letterLink, operatorLetter } from "./letters.js";

/**
 * Whether there is an admin, or was one: whoever writes to the database can take all roles away for a moment. An empty
 * database is a place that begins anew, as long as it is empty.
 */
export async function isFounded({ seen, db }: Context): Promise<boolean> {
  seen.founded ||= (await hasAdmin(db)) || (seen.foundedBefore && (await hasMembers(db)));
  return seen.founded;
}

/** The link that makes the first admin, as long as there was none. */
export async function firstAdminLink(context: Context): Promise<string | undefined> {
  if (await isFounded(context)) return undefined;
  return letterLink(context.config.origin, operatorLetter(context, "first-admin"));
}

/** Whether nobody is an admin any more, which Kith itself never brings about. */
export async function hasLostAdmins(context: Context): Promise<boolean> {
  return context.seen.founded && !(await hasAdmin(context.db));
}
