import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type pg from "pg";
import { backUp } from "#kith/backup/backup.js";
import type { ReceivedMail } from "../support/mail-server.js";
import { connectTo, type Stage } from "./stage.js";

const run = promisify(execFile);

type Row = Record<string, unknown>;

/** What is there at one moment: the rows in the order of COPY, the pages of every table and index, the counters. */
export interface Snapshot {
  tables: Record<string, Row[]>;
  /** Every line pointer of every heap page. */
  heap: Row[];
  /** Every item of every index page. */
  index: Row[];
  /** Size of each relation's files, and free bytes of each page. */
  pages: Row[];
  /** Of the statistics views. */
  counters: Row[];
  /** Every page of every table and index as it lies on the disk: dead rows, and what pruning left in free space. */
  raw: { name: string; bytes: Buffer }[];
}

/** Everything that a thief of the whole machine's disk holds, except the server secret. */
export interface Haul {
  snapshots: Snapshot[];
  /** Records of the write-ahead log that concern this database. */
  wal: WalRecord[];
  /** The same log, decoded: the whole of each row that was written. */
  changes: { xid: number; text: string; length: number }[];
  statistics: Row[];
  backup: string[];
  serverLog: string[];
  kithLog: string[];
  metrics: string;
  /** What the mail provider sees. */
  mail: ReceivedMail[];
  /** Notices are delivered, and do not wait in the queue's tables. */
  isMailed: boolean;
}

export interface WalRecord {
  manager: string;
  what: string;
  xid: number;
  /** Without images of pages. */
  length: number;
  images: number;
  relations: string;
  /** Offset and block, where there is one. */
  where: string;
  /** Of a commit, microseconds. */
  at?: number;
}

/** A thief who reads along during one round. */
export class Thief {
  private readonly snapshots: Snapshot[] = [];
  private serverLogFrom = 0;
  private serverBefore: Row[] = [];
  private metricsBefore = "";

  private constructor(
    private readonly stage: Stage,
    private readonly waldump: string,
    private readonly client: pg.Client,
    private readonly walFrom: string,
  ) {}

  static async enter(stage: Stage, waldump: string): Promise<Thief> {
    const client = await connectTo(stage.server.adminUrl, stage.database);
    await client.query("set jit = off");
    await client.query("create extension pageinspect");
    await client.query("select pg_create_logical_replication_slot($1, 'test_decoding')", [stage.database]);
    const { rows } = await client.query("select pg_current_wal_insert_lsn() as lsn");
    const thief = new Thief(stage, waldump, client, rows[0].lsn);
    thief.serverLogFrom = stage.serverLog().length;
    thief.metricsBefore = await stage.metrics();
    thief.serverBefore = (await client.query(SERVER_COUNTERS)).rows;
    await thief.countOwn();
    return thief;
  }

  /** What the thief did is counted at once, and not at some time during the next act. */
  private async countOwn(): Promise<void> {
    await this.client.query("select pg_stat_force_next_flush()");
  }

  async look(): Promise<void> {
    await this.stage.hangUp();
    const { client } = this;
    const counters = await client.query(COUNTERS);
    const server = await client.query(SERVER_COUNTERS);
    const heap = await client.query(HEAP);
    const index = await client.query(INDEX);
    const pages = await client.query(PAGES);
    const raw = await client.query(RAW);
    const tables = await this.readTables(heap.rows);
    await this.countOwn();
    this.snapshots.push({
      tables,
      counters: [...counters.rows, ...server.rows.map((row, at) => since(this.serverBefore[at], row))],
      heap: heap.rows,
      index: index.rows,
      pages: pages.rows,
      raw: raw.rows,
    });
  }

  /**
   * Row by row, where each lies: reading a table from one end to the other would clear old rows away, which then nobody's
   * request does any more, as after a copy of the files. For the same reason the values that lie apart are left out
   * until the story has ended.
   *
   * @param heap every line pointer of every page
   */
  private async readTables(heap: readonly Row[]): Promise<Record<string, Row[]>> {
    const { client } = this;
    const places = new Map<unknown, string[]>();
    for (const { name, block, lp, lp_flags } of heap) {
      const known = places.get(name) ?? [];
      if (lp_flags === POINTS_AT_ROW) known.push(`(${block},${lp})`);
      places.set(name, known);
    }
    const tables: Record<string, Row[]> = {};
    for (const { name, columns } of (await client.query(TABLES)).rows) {
      const read = this.snapshots.length === 0 ? columns : "*";
      const text = `select xmin::text::bigint as "(xmin)", ${read} from ${name} where ctid = any($1::tid[])`;
      tables[name] = (await client.query(text, [places.get(name) ?? []])).rows;
    }
    return tables;
  }

