import { rmdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { Failure } from "../failure.js";
import { type Place, preparePlace, SOCKET_PORT } from "./embedded-place.js";
import {
  disarmPidFile,
  ensureCluster,
  isAlive,
  isServerOf,
  type Launched,
  launch,
  readPidFile,
  stopServer,
} from "./postmaster.js";

/**
 * Who uses the embedded server is known by advisory locks in its `postgres` database. They end with their connection,
 * so after a `kill -9` nothing stale is left to explain away.
 *
 * - `USERS`: held shared by every Kith process; whoever leaves and gets it alone was the last, and stops the server.
 * - `START`: held by the one `kith start`.
 */
const USERS = 0x6b697468;
const START = 0x6b697469;

/** Milliseconds: recovery after a crash of the machine may read a lot of write-ahead log. */
const START_TIMEOUT_MS = 120_000;
/** Milliseconds that a server may be alive without a socket to connect to before it is stopped. */
const DEAF_TIMEOUT_MS = 3_000;
/** Milliseconds after which the lock of a `kith start` whose process is not to be seen is believed. */
const TAKEN_TIMEOUT_MS = 5_000;
const MAX_FAILED_LAUNCHES = 5;

/** The role and the database of the application: not a superuser. */
const APPLICATION = "kith";

export interface EmbeddedOptions {
  dataDir: string;
  /** `start`: there may be only one on a data directory; `command`: any number. */
  role: "start" | "command";
  /** Server settings on top of Kith's own, for a server launched by this call: tests turn `fsync` off. */
  settings?: Record<string, string>;
}

export interface EmbeddedServer {
  socketDir: string;
  port: number;
  user: string;
  database: string;
  /** Leaves the server; the last one to leave stops it. */
  close(): Promise<void>;
}

/**
 * Joins the embedded server of a data directory: makes the cluster if there is none, adopts a server left behind by a
 * killed Kith, or launches one. Should the server die, it is brought back until `close`.
 *
 * @throws Failure when there is already a `kith start`, or PostgreSQL can't run
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const place = await preparePlace(options.dataDir);
  const closing = new AbortController();
  const { signal } = closing;
  let member = await join(place, options);
  let rejoining: Promise<void> | undefined;

  function watch(): void {
    member.client.once("end", () => {
      if (!signal.aborted) rejoining = rejoin();
    });
  }
  async function rejoin(): Promise<void> {
    while (!signal.aborted) {
      try {
        member = await join(place, options, () => signal.aborted);
        watch();
        return;
      } catch {
        // `close` waits for this: a sleep that holds nothing up would end the process in the middle of it.
        await sleep(500, undefined, { signal }).catch(() => undefined);
      }
    }
  }
  watch();
  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    closing.abort();
    await rejoining;
    await leave(place, member);
  }
  return {
    socketDir: member.socketDir,
    port: SOCKET_PORT,
    user: APPLICATION,
    database: APPLICATION,
    close() {
      closed ??= close();
      return closed;
    },
  };
}

interface Member {
  /** Holds the locks. */
  client: pg.Client;
  socketDir: string;
  /** The server's process. */
  pid: number | undefined;
}

async function join(place: Place, options: EmbeddedOptions, isGivenUp = () => false): Promise<Member> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let launched: Launched | undefined;
  let failedLaunches = 0;
  let deafSince: number | undefined;
  let takenSince: number | undefined;

  while (Date.now() < deadline && !isGivenUp()) {
    const server = await readPidFile(place.cluster);
    const isOurs = server !== undefined && (await isServerOf(place.cluster, server.pid));

    if (!isOurs && launched?.hasExited() !== false) {
      if (launched !== undefined && ++failedLaunches >= MAX_FAILED_LAUNCHES) {
        throw new Failure(`PostgreSQL does not start: ${await launched.complaint()} (see ${place.log})`);
      }
      // Something else has the dead server's number, or another launch is at this very moment writing the file.
      if (launched !== undefined) await sleep(200);
      if (server !== undefined && isAlive(server.pid) && !(await isServerOf(place.cluster, server.pid))) {
        await disarmPidFile(place, server.pid).catch(() => undefined);
      }
      await ensureCluster(place);
      launched = await launch(place, options.settings);
      deafSince = undefined;
    }

    const socketDir = server?.socketDir ?? place.socketDir;
    const attempt = isOurs || launched !== undefined ? await enter(socketDir, options.role) : "deaf";
    if (typeof attempt === "object") {
      const pid = (await readPidFile(place.cluster))?.pid;
      return { client: attempt, socketDir, pid };
    }
    if (attempt === "perhaps taken") takenSince ??= Date.now();
    if (attempt === "taken" || Date.now() - (takenSince ?? Date.now()) > TAKEN_TIMEOUT_MS) {
      throw new Failure(`Kith is already running on the data directory ${options.dataDir}`);
    }
    if (attempt === "deaf" && isOurs && launched === undefined) {
      // Adopted, but its socket is gone: nobody can reach it any more.
      deafSince ??= Date.now();
      if (Date.now() - deafSince > DEAF_TIMEOUT_MS) await stopServer(place.cluster, server.pid);
    } else deafSince = undefined;
    await sleep(10);
  }
  throw new Failure(`PostgreSQL is not ready after ${START_TIMEOUT_MS / 1000} seconds (see ${place.log})`);
}

