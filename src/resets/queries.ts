import { type Kysely, type RawBuilder, sql } from "kysely";
import type { ApprovalsTable, Database, ResetCasesTable } from "../db/schema.js";
import type { RelationRow } from "../protocol/relation.js";

export type CaseRow = ResetCasesTable;
export type ApprovalRow = ApprovalsTable;

/** The relation rows of the member whom somebody wants to help. */
export async function selectRelations(db: Kysely<Database>, trustingId: string): Promise<RelationRow[]> {
  return await db.selectFrom("relations").selectAll().where("trusting_id", "=", trustingId).execute();
}

export async function selectCases(db: Kysely<Database>, trustingId: string): Promise<CaseRow[]> {
  return await db.selectFrom("reset_cases").selectAll().where("trusting_id", "=", trustingId).execute();
}

/**
 * The cases of an account, filled up with copies of a decoy: as many rows whether there are cases or not, so that a
 * wrong password takes as long.
 */
export async function selectCasesAmongDecoys(
  db: Kysely<Database>,
  trustingId: string,
  decoy: CaseRow,
  atLeast: number,
): Promise<CaseRow[]> {
  return await selectAmongDecoys(db, sql`trusting_id = ${trustingId}`, decoy, atLeast);
}

/** The case of a link, or the decoy. */
export async function selectCaseByLink(db: Kysely<Database>, linkHash: Uint8Array, decoy: CaseRow): Promise<CaseRow> {
  const [row] = await selectAmongDecoys(db, sql`link_hash = ${linkHash}`, decoy, 1);
  return row as CaseRow;
}

async function selectAmongDecoys(
  db: Kysely<Database>,
  condition: RawBuilder<unknown>,
  decoy: CaseRow,
  atLeast: number,
): Promise<CaseRow[]> {
  const { rows } = await sql<CaseRow>`
    with found as (
      select id, trusting_id, row_id, generation, link_hash, rules, pending_public_key, pending_locked_key,
        opening_day, choice_day, lost_second_step, expiry_day, tag
      from reset_cases where ${condition}
    )
    select * from found
    union all
    select ${decoy.id}::uuid, ${decoy.trusting_id}::uuid, ${decoy.row_id}::uuid, ${decoy.generation}::bytea,
      ${decoy.link_hash}::bytea, ${decoy.rules}::bytea, ${decoy.pending_public_key}::bytea,
      ${decoy.pending_locked_key}::bytea, ${decoy.opening_day}::date, ${decoy.choice_day}::date,
      ${decoy.lost_second_step}::boolean, ${decoy.expiry_day}::date, ${decoy.tag}::bytea
    from generate_series(1, ${atLeast}::int - (select count(*)::int from found))`.execute(db);
  return rows;
}

export async function selectApprovals(db: Kysely<Database>, caseIds: readonly string[]): Promise<ApprovalRow[]> {
  if (caseIds.length === 0) return [];
  return await db.selectFrom("approvals").selectAll().where("case_id", "in", caseIds).execute();
}

/** Whoever opens a case shares it; whoever ends those of somebody who is being suspended has it alone. */
const CASES_LOCK = sql`hashtextextended('kith cases', 0)`;

/**
 * Opens a case in place of the one that its row may have had; its approvals go with it.
 *
 * @returns false, with nothing done, if the account is of another generation by now: the row is another helper's then,
 * and so is the case that it may have; or if the account is suspended, which leaves the generation alone
 */
export async function replaceCase(db: Kysely<Database>, row: CaseRow): Promise<boolean> {
  const isPresent = sql<boolean>`exists (
    select from accounts where id = ${row.trusting_id} and generation = ${row.generation} and status = 'active')`;
  return await db.transaction().execute(async (transaction) => {
    // A suspension that does not show yet would not see what is opened here.
    await sql`select pg_advisory_xact_lock_shared(${CASES_LOCK})`.execute(transaction);
    // Two at once for one row: the second waits here and replaces what the first one opened.
    await sql`select pg_advisory_xact_lock(hashtextextended(${row.row_id}, 0))`.execute(transaction);
    // In the statement itself: whatever it sees beside the present generation was there before the next one.
    await transaction.deleteFrom("reset_cases").where("row_id", "=", row.row_id).where(isPresent).execute();
    const { rows } = await sql<{ present: boolean }>`select ${isPresent} as present`.execute(transaction);
    if (!rows[0]?.present) return false;
    await transaction.insertInto("reset_cases").values(row).execute();
    return true;
  });
}

/** @returns false if the case was changed or ended meanwhile */
export async function updateCase(
  db: Kysely<Database>,
  read: Pick<CaseRow, "id" | "tag">,
  row: CaseRow,
): Promise<boolean> {
  const result = await db
    .updateTable("reset_cases")
    .set(row)
    .where("id", "=", read.id)
    .where("tag", "=", read.tag)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** @returns whether it was written: `"known"` if this row had approved before, `"ended"` if the case is gone */
export async function insertApproval(db: Kysely<Database>, row: ApprovalRow): Promise<"written" | "known" | "ended"> {
  try {
    // Asked for first: PostgreSQL would log that the case is gone, and so that somebody agreed to it.
    const { rows } = await sql<{ open: boolean; written: boolean }>`
      with open as (select id from reset_cases where id = ${row.case_id}), written as (
        insert into approvals (case_id, row_id, generation, sealed, tag)
        select id, ${row.row_id}::uuid, ${row.generation}::bytea, ${row.sealed}::bytea, ${row.tag}::bytea from open
        on conflict (case_id, row_id) do nothing returning case_id
      )
      select exists (select from open) as open, exists (select from written) as written`.execute(db);
    const [{ open, written }] = rows as [{ open: boolean; written: boolean }];
    return written ? "written" : open ? "known" : "ended";
  } catch (error) {
    // It was there a moment ago.
    if ((error as { code?: string }).code === "23503") return "ended";
    throw error;
  }
}

/**
 * Ends the cases of members, and those that are about to be opened.
 *
 * @param db a transaction in which they were suspended
 * @returns the rows that were deleted
 */
export async function deleteCases(db: Kysely<Database>, trustingIds: readonly string[]): Promise<CaseRow[]> {
  if (trustingIds.length === 0) return [];
  await sql`select pg_advisory_xact_lock(${CASES_LOCK})`.execute(db);
  return await db.deleteFrom("reset_cases").where("trusting_id", "in", trustingIds).returningAll().execute();
}

/** How many cases there are, of anybody. */
export async function countCases(db: Kysely<Database>, today: string): Promise<number> {
  const { count } = await db
    .selectFrom("reset_cases")
    .select((select) => select.fn.countAll<string>().as("count"))
    .where("expiry_day", ">=", today)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** @returns the rows that were deleted: of several instances that sweep, each row comes to one */
export async function deleteExpiredCases(db: Kysely<Database>, today: string): Promise<CaseRow[]> {
  return await db.deleteFrom("reset_cases").where("expiry_day", "<", today).returningAll().execute();
}

export async function countCase(db: Kysely<Database>, week: string, what: "opened" | "finished"): Promise<void> {
  await db
    .insertInto("case_weeks")
    .values({ week, [what]: 1 })
    .onConflict((conflict) => conflict.column("week").doUpdateSet({ [what]: sql`case_weeks.${sql.ref(what)} + 1` }))
    .execute();
}

export async function selectCaseWeeks(db: Kysely<Database>, since: string) {
  return await db.selectFrom("case_weeks").selectAll().where("week", ">=", since).orderBy("week").execute();
}
