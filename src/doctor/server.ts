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
  // A sort that spills brings its statement along.
  log_temp_files: "-1",
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
  // When Kith was busy, and with how much.
  log_checkpoints: ["off"],
  log_autovacuum_min_duration: ["-1"],
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

/** Whose settings those are, and where each was set. */
interface Origin {
  sources: ReadonlyMap<string, string>;
  /** As SQL writes them. */
  role: string;
  database: string;
}

/** By where a setting was set, as `pg_settings.source` has it: how it is taken back there. None of these yields to a file. */
const TAKEN_BACK: Record<string, (name: string, value: string, origin: Origin) => string> = {
  user: (name, _value, { role }) => `as a superuser: alter role ${role} reset ${name}; then restart Kith`,
  database: (name, _value, { database }) =>
    `as a superuser: alter database ${database} reset ${name}; then restart Kith`,
  "database user": (name, _value, { role, database }) =>
    `as a superuser: alter role ${role} in database ${database} reset ${name}; then restart Kith`,
  global: (name) => `as a superuser: alter role all reset ${name}; then restart Kith`,
  client: (name) => `take ${name} out of the options in DATABASE_URL or PGOPTIONS`,
  "command line": (name, value) => `the server was started with it: start it with -c ${name}=${value}`,
};

function fix(name: string, value: string, origin: Origin): string {
  const takenBack = TAKEN_BACK[origin.sources.get(name) ?? ""];
  return takenBack?.(name, value, origin) ?? `set ${name} = ${value} in postgresql.conf and reload`;
}

/** What a server writes down, keeps, and could lose. */
export async function checkServer(db: Kysely<Database>): Promise<Finding[]> {
  const { rows } = await sql<{ name: string; setting: string; source: string }>`
    select name, coalesce(setting, '') as setting, source from pg_settings`.execute(db);
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
  const names = await sql<{ role: string; database: string }>`
    select quote_ident(current_user) as role, quote_ident(current_database()) as database`.execute(db);
  const origin = { sources: new Map(rows.map(({ name, source }) => [name, source])), ...names.rows[0]! };
  return [
    ...judgeTelltales(settings, origin),
    ...judgeWide(settings, origin),
    ...judgeDurability(settings, origin),
    ...judgeWriteAheadLog(settings),
    ...(await checkReplicas(db)),
    ...(await checkServerDumps(db)),
  ];
}

export function judgeTelltales(settings: Settings, origin: Origin): Finding[] {
  const found: Finding[] = [];
  for (const [name, silent] of Object.entries(TELLTALE)) {
    const value = settings.get(name);
    // Older servers don't know all of them; those of an extension are there when it is loaded.
    if (value === undefined || value === silent) continue;
    found.push({
      level: "wrong",
      about,
      text: `${name} is ${value}: the server writes down who did what when`,
      todo: fix(name, silent || "''", origin),
    });
  }
  const level = settings.get("log_min_messages") ?? "";
  if (level.startsWith("debug")) {
    found.push({
      level: "wrong",
      about,
      text: `log_min_messages is ${level}: every statement stands in the server's log`,
      todo: fix("log_min_messages", "log", origin),
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

export function judgeWide(settings: Settings, origin: Origin): Finding[] {
  const wide = Object.entries(WIDE).filter(([name, narrow]) => {
    const value = settings.get(name);
    return value !== undefined && !narrow.includes(value);
  });
  if (wide.length === 0) return [];
  const said = wide.map(([name]) => `${name} is ${settings.get(name) || "''"}`).join(", ");
  const isElsewhere = ([name]: (typeof wide)[number]) => (origin.sources.get(name) ?? "") in TAKEN_BACK;
  const elsewhere = wide.filter(isElsewhere);
  const inFile = wide.filter((one) => !isElsewhere(one));
  return [
    {
      level: "note",
      about,
      text: `the server may log more than is needed, such as a name in the text of an error: ${said}`,
      todo: [
        ...(inFile.length === 0 ? [] : [`set ${inFile.map(([name, [narrow]]) => `${name} = ${narrow}`).join(", ")}`]),
        ...elsewhere.map(([name, [narrow]]) => fix(name, narrow ?? "", origin)),
      ].join("; "),
    },
  ];
}

export function judgeDurability(settings: Settings, origin: Origin): Finding[] {
  const found: Finding[] = DURABLE.filter((name) => settings.get(name) === "off").map((name) => ({
    level: "wrong",
    about,
    text: `${name} is off: a crash may lose what members were told is done`,
    todo: fix(name, "on", origin),
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
