import { hasAdmin } from "../accounts/account.js";
import type { Context } from "../context.js";
import { letterLink, operatorLetter } from "./letters.js";

/** The link that makes the first admin, as long as there is none. */
export async function firstAdminLink(context: Context): Promise<string | undefined> {
  if (await hasAdmin(context.db)) return undefined;
  return letterLink(context.config.origin, operatorLetter(context, "first-admin"));
}
