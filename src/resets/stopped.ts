import type { PrivateState } from "../accounts/state.js";
import { labelOfFull } from "../accounts/username.js";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import { type CaseRow, ownApprovalsOf } from "./cases.js";

/** A case that a sign-in or a change is about to end, and who had agreed to it. */
export interface StoppedCase {
  row: CaseRow;
  agreed: string[];
}

/**
 * Who of A's people has agreed to each of these cases, as A's own list names them.
 *
 * @param state as it was read: whoever is taken off the list by what ends the case has agreed all the same
 */
export async function withAgreed(
  context: Context,
  state: Pick<PrivateState, "account" | "trusted">,
  cases: readonly CaseRow[],
): Promise<StoppedCase[]> {
  const nameOfRow = new Map(state.trusted.map((trusted) => [trusted.rowId, labelOfFull(context, trusted.name)]));
  const approvals = await ownApprovalsOf(context, state.account, cases);
  return cases.map((row) => ({
    row,
    agreed: approvals(row)
      .flatMap((approval) => nameOfRow.get(approval.row_id) ?? [])
      .sort(),
  }));
}

/**
 * Notes for its owner that a reset was stopped: in the list of what happened, and for the next first page.
 *
 * @param by undefined where whoever stops it tells so at once: then the first page need not
 */
export function noteStopped(
  context: Context,
  { record }: Pick<PrivateState, "record">,
  stopped: readonly StoppedCase[],
  by: "sign-in" | "change" | undefined,
): void {
  const now = context.clock();
  const day = dayOf(now);
  for (const { agreed } of stopped) {
    record.events.push({ kind: "reset-stopped", day });
    // Two of one day are two.
    const values = { agreed: agreed.join(" "), at: now.getTime() };
    if (by) record.told.push({ kind: "reset-stopped", day, values: { ...values, by } });
  }
}
