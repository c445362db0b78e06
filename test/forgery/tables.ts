import type pg from "pg";
import { TAGGED_TABLES } from "#kith/rotation/queries.js";

/** Every table that a writer could turn against members, with its primary key; those of the onion map are about nobody. */
export const TABLES = {
  ...TAGGED_TABLES,
  sessions: ["id"],
  left_sessions: ["mark"],
  spent_invites: ["nonce_hash"],
  case_weeks: ["week"],
} as const satisfies Record<string, readonly string[]>;
export type Table = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as Table[];

/** A row as PostgreSQL writes its values. */
export type Row = Readonly<Record<string, string | null>>;

export interface Rows {
  columns: { name: string; type: string }[];
  rows: Row[];
}

export function keyOf(table: Table, row: Row): string {
  return TABLES[table].map((column) => row[column]).join(" ");
}

export async function copyTables(writer: pg.Client): Promise<Map<string, Rows>> {
  const copy = new Map<string, Rows>();
  for (const table of TABLE_NAMES) copy.set(table, await copyTable(writer, table));
  return copy;
}

async function copyTable(writer: pg.Client, table: Table): Promise<Rows> {
  const { rows: columns } = await writer.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table],
  );
  const list = columns.map(({ name }) => `${name}::text`).join(", ");
  const { rows } = await writer.query<Row>(`select ${list} from ${table} order by ${TABLES[table].join(", ")}`);
  return { columns, rows };
}

/** What was changed in one table: rows by their primary key; undefined: there is no such row. */
export interface Edit {
  table: Table;
  before: Row | undefined;
  after: Row | undefined;
}

/**
 * Does edits as a superuser whom no foreign key stops.
 *
 * @returns false if the database would not have them, for example since a key would be there twice
 */
export async function apply(writer: pg.Client, base: Map<string, Rows>, edits: readonly Edit[]): Promise<boolean> {
  await writer.query("begin; set local session_replication_role = replica");
  try {
    for (const { table, before } of edits) {
      if (!before) continue;
      const where = TABLES[table].map((column, index) => `${column}::text = $${index + 1}`).join(" and ");
      await writer.query(
        `delete from ${table} where ${where}`,
        TABLES[table].map((column) => before[column]),
      );
    }
    for (const { table, after } of edits) {
      if (!after) continue;
      const { columns } = base.get(table) as Rows;
      const values = columns.map(({ type }, index) => `$${index + 1}::text::${type}`).join(", ");
      await writer.query(
        `insert into ${table} values (${values})`,
        columns.map(({ name }) => after[name]),
      );
    }
    await writer.query("commit");
    return true;
  } catch (error) {
    await writer.query("rollback");
    if (/^2[23]/.test((error as { code?: string }).code ?? "")) return false;
    throw error;
  }
}

/** Keeps all tables as they are, to come back to. */
export async function keep(writer: pg.Client): Promise<void> {
  await writer.query("create schema kept");
  for (const table of TABLE_NAMES) await writer.query(`create table kept.${table} as table public.${table}`);
}

/** Undoes whatever happened since `keep`. */
export async function comeBack(writer: pg.Client): Promise<void> {
  const statements = TABLE_NAMES.map((table) => {
    const same = TABLES[table].map((column) => `k.${column} = t.${column}`).join(" and ");
    return `delete from public.${table} t where not exists (select from kept.${table} k where ${same} and k is not distinct from t);
      insert into public.${table} select k.* from kept.${table} k where not exists (select from public.${table} t where ${same});`;
  });
  await writer.query(`begin; set local session_replication_role = replica; ${statements.join("\n")} commit`);
}
