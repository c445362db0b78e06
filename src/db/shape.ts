import { type Kysely, sql } from "kysely";
import type { Database } from "./schema.js";

/** What is to be unique in each table that a migration makes, by columns: primary keys first. */
const UNIQUE = {
  accounts: ["id", "domain,username"],
  people: ["account_id,version"],
  relations: ["id"],
  reset_cases: ["id", "row_id", "link_hash"],
  approvals: ["case_id,row_id"],
  spent_invites: ["nonce_hash"],
  review_keys: ["id", "number"],
  review_grants: ["id", "review_key_id,account_id"],
  review_recovery: ["id"],
  review_notes: ["review_key_id"],
  admin_acts: ["id", "number"],
  admin_act_persons: ["id"],
  events: ["id"],
  settings: ["name"],
  case_weeks: ["week"],
  onion_domains: ["domain"],
  onion_targets: ["domain,onion,port"],
  onion_numbers: ["onion", "number"],
  onion_history: ["id"],
  onion_wanted: ["domain"],
  sessions: ["id"],
  left_sessions: ["mark"],
  limits_points: ["key"],
} satisfies Record<keyof Database | "limits_points", string[]>;

/** All of Kith's tables but those in which Kysely keeps its migrations. */
export const OWN_TABLES: readonly string[] = Object.keys(UNIQUE);

/** Something about a table that no migration makes. */
export interface Oddity {
  /** A table; or the name of an event trigger, which is of the whole database. */
  name: string;
  what: string;
}

/**
 * What somebody who owns the tables may have put in front of them, so that it runs with each of Kith's statements, or
 * answers in their place; and what is not unique any more. Only for tables as the newest migration leaves them.
 */
export async function findOddities(db: Kysely<Database>): Promise<Oddity[]> {
  const unique = Object.entries(UNIQUE).flatMap(([table, keys]) => keys.map((columns) => ({ table, columns })));
  const { rows } = await sql<Oddity>`
    with known as (
      select name, to_regclass(name)::oid as id from unnest(${OWN_TABLES}::text[]) as name
    ), own as (
      select * from known join pg_class on pg_class.oid = id
    ), expected as (
      select * from unnest(${unique.map(({ table }) => table)}::text[], ${unique.map(({ columns }) => columns)}::text[])
        as expected(name, columns)
    ), present as (
      select own.name, (
        select string_agg(attname, ',' order by place) from unnest(indkey) with ordinality as key(number, place)
        join pg_attribute on attrelid = indrelid and attnum = key.number
      ) as columns
      from own join pg_index on indrelid = id
      where indisunique and indisvalid and indimmediate and indpred is null and indexprs is null
    )
    select name, 'is not there' as what from known where id is null
    union
    select name, 'is no plain table' from own where relkind <> 'r' or relispartition
    union
    select name, 'inherits rows, or gives some' from own
    where exists (select from pg_inherits where inhrelid = id or inhparent = id)
    union
    select name, 'has row security policies' from own
    where relrowsecurity or relforcerowsecurity or exists (select from pg_policy where polrelid = id)
    union
    select name, 'has triggers, or lacks those of a foreign key' from own
    where exists (select from pg_trigger where tgrelid = id and (not tgisinternal or tgenabled <> 'O'))
    union
    select name, 'has rules' from own where exists (select from pg_rewrite where ev_class = id) and relkind = 'r'
    union
    -- The onion map checks where a row of it comes from.
    select name, 'has checks, or columns or indexes that are computed' from own
    where exists (select from pg_constraint where conrelid = id and contype = 'c' and name <> 'onion_domains')
      or exists (select from pg_attribute where attrelid = id and attgenerated <> '')
      or exists (select from pg_index where indrelid = id and (indexprs is not null or indpred is not null))
    union
    select name, 'is not unique any more by ' || columns from expected
    where name in (select name from own) and (name, columns) not in (select name, columns from present where columns is not null)
    union
    select evtname, 'is an event trigger' from pg_event_trigger where evtenabled <> 'D'
    order by 1, 2`.execute(db);
  return rows;
}
