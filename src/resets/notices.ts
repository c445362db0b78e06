import { type AccountRow, nameOf } from "../accounts/account.js";
import type { Language } from "../config.js";
import type { Context } from "../context.js";
import { sendNotice } from "../mail/queue.js";
import { openColumn } from "../protocol/column.js";

/** What happened to a reset, for a notice by mail. */
export type ResetNotice = "opened" | "chosen" | "completed" | "stopped" | "expired";

/**
 * Tells the member by mail, where mail is configured: at the contact address if one is given, else in the mailbox that
 * this account is for. Names nobody, and carries no link.
 *
 * Returns at once, and never fails: neither the answer nor its time tells whether a notice was due.
 */
export function sendResetNotice(context: Context, account: AccountRow, notice: ResetNotice): void {
  setImmediate(() => {
    const contact = openColumn(context.secret, "contact", account.id, account.contact);
    const to = contact || nameOf(account);
    sendNotice(context, { to, language: account.language as Language, kind: `reset-${notice}` }).catch(
      // Only the kind of error: its text may quote the address.
      (error: unknown) => context.log.warn({ code: (error as { code?: string }).code }, "a notice could not be queued"),
    );
  });
}
