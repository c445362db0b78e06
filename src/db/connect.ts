import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { Config } from "../config.js";
import { Failure } from "../failure.js";
import type { EmbeddedServer } from "./embedded.js";
import { PreparingClient } from "./preparing-client.js";
import type { Database } from "./schema.js";

// A day is a day, not midnight in the zone of the server's clock.
pg.types.setTypeParser(pg.types.builtins.DATE, (day) => day);

/** As which PostgreSQL lists whatever may write members' rows. */
export const KITH = "kith";
/** Milliseconds to wait for a connection, a new one or a free one of the pool. */
const CONNECTION_TIMEOUT_MS = 5_000;
/** Milliseconds after which the server gives up a statement. */
const STATEMENT_TIMEOUT_MS = 15_000;
/** Milliseconds after which we give up a server that vanished without closing its connections. */
const QUERY_TIMEOUT_MS = 20_000;
/** Milliseconds that a transaction may hold its locks while we do something else. */
const IDLE_TRANSACTION_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 10;

export interface Connection {
  db: Kysely<Database>;
  pool: pg.Pool;
  close(): Promise<void>;
  /** Ends all connections at once, whatever is under way on them, and those to come. */
  cut(): void;
}

/** The embedded server's address, as far as connecting to it goes. */
export type SocketAddress = Pick<EmbeddedServer, "socketDir" | "port" | "user" | "database">;

/**
 * A pool over the embedded server's socket or over `DATABASE_URL`. It connects at the first query, survives the loss of
 * the database, and connects again by itself when it is back.
 *
 * @param address of the embedded server; needed exactly when there is no `databaseUrl`
 * @param statementTimeoutMs 0: none, for migrations
 * @param name as which PostgreSQL lists the connections
 * @param min how many connections are kept when there is nothing to do
 */
export async function connect(
  config: Pick<Config, "databaseUrl">,
  address?: SocketAddress,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
  name = KITH,
  min = 0,
): Promise<Connection> {
  const pool = new pg.Pool({
    ...target(config, address),
    Client: PreparingClient,
    application_name: name,
    min,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    // Else the server looks at a row itself only where its page was written to lately, and counts that: its numbers
    // tell on which page somebody stands who was looked up, such as whoever helped.
    // And a role or database may have a timeout of its own: none has to be asked for.
    onConnect: (client: pg.ClientBase) =>
      client.query(`set enable_indexonlyscan = off${statementTimeoutMs > 0 ? "" : "; set statement_timeout = 0"}`),
    ...(statementTimeoutMs > 0 ? { statement_timeout: statementTimeoutMs, query_timeout: QUERY_TIMEOUT_MS } : {}),
  });
  // Without a listener, an idle connection that is lost would end the process. The pool has already dropped it.
  pool.on("error", () => undefined);
  const clients = new Set<pg.PoolClient>();
  let isCut = false;
  pool.on("connect", (client) => {
    // So would one that is lost while in use; its query is rejected all the same.
    client.on("error", () => undefined);
    clients.add(client);
    if (isCut) endNow(client);
  });
  pool.on("remove", (client) => clients.delete(client));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    pool,
    close: () => db.destroy(),
    cut() {
      isCut = true;
      for (const client of clients) endNow(client);
    },
  };
}

/** In the middle of a statement as well: it is rejected then, and no transaction is committed after it. */
function endNow(client: pg.PoolClient): void {
  (client as unknown as pg.Client).end().catch(() => undefined);
}

function target({ databaseUrl }: Pick<Config, "databaseUrl">, address: SocketAddress | undefined): pg.PoolConfig {
  if (databaseUrl !== undefined) return { connectionString: withoutName(databaseUrl) };
  if (address === undefined) throw new Failure("no DATABASE_URL, and the embedded database is not running");
  return { host: address.socketDir, port: address.port, user: address.user, database: address.database };
}

/** A name in the address would go before the one by which a rotation and a restore know that Kith is connected. */
function withoutName(databaseUrl: string): string {
  const at = databaseUrl.indexOf("?");
  if (at < 0) return databaseUrl;
  const parameters = databaseUrl.slice(at + 1).split("&");
  const others = parameters.filter((parameter) => !new URLSearchParams(parameter).has("application_name"));
  return others.length === 0 ? databaseUrl.slice(0, at) : `${databaseUrl.slice(0, at)}?${others.join("&")}`;
}

/** Errors of Node when there is no server, or it goes away. */
const SYSTEM_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/**
 * SQLSTATE of a server that has ended a connection whose transaction waited for us longer than
 * `IDLE_TRANSACTION_TIMEOUT_MS`: the process was stopped, or the machine slept.
 */
export const IDLE_IN_TRANSACTION = "25P03";

/**
 * SQLSTATEs of a server that is stopping, starting, a standby, or full: class 08 (connection), 57P01…57P03 (shutdown,
 * crash, starting), 25006 (read-only: the primary moved), 25P03, 53300 (too many connections).
 */
const SQL_STATES = /^(08...|57P0[1-5]|25006|25P03|53300)$/;

/** What pg says without a code. */
const MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|timeout expired|Cannot use a pool after calling end|Client was closed and is not queryable/i;

/** Whether an error means that the database can't be reached at present, rather than that something is wrong with us. */
export function isDatabaseDown(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  // ENOENT is also what a missing file says: only a connection's counts.
  if (code !== undefined && SYSTEM_CODES.has(code) && (code !== "ENOENT" || syscall === "connect")) return true;
  if (code !== undefined && SQL_STATES.test(code)) return true;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isDatabaseDown);
  if (code === undefined && MESSAGES.test(error.message)) return true;
  return isDatabaseDown(error.cause);
}
