import type { Kysely } from "kysely";
import type { AccountRow } from "../accounts/account.js";
import { findAccount, reportForgery } from "../accounts/account.js";
import type { Context } from "../context.js";
import { addDays, dayOf } from "../days.js";
import type { Database } from "../db/schema.js";
import { equalBytes } from "../protocol/bytes.js";
import { openApproval, openPendingRules } from "../protocol/case.js";
import { fingerprintOf, type PrivateKey, readPublicKey } from "../protocol/keypair.js";
import { hasValidTag } from "../protocol/tag.js";
import type { Rules } from "../protocol/token.js";
import { caseWords, type FourWords } from "../protocol/words.js";
import { sealResetEnded } from "../review/events.js";
import { type ResetNotice, sendResetNotice } from "./notices.js";
import * as queries from "./queries.js";

/** Every case ends by itself after so many days, whatever its wait: a date of its own would tell the wait. */
export const MAX_CASE_DAYS = 44;
/** How long it takes at least when the second step was lost too. */
export const LOST_SECOND_STEP_DAYS = 3;

/** How many days a case waits, whatever its rules say at least so many if the second step was lost too. */
export function waitDaysOf(rules: Pick<Rules, "waitDays">, lostSecondStep: boolean): number {
  return Math.max(rules.waitDays, lostSecondStep ? LOST_SECOND_STEP_DAYS : 0);
}

/** The last day on which a password can be chosen: one chosen later could not take effect before the case expires. */
export function lastChoiceDay(row: Pick<CaseRow, "expiry_day">, rules: Pick<Rules, "waitDays">): string {
  return addDays(row.expiry_day, -rules.waitDays);
}

export type CaseRow = queries.CaseRow;

/** A case in which a password was chosen: all three are written in one statement, under one tag. */
export type ChosenCase = CaseRow & {
  pending_public_key: Uint8Array;
  pending_locked_key: Uint8Array;
  choice_day: string;
};

export function isChosen(row: CaseRow): row is ChosenCase {
  return row.choice_day !== null;
}

/** All cases of an account as they are stored. */
export async function storedCases(context: Context, accountId: string): Promise<CaseRow[]> {
  return await queries.selectCases(context.db, accountId);
}

/** The same among decoys that never count: S rows at least, for where nobody may learn whether there are cases. */
export async function storedCasesAmongDecoys(context: Context, accountId: string): Promise<CaseRow[]> {
  return await queries.selectCasesAmongDecoys(context.db, accountId, context.decoys.case, context.config.trustSlots);
}

/** The cases of an account that count: Kith's own, of the present generation, not expired. */
export async function openCases(context: Context, account: AccountRow): Promise<CaseRow[]> {
  const rows = await queries.selectCases(context.db, account.id);
  return countingCases(context, rows, account);
}

/** The same at a sign-in to that account, or a change of it: what is not Kith's is reported. */
export async function openOwnCases(context: Context, account: AccountRow): Promise<CaseRow[]> {
  return countingOwnCases(context, await queries.selectCases(context.db, account.id), account);
}

/** What a sign-in finds: the cases that count, and whether one ran out that is not swept yet. */
export async function casesAtSignIn(
  context: Context,
  account: AccountRow,
): Promise<{ cases: CaseRow[]; ranOut: boolean }> {
  const rows = await queries.selectCases(context.db, account.id);
  const present = rows.filter((row) => isOfPresent(context, row, account));
  const cases = countingOwnCases(context, rows, account);
  return { cases, ranOut: present.length > cases.length };
}

function isOfPresent(context: Context, row: CaseRow, account: AccountRow): boolean {
  return hasValidTag(context.secret, "reset_cases", { ...row }) && equalBytes(row.generation, account.generation);
}

/** Of the rows under an account's id, which the tag holds to it, those that count. */
export function countingCases(context: Context, rows: readonly CaseRow[], account: AccountRow): CaseRow[] {
  const today = dayOf(context.clock());
  return rows.filter((row) => isOfPresent(context, row, account) && row.expiry_day >= today);
}

export function countingOwnCases(context: Context, rows: readonly CaseRow[], account: AccountRow): CaseRow[] {
  for (const row of rows) {
    if (!hasValidTag(context.secret, "reset_cases", { ...row })) reportForgery(context, "reset_cases");
  }
  return countingCases(context, rows, account);
}

/** Who has approved a case: rows that do not count are left out. */
export type Approvals = (row: CaseRow) => queries.ApprovalRow[];

export async function approvalsOf(
  context: Context,
  account: AccountRow,
  cases: readonly CaseRow[],
): Promise<Approvals> {
  return countingApprovals(context, await storedApprovals(context, cases), account);
}

/** The same at a sign-in to that account, or a change of it: what is not Kith's is reported. */
export async function ownApprovalsOf(
  context: Context,
  account: AccountRow,
  cases: readonly CaseRow[],
): Promise<Approvals> {
  const rows = await storedApprovals(context, cases);
  for (const row of rows) {
    if (!hasValidTag(context.secret, "approvals", { ...row })) reportForgery(context, "approvals");
  }
  return countingApprovals(context, rows, account);
}

