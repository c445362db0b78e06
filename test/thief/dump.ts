import type pg from "pg";
import { SEALS } from "./columns.js";

export type Row = Record<string, unknown>;

/** What is in every table at one moment. */
export type Dump = Record<string, Row[]>;

export async function dump(pool: pg.Pool): Promise<Dump> {
  const { rows } = await pool.query("select relname as name from pg_stat_user_tables where schemaname = 'public'");
  const tables: Dump = {};
  for (const { name } of rows) tables[name] = (await pool.query(`select * from ${name}`)).rows;
  return tables;
}

/** The tables of the mail queue, in a schema of their own. */
export async function dumpQueue(pool: pg.Pool): Promise<Dump> {
  const { rows } = await pool.query(
    "select c.oid::regclass::text as name from pg_class c where relnamespace = 'pgboss'::regnamespace and relkind in ('r', 'p')",
  );
  const tables: Dump = {};
  for (const { name } of rows) tables[name] = (await pool.query(`select * from ${name}`)).rows;
  return tables;
}

/** One sealed blob: where it stands, and in whose row. */
export interface Blob {
  /** `relations.sealed_token of ada` */
  place: string;
  column: string;
  row: Row;
  bytes: Buffer;
}

/** Every blob of every column that holds seals. */
export function blobsOf(tables: Dump): Blob[] {
  const places = new Places(tables);
  return SEALS.flatMap((name) => {
    const [table, column] = name.split(".") as [string, string];
    return (tables[table] ?? []).map((row) => ({
      place: `${name} of ${places.of(table, row)}`,
      column: name,
      row,
      bytes: row[column] as Buffer,
    }));
  });
}

/** Whose row it is, in words that are the same at each play. */
class Places {
  constructor(private readonly tables: Dump) {}

  of(table: string, row: Row): string {
    if (table === "accounts") return this.account(row.id);
    if (table === "relations" || table === "reset_cases") return this.account(row.trusting_id);
    if (table === "approvals") return this.account(this.find("reset_cases", "id", row.case_id)?.trusting_id);
    if (table === "events") return this.account(row.account_id);
    if (table === "review_keys") return `key ${row.number}`;
    if (table === "review_notes") return this.reviewKey(row.review_key_id);
    if (table === "review_grants") return `${this.account(row.account_id)}, ${this.reviewKey(row.review_key_id)}`;
    const act = table === "admin_acts" ? row : this.find("admin_acts", "id", row.act_id);
    return `act ${act?.number}, ${act?.kind}`;
  }

  private find(table: string, column: string, value: unknown): Row | undefined {
    return this.tables[table]?.find((row) => row[column] === value);
  }

  private reviewKey(id: unknown): string {
    return `key ${this.find("review_keys", "id", id)?.number}`;
  }

  private account(id: unknown): string {
    const account = this.find("accounts", "id", id);
    if (account) return String(account.username) || "the decoy";
    return this.find("review_recovery", "id", id) ? "the recovery key" : "?";
  }
}
