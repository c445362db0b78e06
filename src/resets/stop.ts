import type { Session } from "../accounts/sessions.js";
import { changeState } from "../accounts/state.js";
import type { Context } from "../context.js";
import { approvalsOf, type CaseRow, isChosen, openCases } from "./cases.js";

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
  const approvals = await approvalsOf(context, session.account, cases);
  return cases.map((row) => ({
    openedDay: row.opening_day,
    chosen: isChosen(row),
    choiceDay: row.choice_day ?? undefined,
    agreed: approvals(row).length,
    lostSecondStep: row.lost_second_step,
  }));
}

/**
 * Stops every reset of the account of this session: regenerating ends them all.
 *
 * @returns how many there were, and who had agreed to one of them
 * @throws StaleKeyError if a reset was completed just before
 */
export async function stopResets(
  context: Context,
  session: Session,
): Promise<{ count: number; agreed: readonly string[] }> {
  const { outcome, account } = await changeState(context, session, async (_state, stopped) => {
    const agreed = new Set(stopped.flatMap((one) => one.agreed));
    const outcome = { count: toldCount(stopped.map(({ row }) => row)), agreed: [...agreed].sort() };
    return { store: true, outcome, extras: { tellsOfCases: true } };
  });
  session.account = account;
  return outcome;
}

/** As the pages count them: while a password is chosen in one, links that nobody used don't count. */
function toldCount(cases: readonly CaseRow[]): number {
  return cases.filter(isChosen).length || cases.length;
}
