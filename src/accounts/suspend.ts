import type { Context } from "../context.js";
import {
  appendPerson,
  type NextVersion,
  nextVersions,
  personRow,
  personStatus,
  readPersonAsWriter,
  standIn,
} from "../people/people.js";
import { newSessionEpoch } from "../protocol/generation.js";
import { endCases, tellEnded } from "../resets/cases.js";
import { type AccountRow, findAccountByName, findOwnAccount, reportForgery, tagged } from "./account.js";
import { writeAccount } from "./queries.js";
import type { Name } from "./username.js";

/**
 * Suspends or reinstates an account: it can't sign in or help, and its sessions and resets are over.
 *
 * @returns `"same"` if it stands so already
 */
export async function setStatus(
  context: Context,
  name: Name,
  status: AccountRow["status"],
): Promise<"done" | "same" | "unknown"> {
  for (;;) {
    const account = await findAccountByName(context, name.domain, name.username);
    if (!account) return "unknown";
    if (account.status === status) return "same";
    const next = (await nextVersions(context, [account])).get(account.id) as NextVersion;
    const { base, version, isDamaged } = next;
    const person = base ?? (await standIn(context, account));
    let ended: AccountRow[] = [];
    const done = await context.db.transaction().execute(async (transaction) => {
      // For good, also if the account is reinstated.
      const epoch = status === "suspended" ? newSessionEpoch() : account.session_epoch;
      const changed = tagged(context, { ...account, status, session_epoch: epoch, people_version: version });
      if (!(await writeAccount(transaction, account.tag, changed))) return false;
      const seen = { ...person, version, status: personStatus(changed) };
      await appendPerson(transaction, personRow(context.secret, seen), next);
      if (status === "suspended") ended = await endCases(context, transaction, [account.id]);
      return true;
    });
    if (done) {
      if (isDamaged) reportForgery(context, "people");
      // Whoever reads it first would leave a trace in its page.
      await Promise.all([readPersonAsWriter(context, account.id), findOwnAccount(context, account.id)]);
      tellEnded(context, ended, "stopped");
      return "done";
    }
  }
}

/**
 * Changes single columns of one's own account that are not part of the private state: language, contact address,
 * second step.
 */
export async function changeColumns(
  context: Context,
  accountId: string,
  columns: Partial<Pick<AccountRow, "language" | "contact" | "second_step">>,
): Promise<AccountRow | undefined> {
  for (;;) {
    const account = await findOwnAccount(context, accountId);
    if (!account) return undefined;
    const changed = tagged(context, { ...account, ...columns });
    if (await writeAccount(context.db, account.tag, changed)) return changed;
  }
}