async function storedApprovals(context: Context, cases: readonly CaseRow[]): Promise<queries.ApprovalRow[]> {
  return await queries.selectApprovals(
    context.db,
    cases.map((row) => row.id),
  );
}

function countingApprovals(context: Context, rows: readonly queries.ApprovalRow[], account: AccountRow): Approvals {
  const good = rows.filter(
    (row) => hasValidTag(context.secret, "approvals", { ...row }) && equalBytes(row.generation, account.generation),
  );
  // Whoever may change the tables can store one twice.
  const once = [...new Map(good.map((row) => [`${row.case_id} ${row.row_id}`, row])).values()];
  return ({ id }) => once.filter((row) => row.case_id === id);
}

export async function wordsOf(row: ChosenCase): Promise<FourWords> {
  return caseWords(row.id, fingerprintOf(await readPublicKey(row.pending_public_key)));
}

/** How a case stands, as somebody who knows the new password may learn it. */
export interface Standing {
  ripe: boolean;
  threshold: number;
  agreed: number;
  waitDays: number;
  /** `YYYY-MM-DD`: the first day on which the new password can take effect. */
  earliest: string;
  waitOver: boolean;
  /** Days still to wait, rounded up. */
  daysLeft: number;
  choiceDay: string;
  lostSecondStep: boolean;
  words: FourWords;
  keepsKey: boolean;
  /** Shares of the escrow key, one for each approval. */
  shares: Uint8Array[];
}

const DAY_MILLISECONDS = 86_400_000;

/**
 * Judges a case with the pending key: who has agreed, and how long it still takes.
 *
 * The rules are those inside the approvers' tokens. The wait counts from the moment of the choice, which only the
 * pending key opens.
 *
 * @returns undefined if the case does not open, or approvals contradict it: then it can't ripen
 */
export async function judge(
  context: Context,
  account: AccountRow,
  row: ChosenCase,
  pendingKey: PrivateKey,
): Promise<Standing | undefined> {
  const rules = await openPendingRules(row.rules, pendingKey);
  if (!rules) return undefined;
  const approvals = await ownApprovalsOf(context, account, [row]);
  const opened = await Promise.all(approvals(row).map((approval) => openApproval(approval.sealed, pendingKey)));
  const shares: Uint8Array[] = [];
  for (const approval of opened) {
    if (
      approval?.rules.threshold !== rules.threshold ||
      approval.rules.waitDays !== rules.waitDays ||
      approval.rules.keepsKey !== rules.keepsKey
    ) {
      return undefined;
    }
    shares.push(approval.share);
  }
  const waitDays = waitDaysOf(rules, row.lost_second_step);
  const over = rules.chosenAt + waitDays * DAY_MILLISECONDS;
  const left = over - context.clock().getTime();
  const waitOver = left <= 0;
  return {
    ripe: waitOver && shares.length >= rules.threshold,
    threshold: rules.threshold,
    agreed: shares.length,
    waitDays,
    earliest: addDays(row.choice_day, waitDays),
    waitOver,
    daysLeft: Math.max(0, Math.ceil(left / DAY_MILLISECONDS)),
    choiceDay: row.choice_day,
    lostSecondStep: row.lost_second_step,
    words: await wordsOf(row),
    keepsKey: rules.keepsKey,
    shares,
  };
}

/** How many resets are under way, for those who watch over the service. */
export async function countOpenCases(context: Context): Promise<number> {
  return await queries.countCases(context.db, dayOf(context.clock()));
}

/** Removes what has expired, and tells whose it was that it ended; run hourly. */
export async function sweepCases(context: Context): Promise<void> {
  const owners = await context.db
    .transaction()
    .execute(async (db) => await noteEnded(context, db, await queries.deleteExpiredCases(db, dayOf(context.clock()))));
  tellEnded(context, owners, "expired");
}

/**
 * Ends the resets of members who are suspended, in the transaction that does it: they could not stop them, and the wait
 * would run out meanwhile.
 *
 * @returns whom to tell of it by mail once that is done
 */
export async function endCases(
  context: Context,
  db: Kysely<Database>,
  accountIds: readonly string[],
): Promise<AccountRow[]> {
  return await noteEnded(context, db, await queries.deleteCases(db, accountIds));
}

/** Seals to each member whose resets counted that they ended without them: the next sign-in tells it. */
async function noteEnded(context: Context, db: Kysely<Database>, ended: readonly CaseRow[]): Promise<AccountRow[]> {
  const owners = new Map<string, AccountRow>();
  for (const row of ended) {
    const account = owners.get(row.trusting_id) ?? (await findAccount({ ...context, db }, row.trusting_id));
    if (account && isOfPresent(context, row, account)) owners.set(account.id, account);
  }
  await sealResetEnded(context, db, [...owners.keys()]);
  return [...owners.values()];
}

/** Tells members by mail that a reset of theirs has ended. Returns at once. */
export function tellEnded(
  context: Context,
  owners: readonly AccountRow[],
  how: Extract<ResetNotice, "expired" | "stopped">,
): void {
  for (const account of owners) sendResetNotice(context, account, how);
}