  async leave(): Promise<Haul> {
    const { client, stage } = this;
    const { rows: end } = await client.query("select pg_current_wal_insert_lsn() as lsn");
    const changes = await client.query(
      `select xid::text::bigint as xid, data as text, length(data) as length
       from pg_logical_slot_get_changes($1, $2, null) where data !~ '^(BEGIN|COMMIT)'`,
      [stage.database, end[0].lsn],
    );
    await client.query("select pg_drop_replication_slot($1)", [stage.database]);
    const wal = await this.readWal(end[0].lsn);
    await client.query("analyze");
    const statistics = await client.query(STATISTICS);
    const file = join(dirname(stage.server.cluster), "backup");
    await backUp(stage.place.context.db, file);
    if (stage.isMailed && changes.rows.some(({ text }) => isNotice(text))) await stage.mail.until(1);
    const haul: Haul = {
      snapshots: this.snapshots,
      wal,
      changes: changes.rows.map((row) => ({ ...row, xid: Number(row.xid) })),
      statistics: statistics.rows,
      backup: readFileSync(file, "utf8").trim().split("\n"),
      serverLog: stage.serverLog().slice(this.serverLogFrom).split("\n").filter(Boolean),
      kithLog: [...stage.place.log],
      metrics: difference(this.metricsBefore, await stage.metrics()),
      mail: [...stage.mail.received],
      isMailed: stage.isMailed,
    };
    await client.end();
    return haul;
  }

  private async readWal(end: string): Promise<WalRecord[]> {
    const { client, stage } = this;
    await client.query("select pg_switch_wal()");
    const { rows } = await client.query(FILES);
    const { oid } = (await client.query("select oid from pg_database where datname = current_database()")).rows[0];
    const names = new Map(rows.map((row) => [`1663/${oid}/${row.file}`, row.name as string]));
    const { stdout } = await run(
      this.waldump,
      ["-p", join(stage.server.cluster, "pg_wal"), "-s", this.walFrom, "-e", end],
      { maxBuffer: 1 << 28 },
    );
    return stdout.split("\n").flatMap((line) => readRecord(line, `1663/${oid}/`, names) ?? []);
  }
}

/** A notice that is queued. */
export function isNotice(change: string): boolean {
  return /^table pgboss\.j\w+: INSERT: .*'notices'/.test(change);
}

