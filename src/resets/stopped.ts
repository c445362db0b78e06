import type { PrivateState } from "../accounts/state.js";
import { labelOfFull } from "../accounts/username.js";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import { type CaseRow, ownApprovalsOf } from "./cases.js";

/** Who of A's people has agreed to each of these cases, as A's own list names them. */
export async function whoAgreed(
  context: Context,
  state: Pick<PrivateState, "account" | "trusted">,
  cases: readonly CaseRow[],
): Promise<string[][]> {
  const approvals = await ownApprovalsOf(context, state.account, cases);
  const nameOfRow = new Map(state.trusted.map((trusted) => [trusted.rowId, labelOfFull(context, trusted.name)]));
  return cases.map((row) =>
    approvals(row)
      .flatMap((approval) => nameOfRow.get(approval.row_id) ?? [])
      .sort(),
  );
}

/** A sign-in or a change ends every case: who began or agreed to one is told to its target. */
export async function noteStoppedCases(
  context: Context,
  state: PrivateState,
  cases: readonly CaseRow[],
  by: "sign-in" | "change",
): Promise<void> {
  if (cases.length === 0) return;
  for (const agreed of await whoAgreed(context, state, cases)) {
    const day = dayOf(context.clock());
    state.record.told.push({ kind: "reset-stopped", day, values: { agreed: agreed.join(" "), by } });
    state.record.events.push({ kind: "reset-stopped", day });
  }
}
