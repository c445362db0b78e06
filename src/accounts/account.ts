import type { Context } from "../context.js";
import { hasValidTag, tagRow } from "../protocol/tag.js";
import * as queries from "./queries.js";

export type AccountRow = queries.AccountRow;

export { hasAdmin, hasMembers } from "./queries.js";

/** `ada@example.org` */
export function nameOf(account: Pick<AccountRow, "username" | "domain">): string {
  return `${account.username}@${account.domain}`;
}

/** The row with its tag; every write of an account goes through here. */
export function tagged(context: Pick<Context, "secret">, account: Omit<AccountRow, "tag">): AccountRow {
  const { tag: _old, ...columns } = account as AccountRow;
  return { ...columns, tag: tagRow(context.secret, "accounts", columns) };
}

function genuine(context: Context, account: AccountRow | undefined): AccountRow | undefined {
  if (!account || hasValidTag(context.secret, "accounts", { ...account })) return account;
  reportForgery(context, "accounts");
  return undefined;
}

/** A row without its valid tag is as good as absent. Admins find the number of such rows in log and metrics. */
export function reportForgery(context: Pick<Context, "log" | "forgedRows">, table: string): void {
  context.forgedRows.set(table, (context.forgedRows.get(table) ?? 0) + 1);
  context.log.error({ table }, "a row does not bear Kith's tag: somebody wrote to the database");
}

/** The account of a name, or the decoy account; undefined only if a forged row stands there. */
export async function findAccountOrDecoy(
  context: Context,
  domain: string,
  username: string,
): Promise<AccountRow | undefined> {
  const { accountId } = context.decoys;
  return genuine(context, await queries.selectAccountOrDecoy(context.db, domain, username, accountId));
}

export async function findAccountByName(
  context: Context,
  domain: string,
  username: string,
): Promise<AccountRow | undefined> {
  const account = await findAccountOrDecoy(context, domain, username);
  return account?.id === context.decoys.accountId ? undefined : account;
}

export async function findAccount(context: Context, id: string): Promise<AccountRow | undefined> {
  return genuine(context, await queries.selectAccount(context.db, id));
}
