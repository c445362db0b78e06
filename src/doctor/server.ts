import { readFile } from "node:fs/promises";
import { type Kysely, sql } from "kysely";
import type { Database } from "../db/schema.js";
import type { Finding } from "./findings.js";
import { leavesCoreDump } from "./machine.js";

const about = "database" as const;

/** Settings by which a server writes down who did what when, and the value that does not. */
const TELLTALE: Record<string, string> = {
  log_statement: "none",
  log_min_duration_statement: "-1",
  log_min_duration_sample: "-1",
  log_transaction_sample_rate: "0",
  log_duration: "off",
  log_parameter_max_length_on_error: "0",
  log_parser_stats: "off",
  log_planner_stats: "off",
  log_executor_stats: "off",
  log_statement_stats: "off",
  debug_print_parse: "off",
  debug_print_rewritten: "off",
  debug_print_plan: "off",
  track_commit_timestamp: "off",
  summarize_wal: "off",
  "auto_explain.log_min_duration": "-1",
  "pgaudit.log": "none",
  "pgaudit.role": "",
};

/** Settings that are wider than Kith needs by PostgreSQL's own default, and the values that are not. */
const WIDE: Record<string, readonly string[]> = {
  log_min_messages: ["log", "fatal", "panic"],
  log_min_error_statement: ["panic"],
  log_error_verbosity: ["terse"],
  log_parameter_max_length: ["0"],
  log_connections: ["off", ""],
  log_disconnections: ["off"],
  log_lock_waits: ["off"],
  log_lock_failures: ["off"],
  log_recovery_conflict_waits: ["off"],
  track_activities: ["off"],
};

/** Extensions that keep what was done, by the prefix of their settings. */
const KEEPERS: Record<string, Finding["level"]> = {
  pg_stat_statements: "note",
  pg_store_plans: "note",
  pg_stat_monitor: "wrong",
  pg_qualstats: "wrong",
};

/** Settings without which a change that was answered may be lost in a crash, or the whole database. */
const DURABLE = ["fsync", "full_page_writes", "synchronous_commit"];

/** A server's settings by name, as `pg_settings` has them. */
export type Settings = ReadonlyMap<string, string>;

/** What a server writes down, keeps, and could lose. */
export async function checkServer(db: Kysely<Database>): Promise<Finding[]> {
  const { rows } = await sql<{ name: string; setting: string }>`
    select name, coalesce(setting, '') as setting from pg_settings`.execute(db);
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
  return [
    ...judgeTelltales(settings),
    ...judgeWide(settings),
    ...judgeDurability(settings),
    ...judgeWriteAheadLog(settings),
    ...(await checkReplicas(db)),
    ...(await checkServerDumps(db)),
  ];
}

export function judgeTelltales(settings: Settings): Finding[] {
  const found: Finding[] = [];
  for (const [name, silent] of Object.entries(TELLTALE)) {
    const value = settings.get(name);
    // Older servers don't know all of them; those of an extension are there when it is loaded.
    if (value === undefined || value === silent) continue;
    found.push({
      level: "wrong",
      about,
      text: `${name} is ${value}: the server writes down who did what when`,
      todo: `set ${name} = ${silent || "''"} in postgresql.conf and reload`,
    });
  }
  const level = settings.get("log_min_messages") ?? "";
  if (level.startsWith("debug")) {
    found.push({
      level: "wrong",
      about,
      text: `log_min_messages is ${level}: every statement stands in the server's log`,
      todo: "set log_min_messages = log in postgresql.conf and reload",
    });
  }
  for (const [extension, level] of Object.entries(KEEPERS)) {
    const isLoaded = [...settings.keys()].some((name) => name.startsWith(`${extension}.`));
    if (!isLoaded || settings.get(`${extension}.track`) === "none") continue;
    found.push({
      level,
      about,
      text: `${extension} is loaded: it counts ${level === "wrong" ? "and quotes " : ""}what is done, for whoever may look`,
      todo: `take ${extension} out of shared_preload_libraries and restart the server`,
    });
  }
  if (found.some((finding) => finding.level === "wrong")) return found;
  return [{ level: "good", about, text: "the server's log keeps statements, values and times to itself" }, ...found];
}

