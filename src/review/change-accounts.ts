import type { Kysely } from "kysely";
import { type AccountRow, tagged } from "../accounts/account.js";
import type { Context } from "../context.js";
import type { Database } from "../db/schema.js";
import { appendPerson, personRow, personStatus, presentRows } from "../people/people.js";
import { genuineRows } from "./keys.js";
import * as queries from "./queries.js";

/** What an act may change of an account. */
export type Change = Partial<Pick<AccountRow, "status" | "role" | "frozen" | "granted" | "edge">>;

const BATCH = 100;
const MAX_TRIES = 40;

/**
 * Changes accounts, each only as it was read; whoever was changed by somebody else meanwhile is read again. Others see
 * the new state in the same transaction.
 *
 * @param decide the change, or undefined for an account that stays as it is
 * @returns the accounts that were changed, as they are now
 */
export async function changeAccounts(
  context: Context,
  db: Kysely<Database>,
  ids: readonly string[],
  decide: (account: AccountRow) => Change | undefined,
): Promise<AccountRow[]> {
  const changed: AccountRow[] = [];
  for (let at = 0; at < ids.length; at += BATCH) {
    let left: readonly string[] = ids.slice(at, at + BATCH);
    for (let tries = 0; left.length > 0; tries++) {
      if (tries === MAX_TRIES) throw new Error("Accounts changed too often to be changed once more.");
      const rows = genuineRows(context, "accounts", await queries.selectAccounts(db, left));
      const decided = rows.flatMap((row) => {
        const change = row.username === "" ? undefined : decide(row);
        return change ? [{ row, next: { ...row, ...change } }] : [];
      });
      const seen = decided.filter(({ row, next }) => personStatus(next) !== personStatus(row)).map(({ row }) => row.id);
      const persons = await presentRows(context, seen, db);
      const changes = decided.map(({ row, next }) => {
        const person = persons.get(row.id);
        // Never a row that somebody else wrote: to tag it anew would make it Kith's.
        const append = person?.version === row.people_version ? person : undefined;
        const version = row.people_version + (append ? 1 : 0);
        return { readTag: row.tag, append, account: tagged(context, { ...next, people_version: version }) };
      });
      const written = new Set(changes.length > 0 ? await queries.updateAccounts(db, changes) : []);
      const done = changes.filter(({ account }) => written.has(account.id));
      for (const { append, account } of done) {
        if (!append) continue;
        const { tag: _old, ...columns } = append;
        const version = account.people_version;
        await appendPerson(db, personRow(context.secret, { ...columns, version, status: personStatus(account) }));
      }
      changed.push(...done.map(({ account }) => account));
      left = changes.filter(({ account }) => !written.has(account.id)).map(({ account }) => account.id);
    }
  }
  return changed;
}
