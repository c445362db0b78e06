import { reportForgery } from "../accounts/account.js";
import type { Context } from "../context.js";
import { nextVersions } from "../people/people.js";
import { equalBytes } from "../protocol/bytes.js";
import { NO_INVITER } from "../protocol/letter.js";
import { hasValidTag } from "../protocol/tag.js";
import { readTagged, TAGGED_TABLES, type TaggedTable } from "../rotation/rotate.js";
import { noteVersion } from "../seen.js";
import * as queries from "./queries.js";

/**
 * Looks at every row, whether anybody asked for it or not: whether it bears Kith's tag, and whether it fits the others.
 * What does not is reported as a row that somebody met. Run daily, and at start.
 *
 * It reads all there is, in the order of ids: that tells nothing of anybody.
 */
export async function inspect(context: Context): Promise<void> {
  for (const table of Object.keys(TAGGED_TABLES) as TaggedTable[]) {
    for await (const rows of readTagged(context.db, table)) {
      for (const row of rows) if (!hasValidTag(context.secret, table, row)) reportForgery(context, table);
    }
  }
  for (let after: string | undefined = NO_INVITER; after !== undefined; ) after = await inspectAccounts(context, after);
  const before = { ...context.seen };
  const { acts, review_keys } = await queries.selectHighest(context.db);
  if (acts < before.acts) reportForgery(context, "admin_acts");
  if (review_keys < before.reviewKeys) reportForgery(context, "review_keys");
  context.seen.acts = Math.max(acts, context.seen.acts);
  context.seen.reviewKeys = Math.max(review_keys, context.seen.reviewKeys);
  const missing = await queries.countMissing(context.db, context.config.trustSlots);
  for (const [table, count] of Object.entries(missing)) if (count > 0) reportForgery(context, table);
}

/** Whether accounts, what others see of them, and their slots are of one moment. @returns the last id, or undefined */
async function inspectAccounts(context: Context, after: string): Promise<string | undefined> {
  return await context.db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (db) => {
      const found = await queries.selectAccountsAfter(db, after);
      const genuine = found.filter(({ account }) => hasValidTag(context.secret, "accounts", { ...account }));
      const versions = await nextVersions(
        context,
        genuine.map(({ account }) => account).filter(({ username }) => username !== ""),
        db,
      );
      for (const { account, relations } of genuine) {
        noteVersion(context, account.id, account.people_version);
        if (versions.get(account.id)?.isNewer) reportForgery(context, "accounts");
        const present = relations.filter((row) => equalBytes(row.generation, account.generation));
        if (present.length !== context.config.trustSlots || present.length < relations.length) {
          reportForgery(context, "relations");
        }
      }
      return found.at(-1)?.account.id;
    });
}
