import { type Kysely, sql } from "kysely";
import type { AccountsTable, Database, RelationsTable, SpentInvitesTable } from "../db/schema.js";

const BATCH_ACCOUNTS = 50;

export interface AccountWithRows {
  account: AccountsTable;
  relations: RelationsTable[];
}

/**
 * Some accounts after this one, by id, each with its rows as of one moment.
 *
 * @param db a transaction in which nothing moves
 */
export async function selectAccountsAfter(db: Kysely<Database>, afterId: string): Promise<AccountWithRows[]> {
  const accounts = await db
    .selectFrom("accounts")
    .selectAll()
    .where("id", ">", afterId)
    .orderBy("id")
    .limit(BATCH_ACCOUNTS)
    .execute();
  const ids = accounts.map(({ id }) => id);
  if (ids.length === 0) return [];
  const relations = await db.selectFrom("relations").selectAll().where("trusting_id", "in", ids).execute();
  return accounts.map((account) => ({
    account,
    relations: relations.filter((row) => row.trusting_id === account.id),
  }));
}

const BATCH_SPENT = 1_000;

/** Every row that spends a letter, in batches, in the order of their hashes. */
export async function* readSpent(db: Kysely<Database>): AsyncGenerator<SpentInvitesTable[]> {
  for (let after: Uint8Array = new Uint8Array(); ; ) {
    const rows = await db
      .selectFrom("spent_invites")
      .selectAll()
      .where("nonce_hash", ">", after)
      .orderBy("nonce_hash")
      .limit(BATCH_SPENT)
      .execute();
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    after = last.nonce_hash;
  }
}

/** How many rows are missing that others speak of, by table. */
export async function countMissing(db: Kysely<Database>, slots: number): Promise<Record<string, number>> {
  const { rows } = await sql<Record<string, number>>`
    select
      (select count(distinct account_id)::int from people
       where status not in ('gone', 'decoy')
         and not exists (select from accounts where accounts.id = people.account_id))
        + (select greatest(0, 1 - count(*)::int) from accounts where username = '') as accounts,
      (select greatest(0, ${slots}::int - count(*)::int) from people where status = 'decoy') as people,
      (select coalesce(max(number), 0) - count(*)::int from admin_acts) as admin_acts,
      (select coalesce(max(number), 0) - count(*)::int from review_keys)
        + (select count(*)::int from review_grants
           where not exists (select from review_keys where review_keys.id = review_key_id)) as review_keys,
      (select 1 - count(*)::int from settings where name = 'trust-slots') as settings`.execute(db);
  return rows[0] ?? {};
}

/** Of the accounts in each group by the first byte of their ids: how many versions others saw of them, beside the first. */
export async function sumVersions(db: Kysely<Database>, groups: number): Promise<number[]> {
  const { rows } = await sql<{ group: number; count: number }>`
    select get_byte(uuid_send(id), 0) % ${groups}::int as group, sum(people_version - 1)::float8 as count
    from accounts group by 1`.execute(db);
  const sums = Array<number>(groups).fill(0);
  for (const { group, count } of rows) sums[group] = count;
  return sums;
}
