import type { Context } from "../context.js";
import { hasValidTag, tagRow } from "../protocol/tag.js";
import * as queries from "./queries.js";

export type AccountRow = queries.AccountRow;

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
export function reportForgery(context: Context, table: string): void {
  context.log.error({ table }, "a row does not bear Kith's tag: somebody wrote to the database");
}

export async function findAccountByName(
  context: Context,
  domain: string,
  username: string,
): Promise<AccountRow | undefined> {
  return genuine(context, await queries.selectAccountByName(context.db, domain, username));
}

export async function findAccount(context: Context, id: string): Promise<AccountRow | undefined> {
  return genuine(context, await queries.selectAccount(context.db, id));
}
