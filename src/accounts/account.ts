import type { Context } from "../context.js";
import type { StoredAccount } from "../db/stored-account.js";
import { hasValidTag, tagRow } from "../protocol/tag.js";
import { ask, cameBack } from "../seen.js";
import * as queries from "./queries.js";

export type AccountRow = queries.AccountRow;

export { hasAdmin, hasMembers } from "./queries.js";

/** `ada@example.org` */
export function nameOf(account: Pick<AccountRow, "username" | "domain">): string {
  return `${account.username}@${account.domain}`;
}

/** Whether an account is frozen for inviting, or for signing in. */
export function isFrozenFor({ frozen }: Pick<AccountRow, "frozen">, what: "inviting" | "sign-in"): boolean {
  return frozen === what || frozen === "both";
}

/** The row with its tag; every write of an account goes through here. */
export function tagged(context: Pick<Context, "secret">, account: Omit<AccountRow, "tag">): AccountRow {
  const { tag: _old, ...columns } = account as AccountRow;
  return { ...columns, tag: tagRow(context.secret, "accounts", columns) };
}

/**
 * The account, if Kith wrote the row and has written no newer one since. Every change of the private state writes all
 * slots anew; what others decide about an account leaves its generation alone, and appends to `people`. So the row as it
 * stood before a suspension or a change of password, put back alone, is as good as absent.
 */
async function genuine(
  context: Context,
  stored: StoredAccount | undefined,
  asked: number,
): Promise<AccountRow | undefined> {
  if (!stored) return undefined;
  const { newest_version: _newest, mixed: _mixed, ...account } = stored;
  const isOld = cameBack(context, account.id, account.people_version, asked);
  const isGood =
    hasValidTag(context.secret, "accounts", { ...account }) && !isOld && !(await isOutdated(context, stored));
  return isGood ? account : undefined;
}

/**
 * Those of the rows that are Kith's and the newest ones.
 *
 * @param asked when they were asked for; default: at a moment that is not known
 */
export async function genuineAccounts(
  context: Context,
  rows: readonly StoredAccount[],
  db: Context["db"] = context.db,
  asked = 0,
): Promise<AccountRow[]> {
  const good: AccountRow[] = [];
  for (const row of rows) {
    const account = await genuine({ ...context, db }, row, asked);
    if (account) good.push(account);
  }
  return good;
}

async function isOutdated(context: Context, stored: StoredAccount): Promise<boolean> {
  const { secret, db } = context;
  if ((stored.newest_version ?? 0) > stored.people_version) {
    const newer = await queries.selectNewerVersions(db, stored);
    if (newer.some((row) => hasValidTag(secret, "people", { ...row }))) return true;
  }
  // Which of the two is the older one can't be told: where slots were put back, the account is closed as well.
  const others = stored.mixed ? await queries.selectOtherSlots(db, stored) : [];
  return others.some((row) => hasValidTag(secret, "relations", { ...row }));
}

/**
 * A row without its valid tag is as good as absent. Admins find the number of such rows in log and metrics.
 *
 * The moment of it must tell nothing: during a request, only rows of the account whose request it is, where it is refused
 * or writes them all anew, and rows that are nobody's. Whatever is met of others is for the inspection to report.
 * @see docs/adr/0014-who-is-told-of-refused-rows.md
 */
export function reportForgery(context: Pick<Context, "log" | "forgedRows">, table: string): void {
  context.forgedRows.set(table, (context.forgedRows.get(table) ?? 0) + 1);
  context.log.error({ table }, "a row does not bear Kith's tag: somebody wrote to the database");
}

/** One's own account, which is refused whatever is asked if its row is not Kith's: that is reported. */
async function reported(
  context: Context,
  stored: StoredAccount | undefined,
  asked: number,
): Promise<AccountRow | undefined> {
  const account = await genuine(context, stored, asked);
  if (stored && !account) reportForgery(context, "accounts");
  return account;
}

/** For a sign-in: the account of a name, or the decoy account; undefined only if a forged row stands there. */
export async function findAccountOrDecoy(
  context: Context,
  domain: string,
  username: string,
): Promise<AccountRow | undefined> {
  const asked = ask(context);
  return await reported(context, await selectByName(context, domain, username), asked);
}

async function selectByName(context: Context, domain: string, username: string): Promise<StoredAccount | undefined> {
  return await queries.selectAccountOrDecoy(context.db, domain, username, context.decoys.accountId);
}

export async function findAccountByName(
  context: Context,
  domain: string,
  username: string,
): Promise<AccountRow | undefined> {
  const asked = ask(context);
  const account = await genuine(context, await selectByName(context, domain, username), asked);
  return account?.id === context.decoys.accountId ? undefined : account;
}

export async function findAccount(context: Context, id: string): Promise<AccountRow | undefined> {
  const asked = ask(context);
  return await genuine(context, await queries.selectAccount(context.db, id), asked);
}

/** The account whose request it is. */
export async function findOwnAccount(context: Context, id: string): Promise<AccountRow | undefined> {
  const asked = ask(context);
  return await reported(context, await queries.selectAccount(context.db, id), asked);
}
