import { execFile, spawn } from "node:child_process";
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Failure } from "../failure.js";
import { type Place, privateDir, reason, SOCKET_PORT } from "./embedded-place.js";

const run = promisify(execFile);

/**
 * Given on the command line, so that nothing in the cluster can weaken them. The server's log and statistics must not
 * tell who did what when: no statement, no parameter, no value of a row, no connection, no time of commit.
 */
const SETTINGS: Record<string, string> = {
  // Only the Unix socket, and only its owner
  listen_addresses: "",
  unix_socket_permissions: "0700",
  log_statement: "none",
  log_min_duration_statement: "-1",
  log_min_duration_sample: "-1",
  log_transaction_sample_rate: "0",
  log_duration: "off",
  log_min_error_statement: "panic",
  // Above "error": an error's text may quote a value. Kith logs what it needs itself.
  log_min_messages: "log",
  log_error_verbosity: "terse",
  log_parameter_max_length: "0",
  log_parameter_max_length_on_error: "0",
  log_connections: "",
  log_disconnections: "off",
  log_checkpoints: "off",
  log_lock_waits: "off",
  log_autovacuum_min_duration: "-1",
  log_timezone: "UTC",
  timezone: "UTC",
  track_activities: "off",
  track_commit_timestamp: "off",
  summarize_wal: "off",
  // The write-ahead log carries what crash recovery needs, and old segments are removed rather than kept for reuse.
  wal_level: "minimal",
  max_wal_senders: "0",
  wal_recycle: "off",
  min_wal_size: "32MB",
  max_wal_size: "256MB",
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_connections: "50",
  shared_buffers: "64MB",
  huge_pages: "off",
  io_method: "sync",
  max_logical_replication_workers: "0",
  max_parallel_workers_per_gather: "0",
  jit: "off",
};

/** Bytes; a larger log is put aside (one old one is kept) at the next start. */
const MAX_LOG_BYTES = 1_000_000;

/** What `postmaster.pid` tells: the server's process, and the directory of its socket once that is known. */
export interface PidFile {
  pid: number;
  socketDir: string | undefined;
}

export async function readPidFile(cluster: string): Promise<PidFile | undefined> {
  const text = await fs.readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, socketDir: lines[4]?.startsWith("/") ? lines[4] : undefined };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Whether process `pid` is the server of this very cluster, and not another program that got a dead server's number. */
export async function isServerOf(cluster: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform !== "linux") {
    const { stdout } = await run("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
    return stdout.includes("postgres") && stdout.includes(`-D ${cluster}`);
  }
  const line = await fs.readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const args = line.split("\0");
  if (basename(args[0] ?? "") !== "postgres") return false;
  // A server works in its cluster, also when that was moved since.
  const workingDir = await fs.readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return workingDir === cluster || (workingDir === undefined && args[args.indexOf("-D") + 1] === cluster);
}

/**
 * Makes the lock files of a dead server harmless whose number now belongs to another program: PostgreSQL would take
 * that program for a running server. The file stays, with a number that no process has, because PostgreSQL finds in it
 * the shared memory that a last orphaned backend might still use.
 */
export async function disarmPidFile(place: Place, pid: number): Promise<void> {
  const path = join(place.cluster, "postmaster.pid");
  // The directory belongs to the server's user: don't follow a link out of it.
  const file = await fs.open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const [first, ...rest] = (await file.readFile("utf8")).split("\n");
    if (Number(first) !== pid) return;
    await file.truncate(0);
    await file.write([String(0x7fff_fffe), ...rest].join("\n"), 0);
  } finally {
    await file.close();
  }
  await fs.rm(join(place.socketDir, `.s.PGSQL.${SOCKET_PORT}.lock`), { force: true });
}

/**
 * Makes the cluster if there is none: beside its place and then renamed, so that a full disk or a power cut never
 * leaves half of one.
 *
 * @throws Failure
 */
