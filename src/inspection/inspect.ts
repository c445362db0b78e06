import { createHash } from "node:crypto";
import { reportForgery } from "../accounts/account.js";
import type { Context } from "../context.js";
import { nextVersions, whoIsMissing } from "../people/people.js";
import { equalBytes } from "../protocol/bytes.js";
import { NO_INVITER } from "../protocol/letter.js";
import { hasValidTag } from "../protocol/tag.js";
import { presentRecovery } from "../review/keys.js";
import { highestNumbers } from "../review/numbered.js";
import { readTagged, TAGGED_TABLES, type TaggedTable } from "../rotation/rotate.js";
import { noteVersion } from "../seen.js";
import * as queries from "./queries.js";

const DIGEST_BYTES = 16;

/**
 * Looks at every row, whether anybody asked for it or not: whether it bears Kith's tag, and whether it fits the others.
 * What does not is reported. Run hourly, and at start.
 *
 * It reads all there is, in the order of ids, and compares it with nothing but what the inspection before it found: that
 * tells nothing of anybody, so this is where rows are reported that members meet of others.
 */
export async function inspect(context: Context): Promise<void> {
  for (const table of Object.keys(TAGGED_TABLES) as TaggedTable[]) {
    for await (const rows of readTagged(context.db, table)) {
      for (const row of rows) if (!hasValidTag(context.secret, table, row)) reportForgery(context, table);
    }
  }
  const present = new Set<string>();
  for (let after: string | undefined = NO_INVITER; after !== undefined; ) {
    after = await inspectAccounts(context, after, present);
  }
  await inspectGone(context, present);
  await inspectSpent(context);
  const before = { ...context.seen };
  const { acts, reviewKeys } = await highestNumbers(context);
  if (acts < before.acts) reportForgery(context, "admin_acts");
  if (reviewKeys < before.reviewKeys) reportForgery(context, "review_keys");
  context.seen.acts = Math.max(acts, context.seen.acts);
  context.seen.reviewKeys = Math.max(reviewKeys, context.seen.reviewKeys);
  await presentRecovery(context, context.db); // which reports one that was put back
  const missing = await queries.countMissing(context.db, context.config.trustSlots);
  for (const [table, count] of Object.entries(missing)) if (count > 0) reportForgery(context, table);
}

/**
 * What is only ever counted up: numbers, and versions by groups of accounts. The versions as the database says it, whether
 * Kith wrote them or not.
 */
export async function readCounts(
  context: Context,
  groups: number,
): Promise<{ acts: number; reviewKeys: number; versions: number[] }> {
  const [versions, numbers] = await Promise.all([queries.sumVersions(context.db, groups), highestNumbers(context)]);
  return { ...numbers, versions };
}

/**
 * Whether accounts, what others see of them, and their slots are of one moment.
 *
 * @param present takes in the ids of members whose rows are Kith's
 * @returns the last id, or undefined
 */
async function inspectAccounts(context: Context, after: string, present: Set<string>): Promise<string | undefined> {
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
      const inspected = context.seen.inspected.versions;
      for (const { account, relations } of genuine) {
        const { id, people_version, username } = account;
        if (username !== "") present.add(id);
        const known = inspected.get(id) ?? 1;
        if (people_version > known) inspected.set(id, people_version);
        noteVersion(context, id, people_version);
        const next = versions.get(id);
        if (next?.isNewer || people_version < known) reportForgery(context, "accounts");
        if (next?.isDamaged || next?.lacksFirst) reportForgery(context, "people");
        const current = relations.filter((row) => equalBytes(row.generation, account.generation));
        if (current.length !== context.config.trustSlots || current.length < relations.length) {
          reportForgery(context, "relations");
        }
      }
      return found.at(-1)?.account.id;
    });
}

/**
 * Nothing speaks of a member whose rows are gone from every table; but whom one inspection finds, the next has to find
 * again, unless Kith wrote down that the member left.
 */
async function inspectGone(context: Context, present: Set<string>): Promise<void> {
  const { inspected } = context.seen;
  const absent = [...inspected.accounts].filter((id) => !present.has(id));
  const missing = await whoIsMissing(context, absent);
  if (missing.length > 0) reportForgery(context, "accounts");
  inspected.accounts = new Set([...present, ...missing]);
}

/** Rows that spend letters bear no tag; but whatever one inspection finds of them, the next has to find again. */
async function inspectSpent(context: Context): Promise<void> {
  const { inspected } = context.seen;
  const spent = new Set<string>();
  for await (const rows of queries.readSpent(context.db)) {
    for (const { nonce_hash, invitee } of rows) {
      const digest = createHash("sha256").update(nonce_hash).update(invitee).digest();
      spent.add(digest.toString("latin1", 0, DIGEST_BYTES));
    }
  }
  for (const digest of inspected.spent) if (!spent.has(digest)) reportForgery(context, "spent_invites");
  inspected.spent = spent;
}
