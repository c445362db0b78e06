import { randomUUID } from "node:crypto";
import { type AccountRow, findAccount, reportForgery } from "../accounts/account.js";
import type { Session } from "../accounts/sessions.js";
import { labelOf, parseName } from "../accounts/username.js";
import type { Context } from "../context.js";
import { addDays, dayOf, weekOf } from "../days.js";
import { findPersonByName } from "../people/people.js";
import { equalBytes } from "../protocol/bytes.js";
import { formatLinkSecret, linkHash, newLinkSecret, sealApproval, sealRulesToLink } from "../protocol/case.js";
import { hasValidTag, tagRow } from "../protocol/tag.js";
import { proveToken, type Rules, type Token } from "../protocol/token.js";
import type { FourWords } from "../protocol/words.js";
import {
  approvalsOf,
  type CaseRow,
  type ChosenCase,
  countingCases,
  isChosen,
  lastChoiceDay,
  MAX_CASE_DAYS,
  openCases,
  storedCases,
  waitDaysOf,
  wordsOf,
} from "./cases.js";
import { sendResetNotice } from "./notices.js";
import * as queries from "./queries.js";

/** One reset to compare words for. */
export interface ComparableCase {
  id: string;
  words: FourWords;
  choiceDay: string;
  agreed: number;
  lostSecondStep: boolean;
  waitDays: number;
  /** Whether the row of the one who asks has approved it already. */
  approvedByMe: boolean;
}

export type HelpOutcome =
  /** Unknown, not trusted, suspended, changed at this very moment: one answer. */
  | { outcome: "none" }
  | { outcome: "opened"; username: string; rules: Rules; link: string; expiryDay: string }
  /** The link is handed over, and nothing is chosen yet. */
  | { outcome: "nothing-chosen"; username: string; rules: Rules; expiryDay: string }
  | {
      outcome: "compare";
      username: string;
      rules: Rules;
      cases: ComparableCase[];
      /** A link of this helper's own, if asking opened a case beside those that are there. */
      fresh: { link: string; expiryDay: string } | undefined;
    };

/** A right to help that was proven just now. */
interface Proof {
  account: AccountRow;
  /** The account's cases as they are stored, and those that count. */
  stored: CaseRow[];
  cases: CaseRow[];
  rowId: string;
  token: Token;
}

/**
 * Proves that the helper is trusted by whoever bears the name.
 *
 * The same work for a member who trusts the helper, one who does not, one who is suspended, and nobody: S trials.
 */
async function prove(context: Context, helper: Session, typedName: string): Promise<Proof | undefined> {
  const name = parseName(typedName, context.config.domains);
  const [person, privateKey] = await Promise.all([
    findPersonByName(context, name?.domain ?? "", name?.username ?? "-"),
    helper.privateKey(),
  ]);
  const relations = await queries.selectRelations(context.db, person?.id ?? context.decoys.accountId);
  const genuine = relations.filter((row) => hasValidTag(context.secret, "relations", { ...row }));
  // Somebody suspended has the rows of nobody: one that opens would take longer than one that does not.
  const complete = genuine.length === context.config.trustSlots && person?.status !== "suspended";
  const rows = complete ? genuine : context.decoys.rows;
  const match = await proveToken(privateKey, rows, context.config.trustSlots);
  if (!match || !complete || person?.status !== "active") return undefined;
  const [account, stored] = await Promise.all([findAccount(context, person.id), storedCases(context, person.id)]);
  if (account?.status !== "active" || !equalBytes(match.row.generation, account.generation)) return undefined;
  const cases = countingCases(context, stored, account);
  return { account, stored, cases, rowId: match.row.id, token: match.token };
}

/**
 * "Help someone": opens a case for the helper's row if it has none, and makes its link; shows every case in which a
 * password was chosen.
 *
 * @param again start anew, replacing the case that this helper's row may have
 */
export async function help(context: Context, helper: Session, typedName: string, again: boolean): Promise<HelpOutcome> {
  const proof = await prove(context, helper, typedName);
  if (!proof) return { outcome: "none" };
  const { account, cases, rowId, token } = proof;
  const username = labelOf(context, account);
  const { rules } = token;
  const mine = cases.find((row) => row.row_id === rowId);
  const chosen = cases.filter(isChosen);
  const isAsked = again || !mine;
  const fresh = isAsked ? await openCase(context, proof) : undefined;
  if (isAsked && !fresh) return { outcome: "none" };
  if (fresh && (again || chosen.length === 0)) return { outcome: "opened", username, rules, ...fresh };
  if (chosen.length === 0) {
    return { outcome: "nothing-chosen", username, rules, expiryDay: lastChoiceDay(mine as CaseRow, rules) };
  }
  return { outcome: "compare", username, rules, cases: await comparable(context, account, chosen, proof), fresh };
}