const RECORD =
  /^rmgr: (\S+)\s+len \(rec\/tot\):\s+(\d+)\/\s*(\d+), tx:\s+(\d+), lsn: \S+, prev \S+, desc: (\S+)\s?(.*?)(?:, (blkref #0.*))?$/;
/** After the last record, and where the log is entered in the middle of one. */
const NO_RECORD = /^$|^first record is after /;

export function readRecord(line: string, own: string, names: Map<string, string>): WalRecord | undefined {
  if (NO_RECORD.test(line)) return undefined;
  const match = RECORD.exec(line);
  // Passed over, it could be the one that tells.
  if (!match) throw new Error(`a line of pg_waldump that the thief does not know: ${line}`);
  const [, manager, length, , xid, what, rest = "", blocks = ""] = match as unknown as string[];
  const refs = [...blocks.matchAll(/rel (\d+\/\d+\/\d+)(?: fork (\w+))? blk (\d+)/g)];
  if (refs.length > 0 && !refs.some(([, file]) => file?.startsWith(own))) return undefined;
  return {
    manager: manager as string,
    what: what as string,
    xid: Number(xid),
    length: Number(length),
    images: blocks.split("FPW").length - 1,
    relations: refs.map(([, file, fork]) => `${names.get(file as string) ?? "?"}${fork ? `.${fork}` : ""}`).join("+"),
    where: `${/off:? ?(\d+)/.exec(rest)?.[1] ?? ""}@${refs.map(([, , , block]) => block).join("+")}`,
    ...(what === "COMMIT" && { at: microseconds(rest) }),
  };
}

/** Of a time as pg_waldump writes it. */
function microseconds(text: string): number {
  const [, second, fraction] = /^(\S+ \d\d:\d\d:\d\d)\.(\d{6})/.exec(text) ?? [];
  return Date.parse(`${second}Z`) * 1000 + Number(fraction);
}

/** How far the numbers of a whole server went on. */
function since(before: Row | undefined, { name, values }: Row): Row {
  const old = (before?.values ?? {}) as Row;
  const numbers = Object.entries(values as Row).filter(([, value]) => typeof value === "number");
  return {
    name,
    values: Object.fromEntries(numbers.map(([key, value]) => [key, Number(value) - Number(old[key] ?? 0)])),
  };
}

/** The numbers that Kith tells, its process's among them, as far as they changed. */
function difference(before: string, after: string): string {
  const old = new Set(before.split("\n"));
  const numbers = new Map(
    before.split("\n").map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
  return after
    .split("\n")
    .filter((line) => /^\w/.test(line) && !old.has(line))
    .map((line) => {
      const at = line.lastIndexOf(" ");
      const name = line.slice(0, at);
      return `${name} ${Number(line.slice(at)) - (numbers.get(name) ?? 0)}`;
    })
    .join("\n");
}

const OURS = `n.nspname in ('public', 'pgboss', 'pg_toast') and (n.nspname <> 'pg_toast'
  or c.oid in (select reltoastrelid from pg_class where relnamespace::regnamespace::text in ('public', 'pgboss')))`;

/** Of a line pointer: LP_NORMAL. */
const POINTS_AT_ROW = 1;

/** Each with its columns but those that are kept apart from the row. */
const TABLES = `select case n.nspname when 'public' then quote_ident(c.relname) else c.oid::regclass::text end as name,
    (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
      where attrelid = c.oid and attnum > 0 and not attisdropped and attstorage <> 'e') as columns
  from pg_class c join pg_namespace n on n.oid = relnamespace
  where relkind = 'r' and n.nspname in ('public', 'pgboss') order by 1`;

/** A readable name for every table, toast table and index, the same in every copy of a database. */
const NAMED = `named as (
  select c.oid, c.relkind, c.relpages, c.reltoastrelid, case when n.nspname = 'pg_toast' then
    (select relname from pg_class p where p.reltoastrelid = c.oid) || '.toast'
    else case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname end as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${OURS}
), files as (
  select * from named union all
  select i.indexrelid, 'i', 0, 0, named.name || '.index' from named join pg_index i on i.indrelid = named.oid
  where named.name like '%.toast'
)`;

const FILES = `with ${NAMED} select name, pg_relation_filenode(oid) as file from files`;

const PER_PAGE = (kinds: string) => `
  from files cross join lateral generate_series(0, pg_relation_size(oid) / 8192 - 1) as block
  where relkind in (${kinds}) and name not like 'kysely%' and name not like 'onion%'`;

const HEAP = `with ${NAMED}
  select name, block::int, i.lp, lp_flags, lp_len, t_xmin::text::bigint as xmin, t_xmax::text::bigint as xmax,
    t_field3, t_ctid::text as ctid, t_infomask as infomask, t_infomask2 as infomask2,
    encode(substring(t_data for 40), 'hex') as data
  from (select * ${PER_PAGE("'r', 't'")}) as page,
    heap_page_items(get_raw_page((select oid::regclass::text from pg_class where oid = page.oid), block::int)) as i
  order by 1, 2, 3`;

const INDEX = `with ${NAMED}
  select name, block::int, i.itemoffset, i.itemlen, i.htid::text as htid, i.dead, i.ctid::text as ctid
  from (select * ${PER_PAGE("'i'")}) as page,
    bt_page_items((select oid::regclass::text from pg_class where oid = page.oid), block::int) as i
  where block > 0 order by 1, 2, 3`;

const PAGES = `with ${NAMED}
  select name, block::int, lower, upper, flags, h.prune_xid::text::bigint as prune_xid
  from (select * ${PER_PAGE("'r', 't', 'i'")}) as page,
    page_header(get_raw_page((select oid::regclass::text from pg_class where oid = page.oid), block::int)) as h
  order by 1, 2`;

const RAW = `with ${NAMED}
  select name, get_raw_page((select oid::regclass::text from pg_class where oid = page.oid), block::int) as bytes
  from (select * ${PER_PAGE("'r', 't', 'i'")}) as page order by name, block`;

const COUNTERS = `
  select 'table ' || relname as name, to_jsonb(t) - '{relid,relname,schemaname}'::text[] as values
    from pg_stat_user_tables t where relname !~ '^(onion|kysely)'
  union all select 'io ' || relname, to_jsonb(t) - '{relid,relname,schemaname}'::text[]
    from pg_statio_user_tables t where relname !~ '^(onion|kysely)'
  union all select 'index ' || indexrelname, to_jsonb(t) - '{relid,indexrelid,relname,schemaname,indexrelname}'::text[]
    from pg_stat_user_indexes t where relname !~ '^(onion|kysely)'
  union all select 'io index ' || indexrelname, to_jsonb(t) - '{relid,indexrelid,relname,schemaname,indexrelname}'::text[]
    from pg_statio_user_indexes t where relname !~ '^(onion|kysely)'
  union all select 'database', to_jsonb(t) - '{datid,datname,blk_read_time,blk_write_time,session_time,active_time,idle_in_transaction_time,stats_reset,numbackends,sessions,sessions_killed,conflicts}'::text[]
    from pg_stat_database t where datname = current_database()
  order by 1`;

/** Of everything on the server, which a community does not have for itself. */
const SERVER_COUNTERS = `
  select 'server wal' as name, to_jsonb(t) as values from pg_stat_wal t
  union all select 'server bgwriter', to_jsonb(t) from pg_stat_bgwriter t
  union all select 'server slru ' || t.name, to_jsonb(t) from pg_stat_slru t
  order by 1`;

const STATISTICS = `select tablename || '.' || attname as name, null_frac, avg_width, n_distinct, correlation,
    array_length(most_common_freqs, 1) as common, most_common_freqs::text as frequencies,
    array_length(histogram_bounds::text::text[], 1) as bounds
  from pg_stats where schemaname = 'public' and tablename !~ '^(onion|kysely)' order by 1`;
