import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../db/schema.js";
import { OWN_TABLES } from "../db/shape.js";

/** Nothing that a backup should keep: sessions end with the server they belong to, limits with the day. */
const LEFT_OUT = ["sessions", "left_sessions", "limits_points"];

/** Every other table that a migration makes. What else lies in the schema is somebody else's. */
const KEPT = OWN_TABLES.filter((table) => !LEFT_OUT.includes(table));

/** Those of Kith's tables that a backup holds and that are there, those first that others point at. */
export async function selectTables(db: Kysely<Database>): Promise<string[]> {
  const { rows } = await sql<{ name: string; needs: string[] }>`
    select c.relname as name,
      coalesce(array_agg(f.confrelid::regclass::text) filter (where f.confrelid <> c.oid), '{}')::text[] as needs
    from pg_class c
    left join pg_constraint f on f.conrelid = c.oid and f.contype = 'f'
    where c.relkind = 'r' and pg_table_is_visible(c.oid) and c.relname = any(${KEPT}::text[])
    group by c.relname, c.oid order by c.relname`.execute(db);
  const ordered: string[] = [];
  const place = (name: string) => {
    if (ordered.includes(name)) return;
    for (const needed of rows.find((row) => row.name === name)?.needs ?? []) place(needed);
    ordered.push(name);
  };
  for (const { name } of rows) place(name);
  return ordered;
}

/** Tables that lie among Kith's and are not Kith's. */
export async function selectForeignTables(db: Kysely<Database>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_class c
    where c.relkind in ('r', 'p', 'f') and c.relname not like 'kysely\\_%' and c.relname <> all(${OWN_TABLES}::text[])
      and c.relnamespace = (select relnamespace from pg_class where oid = to_regclass('accounts'))
    order by 1`.execute(db);
  return rows.map(({ name }) => name);
}

/** Columns with their types as SQL writes them. */
export async function selectColumns(db: Kysely<Database>, table: string): Promise<{ name: string; type: string }[]> {
  const { rows } = await sql<{ name: string; type: string }>`
    select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped order by attnum`.execute(db);
  return rows;
}

const BATCH_ROWS = 500;

/** Every row of a table in random order, each value as PostgreSQL's own text. */
export async function* readRows(
  transaction: Transaction<Database>,
  table: string,
  columns: readonly string[],
): AsyncGenerator<(string | null)[]> {
  const texts = sql.join(columns.map((column) => sql`${sql.ref(column)}::text`));
  await sql`declare rows_of_one_table no scroll cursor for
    select array[${texts}]::text[] as values from ${sql.table(table)} order by random()`.execute(transaction);
  for (;;) {
    const { rows } = await sql<{ values: (string | null)[] }>`
      fetch ${sql.lit(BATCH_ROWS)} from rows_of_one_table`.execute(transaction);
    for (const { values } of rows) yield values;
    if (rows.length < BATCH_ROWS) break;
  }
  await sql`close rows_of_one_table`.execute(transaction);
}

/**
 * Clears away every row that was replaced while a backup's transaction kept them all; whoever reads a member's rows first
 * after that would, and the write-ahead log tells whose they were. Vacuum itself keeps nothing from being cleared, however
 * long it takes; a table that were read instead would keep what is replaced meanwhile.
 *
 * With its indexes: their entries for such rows are marked by who comes by next. Without giving space back: that locks.
 *
 * @param db without a statement timeout
 */
export async function clearOldRows(db: Kysely<Database>): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relkind = 'r' and pg_table_is_visible(oid) and relname = any(${OWN_TABLES}::text[])
    order by array_position(${OWN_TABLES}::text[], relname::text)`.execute(db);
  for (const { name } of rows) await sql`vacuum (index_cleanup on, truncate off) ${sql.table(name)}`.execute(db);
}

export async function insertRow(
  transaction: Transaction<Database>,
  table: string,
  columns: readonly { name: string; type: string }[],
  values: readonly (string | null)[],
): Promise<void> {
  const names = sql.join(columns.map(({ name }) => sql.ref(name)));
  const casts = sql.join(columns.map(({ type }, index) => sql`${values[index] ?? null}::text::${sql.raw(type)}`));
  await sql`insert into ${sql.table(table)} (${names}) overriding system value values (${casts})`.execute(transaction);
}

/** Lets the numbers that PostgreSQL itself gives out go on after those that were restored. */
export async function continueNumbers(transaction: Transaction<Database>, table: string): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select attname as name from pg_attribute
    where attrelid = ${table}::regclass and attidentity <> '' and not attisdropped`.execute(transaction);
  for (const { name } of rows) {
    await sql`
      select setval(pg_get_serial_sequence(${table}, ${name}), coalesce(max(${sql.ref(name)}), 0) + 1, false)
      from ${sql.table(table)}`.execute(transaction);
  }
}

export async function hasRows(db: Kysely<Database>, table: string): Promise<boolean> {
  const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(db);
  return rows.length > 0;
}

/** Until the transaction ends, others wait: who answers from these tables must not take them for empty. */
export async function lockTables(transaction: Transaction<Database>, tables: readonly string[]): Promise<void> {
  await sql`lock table ${sql.join(tables.map((table) => sql.table(table)))} in access exclusive mode`.execute(
    transaction,
  );
}

/** Empties what a first start put into an empty installation. */
export async function emptyTable(transaction: Transaction<Database>, table: string): Promise<void> {
  await sql`delete from ${sql.table(table)}`.execute(transaction);
}