/**
 * `deaf`: no socket there; `later`: starting, stopping, or the last user is just leaving; `taken`: there is a
 * `kith start`; `perhaps taken`: its process is not to be seen from here (killed a moment ago, or in another container)
 */
type Attempt = pg.Client | "deaf" | "later" | "taken" | "perhaps taken";

/** One attempt to connect and take the locks. */
async function enter(socketDir: string, role: EmbeddedOptions["role"]): Promise<Attempt> {
  const client = new pg.Client({
    host: socketDir,
    port: SOCKET_PORT,
    user: "postgres",
    database: "postgres",
    application_name: `kith ${role} ${process.pid}`,
    connectionTimeoutMillis: 5_000,
  });
  // A server that goes away is noticed by the "end" event; the error that comes with it says nothing more.
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ECONNREFUSED" ? "deaf" : "later";
  }
  try {
    if (!(await lock(client, "pg_try_advisory_lock_shared", USERS))) {
      await client.end();
      return "later";
    }
    if (role === "start" && !(await lock(client, "pg_try_advisory_lock", START))) {
      const holder = await startedBy(client);
      await client.end();
      // A killed Kith's connection may outlive it by a moment.
      return holder !== undefined && isAlive(holder) ? "taken" : "perhaps taken";
    }
    await ensureApplication(client);
    return client;
  } catch {
    await client.end().catch(() => undefined);
    return "later";
  }
}

async function lock(client: pg.Client, call: string, key: number): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>(`select ${call}($1::bigint) as got`, [key]);
  return rows[0]!.got;
}

/** The process that holds `START`, as it said when it connected. */
async function startedBy(client: pg.Client): Promise<number | undefined> {
  const { rows } = await client.query<{ application_name: string }>(
    `select application_name from pg_stat_activity join pg_locks using (pid)
      where locktype = 'advisory' and granted and classid = 0 and objid = $1::bigint::oid`,
    [START],
  );
  const pid = /^kith start (\d+)$/.exec(rows[0]?.application_name ?? "")?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** Makes the application's role and database; two at once may meet here. */
async function ensureApplication(client: pg.Client): Promise<void> {
  const { rows } = await client.query("select 1 from pg_database where datname = $1", [APPLICATION]);
  if (rows.length > 0) return;
  const DUPLICATE = new Set(["42710", "42P04", "23505"]);
  for (const statement of [
    `create role ${APPLICATION} login nosuperuser`,
    `create database ${APPLICATION} owner ${APPLICATION} template template0`,
  ]) {
    await client.query(statement).catch((error: { code?: string }) => {
      if (!DUPLICATE.has(error.code ?? "")) throw error;
    });
  }
}

async function leave(place: Place, { client, pid }: Member): Promise<void> {
  try {
    await client.query("select pg_advisory_unlock_shared($1::bigint)", [USERS]);
    const isLast = await lock(client, "pg_try_advisory_lock", USERS);
    // The lock is held until the server is gone, so that nobody enters a server that is about to stop.
    if (isLast && pid !== undefined) {
      await stopServer(place.cluster, pid);
      if (place.socketDir !== place.home) await rmdir(place.socketDir).catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    // The connection is lost: the server is already down, or whoever comes next adopts it.
  } finally {
    await client.end().catch(() => undefined);
  }
}
