import type { Kysely } from "kysely";
import { reportForgery } from "../accounts/account.js";
import type { Context } from "../context.js";
import type { Database } from "../db/schema.js";
import { hasValidTag } from "../protocol/tag.js";
import * as queries from "./queries.js";

// Acts of admins and review keys are numbered, so that none can be taken away unseen. What others made up may bear any
// number: it does not tell how far Kith had come, and must not stand in the way of what comes next.

const BATCH = 20;

/** The highest number that Kith gave, and the rows above it that others made up. */
async function newest(context: Context, db: Kysely<Database>, table: queries.NumberedTable) {
  const madeUp: queries.NumberedRow[] = [];
  for (;;) {
    const rows = await queries.selectNumbered(db, table, madeUp.length, BATCH);
    for (const row of rows) {
      if (hasValidTag(context.secret, table, { ...row })) return { number: row.number, madeUp };
      madeUp.push(row);
    }
    if (rows.length < BATCH) return { number: 0, madeUp };
  }
}

/** How far Kith had come, as rows tell it that are Kith's. */
export async function highestNumbers(context: Context): Promise<{ acts: number; reviewKeys: number }> {
  const [acts, reviewKeys] = await Promise.all([
    newest(context, context.db, "admin_acts"),
    newest(context, context.db, "review_keys"),
  ]);
  return { acts: acts.number, reviewKeys: reviewKeys.number };
}

/** The next number, above all that Kith ever gave. What others made up there is taken away, and reported. */
export async function nextNumber(
  context: Context,
  db: Kysely<Database>,
  table: queries.NumberedTable,
): Promise<number> {
  const { number, madeUp } = await newest(context, db, table);
  const known = table === "admin_acts" ? context.seen.acts : context.seen.reviewKeys;
  const next = Math.max(number, known) + 1;
  const inTheWay = madeUp.filter((row) => row.number >= next).map(({ id }) => id);
  for (const _ of inTheWay) reportForgery(context, table);
  await queries.deleteNumbered(db, table, inTheWay);
  return next;
}