export function judgeWide(settings: Settings): Finding[] {
  const wide = Object.entries(WIDE).filter(([name, narrow]) => {
    const value = settings.get(name);
    return value !== undefined && !narrow.includes(value);
  });
  if (wide.length === 0) return [];
  const list = (what: (name: string, narrow: readonly string[]) => string) =>
    wide.map(([name, narrow]) => what(name, narrow)).join(", ");
  return [
    {
      level: "note",
      about,
      text: `the server may log more than is needed, such as a name in the text of an error: ${list((name) => `${name} is ${settings.get(name) || "''"}`)}`,
      todo: `set ${list((name, [narrow]) => `${name} = ${narrow}`)}`,
    },
  ];
}

export function judgeDurability(settings: Settings): Finding[] {
  const found: Finding[] = DURABLE.filter((name) => settings.get(name) === "off").map((name) => ({
    level: "wrong",
    about,
    text: `${name} is off: a crash may lose what members were told is done`,
    todo: `set ${name} = on in postgresql.conf and reload`,
  }));
  if (settings.get("data_checksums") === "off") {
    found.push({
      level: "note",
      about,
      text: "the server's pages have no checksums: a disk that forgets is noticed late",
      todo: "pg_checksums --enable while the server is stopped",
    });
  }
  return found;
}

export function judgeWriteAheadLog(settings: Settings): Finding[] {
  const found: Finding[] = [];
  if ((settings.get("archive_mode") ?? "off") !== "off") {
    found.push({
      level: "note",
      about,
      text: "the write-ahead log is archived: it tells which accounts changed when",
      todo: "keep the archive encrypted and no longer than you need it",
    });
  }
  if (settings.get("wal_level") === "logical") {
    found.push({
      level: "note",
      about,
      text: "wal_level is logical: the write-ahead log is written to be read by other programs",
      todo: "set wal_level = replica, or minimal where there is no standby, and restart the server",
    });
  }
  return found;
}

async function checkReplicas(db: Kysely<Database>): Promise<Finding[]> {
  const { rows } = await sql<{ name: string; type: string; active: boolean }>`
    select slot_name as name, slot_type as type, active from pg_replication_slots order by 1`.execute(db);
  const found: Finding[] = rows
    .filter(({ type, active }) => type === "logical" || !active)
    .map(({ name, type }) => ({
      level: "note",
      about,
      text:
        type === "logical"
          ? `the logical replication slot ${name} hands every change to whoever reads it`
          : `nobody uses the replication slot ${name}: the write-ahead log is kept for it without end`,
      todo: `if it is not needed: select pg_drop_replication_slot('${name}')`,
    }));
  const standbys = await sql<{ count: number }>`select count(*)::int as count from pg_stat_replication`.execute(db);
  const count = standbys.rows[0]?.count ?? 0;
  if (count > 0) {
    found.push({ level: "good", about, text: `${count} standby servers follow: each is as sensitive as this one` });
  }
  return found;
}

/** Whether a crash of the server leaves a core dump, if it runs on this machine. */
async function checkServerDumps(db: Kysely<Database>): Promise<Finding[]> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  const pid = rows[0]?.pid;
  // On another machine the number is nobody's here, or another program's.
  const line = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
  if (!line.startsWith("postgres: ") || !(await leavesCoreDump(`/proc/${pid}/limits`))) return [];
  return [
    {
      level: "note",
      about,
      text: "a crash of the server may leave a core dump with what was in its memory",
      todo: "start it with ulimit -c 0 (systemd: LimitCORE=0)",
    },
  ];
}
