import type { AccountRow } from "../accounts/account.js";
import type { Language } from "../config.js";
import type { Context } from "../context.js";
import { sendNotice } from "../mail/queue.js";
import { openColumn } from "../protocol/column.js";

/** What happened to a reset, for a notice by mail. */
export type ResetNotice = "opened" | "chosen" | "completed" | "stopped" | "expired";

/**
 * Tells the member by mail, where mail is configured and an address is known. Names nobody, and carries no link.
 * A notice that can't be sent never fails what it tells about.
 */
export function sendResetNotice(context: Context, account: AccountRow, notice: ResetNotice): void {
  const address = openColumn(context.secret, "contact", account.id, account.contact);
  if (!address) return;
  try {
    await sendNotice(context, { to: address, language: account.language as Language, kind: `reset-${notice}` });
  } catch (error) {
    // Only the kind of error: its text may quote the address.
    context.log.warn({ code: (error as { code?: string }).code }, "a notice could not be queued");
  }
}