async function comparable(
  context: Context,
  account: AccountRow,
  chosen: readonly ChosenCase[],
  { rowId, token }: Proof,
): Promise<ComparableCase[]> {
  const approvals = await approvalsOf(context, account, chosen);
  return await Promise.all(
    chosen.map(async (row) => ({
      id: row.id,
      words: await wordsOf(row),
      choiceDay: row.choice_day,
      agreed: approvals(row).length,
      lostSecondStep: row.lost_second_step,
      waitDays: waitDaysOf(token.rules, row.lost_second_step),
      approvedByMe: approvals(row).some((approval) => approval.row_id === rowId),
    })),
  );
}

/**
 * Opening approves nothing: it makes a link with which a password can be chosen.
 *
 * @returns undefined if the account was changed since the proof: the row that was proven is gone
 */
async function openCase(
  context: Context,
  { account, stored, rowId, token }: Proof,
): Promise<{ link: string; expiryDay: string } | undefined> {
  const secret = newLinkSecret();
  const id = randomUUID();
  const today = dayOf(context.clock());
  const columns = {
    id,
    trusting_id: account.id,
    row_id: rowId,
    generation: account.generation,
    link_hash: linkHash(secret),
    rules: sealRulesToLink(token.rules, secret, id),
    pending_public_key: null,
    pending_locked_key: null,
    opening_day: today,
    choice_day: null,
    lost_second_step: false,
    expiry_day: addDays(today, MAX_CASE_DAYS),
  };
  const tag = tagRow(context.secret, "reset_cases", columns);
  if (!(await queries.replaceCase(context.db, { ...columns, tag }))) return undefined;
  // Of another case than the one that has just been replaced, the moment would tell that somebody is about to help.
  const replaced = stored.filter((row) => row.row_id === rowId);
  if (!replaced.every((row) => hasValidTag(context.secret, "reset_cases", { ...row }))) {
    reportForgery(context, "reset_cases");
  }
  await queries.countCase(context.db, weekOf(today), "opened");
  sendResetNotice(context, account, "opened");
  return { link: formatLinkSecret(secret), expiryDay: lastChoiceDay(columns, token.rules) };
}

export type ApproveOutcome =
  /** Also where this case is not there: else a made-up one would tell who trusts whom, and nobody would notice. */
  | { outcome: "none" }
  /** The case ended in this moment. */
  | { outcome: "ended" }
  | {
      outcome: "agreed";
      username: string;
      agreed: number;
      threshold: number;
      chosen: string;
      earliest: string;
      waitDays: number;
    };

/**
 * "They match": a trusted person agrees to one case, once. The rules are those inside the token, proven anew.
 */
export async function approve(
  context: Context,
  helper: Session,
  typedName: string,
  caseId: string,
): Promise<ApproveOutcome> {
  const proof = await prove(context, helper, typedName);
  if (!proof) return { outcome: "none" };
  const { account, cases, rowId, token } = proof;
  const row = cases.find((open) => open.id === caseId);
  if (!row || !isChosen(row)) return { outcome: "none" };
  const columns = {
    case_id: row.id,
    row_id: rowId,
    generation: account.generation,
    sealed: await sealApproval(token, row.pending_public_key),
  };
  const written = await queries.insertApproval(context.db, {
    ...columns,
    tag: tagRow(context.secret, "approvals", columns),
  });
  // The account may have been regenerated between the proof and the approval: then the case is over.
  const present = await findAccount(context, account.id);
  const stillOpen = written !== "ended" && present ? await openCases(context, present) : [];
  if (!stillOpen.some((open) => open.id === row.id)) return { outcome: "ended" };
  const waitDays = waitDaysOf(token.rules, row.lost_second_step);
  const approvals = await approvalsOf(context, account, [row]);
  return {
    outcome: "agreed",
    username: labelOf(context, account),
    agreed: approvals(row).length,
    threshold: token.rules.threshold,
    chosen: row.choice_day,
    earliest: addDays(row.choice_day, waitDays),
    waitDays,
  };
}
