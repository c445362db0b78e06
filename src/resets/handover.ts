import { randomUUID } from "node:crypto";
import { type AccountRow, findAccount, nameOf } from "../accounts/account.js";
import { checkPassword, type PasswordFault } from "../accounts/password-policy.js";
import { labelOf } from "../accounts/username.js";
import type { Context } from "../context.js";
import { addDays, dayOf, monthStart } from "../days.js";
import {
  type CaseRules,
  deadLinkHash,
  linkHash,
  openRulesOfLink,
  parseLinkSecret,
  sealRulesToPending,
} from "../protocol/case.js";
import { makeKeypair, readPrivateKey } from "../protocol/keypair.js";
import { lockPrivateKey } from "../protocol/lock.js";
import { parseParameters } from "../protocol/password.js";
import { tagRow } from "../protocol/tag.js";
import { caseWords, type FourWords } from "../protocol/words.js";
import { type CaseRow, countingCases, lastChoiceDay, waitDaysOf } from "./cases.js";
import { sendResetNotice } from "./notices.js";
import * as queries from "./queries.js";

/** A link that is alive: what its page may know. */
export interface Handover {
  account: AccountRow;
  /** `ada` */
  username: string;
  /** `ada@example.org` */
  name: string;
  rules: CaseRules;
}

interface LiveCase extends Handover {
  row: CaseRow;
}

/** The same work for every link, alive or dead, and whatever it died of: on a decoy where there is no case. */
async function findLive(context: Context, linkText: string): Promise<LiveCase | undefined> {
  const secret = parseLinkSecret(linkText);
  const decoy = context.decoys.case;
  const row = await queries.selectCaseByLink(context.db, secret ? linkHash(secret) : deadLinkHash(), decoy);
  const isFound = row.id !== decoy.id;
  const account = await findAccount(context, isFound ? row.trusting_id : context.decoys.accountId);
  const counts = account !== undefined && countingCases(context, [row], account).length > 0;
  const rules = openRulesOfLink(row.rules, secret ?? deadLinkHash(), row.id);
  if (account?.status !== "active" || !counts || !rules) return undefined;
  if (dayOf(context.clock()) > lastChoiceDay(row, rules)) return undefined;
  return {
    row,
    account,
    username: labelOf(context, account),
    name: nameOf(account),
    rules,
  };
}

/** @returns undefined for a link that is unknown, used, expired or stopped: one answer */
export async function findHandover(context: Context, linkText: string): Promise<Handover | undefined> {
  return await findLive(context, linkText);
}

export type ChooseOutcome =
  | { outcome: "dead" }
  | { outcome: "fault"; fault: PasswordFault; handover: Handover }
  | { outcome: "chosen"; username: string; words: FourWords; rules: CaseRules; waitDays: number; earliest: string };

/**
 * The locked-out member chooses a password. Whoever comes first does, once; the link is then dead for everybody.
 *
 * The password is locked to a pending keypair; nothing of the account changes.
 *
 * @throws BusyError if too many are waiting
 */
export async function choosePassword(
  context: Context,
  linkText: string,
  password: string,
  lostSecondStep: boolean,
): Promise<ChooseOutcome> {
  const live = await findLive(context, linkText);
  if (!live) return { outcome: "dead" };
  const { account, row, rules } = live;
  const waitDays = waitDaysOf(rules, lostSecondStep);
  if (dayOf(context.clock()) > lastChoiceDay(row, { waitDays })) return { outcome: "dead" };
  const { passwordMin, domains, name: serviceName } = context.config;
  const fault = checkPassword(password, passwordMin, { username: account.username, domains, serviceName });
  if (fault) return { outcome: "fault", fault, handover: live };

  const now = context.clock();
  const parameters = parseParameters(account.parameters) ?? context.config.argon2;
  // Under the account's own salt and parameters: one run at sign-in serves present and pending keys.
  const [unlockKey, pair] = await Promise.all([
    context.hashing.unlockKey(password, account.salt, parameters),
    makeKeypair(account.id, monthStart(now)),
  ]);
  const pendingKey = await readPrivateKey(pair.privateKey);
  const chosen = { ...rules, chosenAt: now.getTime() };
  const { tag: _tag, ...before } = row;
  const columns = {
    ...before,
    // From now on the id names this choice: no row of that id, and no yes to it, can be for another password.
    id: randomUUID(),
    link_hash: deadLinkHash(),
    rules: await sealRulesToPending(chosen, pair.publicKey),
    pending_public_key: pair.publicKey,
    pending_locked_key: await lockPrivateKey(pendingKey, unlockKey, context.secret, account.id),
    choice_day: dayOf(now),
    lost_second_step: lostSecondStep,
  };
  const written = await queries.updateCase(context.db, row, {
    ...columns,
    tag: tagRow(context.secret, "reset_cases", columns),
  });
  if (!written) return { outcome: "dead" };
  sendResetNotice(context, account, "chosen");
  return {
    outcome: "chosen",
    username: labelOf(context, account),
    words: caseWords(columns.id, pair.fingerprint),
    rules: chosen,
    waitDays,
    earliest: addDays(columns.choice_day, waitDays),
  };
}