export async function ensureCluster(place: Place): Promise<void> {
  const version = await fs.readFile(join(place.cluster, "PG_VERSION"), "utf8").catch(() => undefined);
  if (version !== undefined) return;
  await removeUnfinished(place);
  const unfinished = join(place.home, `unfinished-${process.pid}`);
  try {
    await run(
      place.binaries.initdb,
      [
        ...["-D", unfinished, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"],
        ...["--wal-segsize=4", "--no-sync", "--no-instructions"],
      ],
      { ...place.user, cwd: "/", env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" } },
    );
    await fs.rename(unfinished, place.cluster);
  } catch (error) {
    await fs.rm(unfinished, { recursive: true, force: true });
    // Another command made one at the same moment.
    if (["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) return;
    throw new Failure(`the database can't be set up in ${place.home}: ${initdbReason(error)}`, { cause: error });
  }
}

function initdbReason(error: unknown): string {
  const { stderr } = error as { stderr?: string };
  if (stderr === undefined || stderr.trim() === "") return reason(error);
  if (/No space left on device/.test(stderr)) return "the disk is full";
  const line = stderr.split("\n").find((one) => /error:|FATAL:|PANIC:/.test(one)) ?? stderr.trim().split("\n").at(-1)!;
  return line.replace(/^.*?(error|FATAL|PANIC):\s*/, "");
}

async function removeUnfinished(place: Place): Promise<void> {
  for (const name of await fs.readdir(place.home)) {
    const pid = Number(/^unfinished-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || (isAlive(pid) && pid !== process.pid)) continue;
    await fs.rm(join(place.home, name), { recursive: true, force: true });
  }
}

/** A server that was just launched; it may still find that another one was faster. */
export interface Launched {
  exited: Promise<void>;
  hasExited(): boolean;
  /** The first complaint in the log since the launch. */
  complaint(): Promise<string>;
}

/**
 * Launches the server in a session of its own, so that Ctrl-C in a terminal reaches Kith alone, which then stops the
 * server last.
 */
export async function launch(place: Place, extra: Record<string, string> = {}): Promise<Launched> {
  // The last user may have tidied away the one in the temporary folder since.
  await privateDir(place.socketDir, place.user);
  const size = (await fs.stat(place.log).catch(() => undefined))?.size ?? 0;
  if (size > MAX_LOG_BYTES) await fs.rename(place.log, `${place.log}.old`);
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  const log = await fs.open(place.log, flags, 0o600);
  try {
    const from = (await log.stat()).size;
    const settings = Object.entries({ ...SETTINGS, ...extra }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const args = ["-D", place.cluster, "-k", place.socketDir, "-p", String(SOCKET_PORT), ...settings];
    const child = spawn(
      "/bin/sh",
      // No core dump: what a member's request put into memory must not end up on the disk.
      ["-c", 'ulimit -c 0; exec "$0" "$@"', place.binaries.postgres, ...args],
      {
        ...place.user,
        cwd: "/",
        env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
      },
    );
    let gone = false;
    const exited = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    }).then(() => {
      gone = true;
    });
    child.unref();
    return { exited, hasExited: () => gone, complaint: () => complaint(place.log, from) };
  } finally {
    await log.close();
  }
}

async function complaint(log: string, from: number): Promise<string> {
  const text = (await fs.readFile(log).catch(() => Buffer.alloc(0))).subarray(from).toString("utf8");
  if (/No space left on device/.test(text)) return "the disk is full";
  const line = text.split("\n").find((one) => /(FATAL|PANIC|ERROR):/.test(one)) ?? text.trim().split("\n").at(-1) ?? "";
  return line.replace(/^.*?(FATAL|PANIC|ERROR):\s*/, "") || "it says nothing";
}

/** Fast shutdown: sessions are ended, everything is written. Returns when the server is gone. */
export async function stopServer(cluster: string, pid: number): Promise<void> {
  for (const [signal, seconds] of [
    ["SIGINT", 30],
    ["SIGQUIT", 10],
  ] as const) {
    if (!(await isServerOf(cluster, pid))) return;
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
      if (!isAlive(pid) || !(await isServerOf(cluster, pid))) return;
      await sleep(5);
    }
  }
  throw new Failure(`PostgreSQL (process ${pid}) does not stop`);
}
