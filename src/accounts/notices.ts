import type { Language } from "../config.js";
import type { Context } from "../context.js";
import type { NoticeKind } from "../mail/notice.js";
import { sendNotice } from "../mail/queue.js";
import { openColumn } from "../protocol/column.js";
import { type AccountRow, nameOf } from "./account.js";

/**
 * Tells a member by mail, where mail is configured: at the contact address that the given account has, else in the
 * mailbox that it is for. Names nobody, and carries no link.
 *
 * Returns at once, and never fails: neither the answer nor its time tells whether a notice was due.
 */
export function tellMember(context: Context, account: AccountRow, kind: NoticeKind): void {
  setImmediate(() => {
    const contact = openColumn(context.secret, "contact", account.id, account.contact);
    const to = contact || nameOf(account);
    sendNotice(context, { to, language: account.language as Language, kind }).catch(
      // Only the kind of error: its text may quote the address.
      (error: unknown) =>
        context.log.warn({ errorCode: (error as { code?: string }).code }, "a notice could not be queued"),
    );
  });
}
