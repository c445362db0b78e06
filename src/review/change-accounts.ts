import type { Kysely } from "kysely";
import { type AccountRow, genuineAccounts, reportForgery, tagged } from "../accounts/account.js";
import type { Context } from "../context.js";
import type { Database } from "../db/schema.js";
import { appendPerson, nextVersions, personRow, personStatus, presentRows, standIn } from "../people/people.js";
import { ask } from "../seen.js";
import * as queries from "./queries.js";

/** What an act may change of an account. */
export type Change = Partial<Pick<AccountRow, "status" | "role" | "frozen" | "granted" | "edge" | "session_epoch">>;

const BATCH = 100;

/**
 * What decides what an account may do is appended to `people` as well, even where others see no difference: the row of
 * before, put back alone, then does not fit.
 */
function isAppended(row: AccountRow, next: AccountRow): boolean {
  return row.role !== next.role || row.frozen !== next.frozen || personStatus(row) !== personStatus(next);
}
const MAX_TRIES = 40;

const READ_AT_ONCE = 500;

/** Reads once what was changed, when that is committed: whoever did so first would leave a trace in the row's page. */
export async function readAsWriter(context: Context, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += READ_AT_ONCE) {
    const some = ids.slice(at, at + READ_AT_ONCE);
    await queries.selectAccounts(context.db, some);
    await presentRows(context, some);
  }
}

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
      const asked = ask(context);
      const rows = await genuineAccounts(context, await queries.selectAccounts(db, left), db, asked);
      const decided = rows.flatMap((row) => {
        const change = row.username === "" ? undefined : decide(row);
        return change ? [{ row, next: { ...row, ...change } }] : [];
      });
      const seen = await nextVersions(
        context,
        decided.filter(({ row, next }) => isAppended(row, next)).map(({ row }) => row),
        db,
      );
      const present = decided.filter(({ row }) => !seen.get(row.id)?.isNewer); // the others were changed since
      const changes = await Promise.all(
        present.map(async ({ row, next }) => {
          const person = seen.get(row.id);
          const base = person && (person.base ?? (await standIn(context, row)));
          const account = tagged(context, { ...next, people_version: person?.version ?? row.people_version });
          return { readTag: row.tag, person, base, account };
        }),
      );
      const written = new Set(changes.length > 0 ? await queries.updateAccounts(db, changes) : []);
      const done = changes.filter(({ account }) => written.has(account.id));
      for (const { person, base, account } of done) {
        if (person?.isDamaged) reportForgery(context, "people");
        if (!person || !base) continue;
        const seenAs = { ...base, version: person.version, status: personStatus(account) };
        await appendPerson(db, personRow(context.secret, seenAs), person);
      }
      changed.push(...done.map(({ account }) => account));
      left = decided.filter(({ row }) => !written.has(row.id)).map(({ row }) => row.id);
    }
  }
  return changed;
}
