import type { Session } from "../accounts/sessions.js";
import { changeState } from "../accounts/state.js";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import { approvalsOf, openCases } from "./cases.js";
import { sendResetNotice } from "./notices.js";

/** A reset of one's own password that is under way, as an open session may see it. */
export interface OwnCase {
  openedDay: string;
  chosen: boolean;
  choiceDay: string | undefined;
  agreed: number;
  lostSecondStep: boolean;
}

/** Every reset under way for the account of this session. */
export async function ownCases(context: Context, session: Session): Promise<OwnCase[]> {
  const cases = await openCases(context, session.account);
  if (cases.length === 0) return [];
  const approvals = await approvalsOf(context, session.account, cases);
  return cases.map((row) => ({
    openedDay: row.opening_day,
    chosen: row.choice_day !== null,
    choiceDay: row.choice_day ?? undefined,
    agreed: approvals.get(row.id)?.length ?? 0,
    lostSecondStep: row.lost_second_step,
  }));
}

/**
 * Stops every reset of the account of this session: regenerating ends them all.
 *
 * @returns how many there were
 * @throws StaleKeyError if a reset was completed just before
 */
export async function stopResets(context: Context, session: Session): Promise<number> {
  const cases = await openCases(context, session.account);
  const { account } = await changeState(context, session.account.id, await session.privateKey(), async (state) => {
    const day = dayOf(context.clock());
    for (const row of cases) {
      state.record.events.push({ kind: "reset-stopped", day, values: { opened: row.opening_day } });
    }
    return { store: true, outcome: undefined };
  });
  session.account = account;
  if (cases.length > 0) await sendResetNotice(context, account, "stopped");
  return cases.length;
}
