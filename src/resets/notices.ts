import type { AccountRow } from "../accounts/account.js";
import { tellMember } from "../accounts/notices.js";
import type { Context } from "../context.js";

/** What happened to a reset, for a notice by mail. */
export type ResetNotice = "opened" | "chosen" | "completed" | "stopped" | "expired";

/** Tells the member by mail what happened to a reset of theirs. Returns at once. */
export function sendResetNotice(context: Context, account: AccountRow, notice: ResetNotice): void {
  tellMember(context, account, `reset-${notice}`);
}
