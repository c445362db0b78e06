import type { Kysely } from "kysely";
import type { Config } from "../config.js";
import { type Connection, connect } from "./connect.js";
import { type EmbeddedOptions, type EmbeddedServer, openEmbedded } from "./embedded.js";
import type { Database } from "./schema.js";

export interface OpenDatabase extends Connection {
  /** Runs `work` on a connection without statement timeout, as migrations need. */
  unhurried<T>(work: (db: Kysely<Database>) => Promise<T>): Promise<T>;
}

/** What this process has open, or is about to open. */
const connections = new Set<Connection>();
const servers = new Set<Promise<EmbeddedServer>>();
let isBroken = false;

/** Whether this process was told to end: what fails from then on is no news. */
export function isBrokenOff(): boolean {
  return isBroken;
}

/**
 * Takes the database away from whatever this process does with it, for good: what is under way fails, and what
 * was begun is not committed. Embedded servers are left, and stopped where nobody else uses them.
 *
 * @returns whether there was anything open
 */
export async function breakOff(): Promise<boolean> {
  isBroken = true;
  const wasOpen = connections.size + servers.size > 0;
  for (const connection of connections) connection.cut();
  await Promise.allSettled([...servers].map(async (server) => (await server).close()));
  return wasOpen;
}

async function tracked(opening: Promise<Connection>): Promise<Connection> {
  const connection = await opening;
  connections.add(connection);
  if (isBroken) connection.cut();
  return {
    ...connection,
    close: () => connection.close().finally(() => connections.delete(connection)),
  };
}

async function join(dataDir: string, role: EmbeddedOptions["role"]): Promise<EmbeddedServer> {
  const joining = openEmbedded({ dataDir, role });
  servers.add(joining);
  try {
    const server = await joining;
    return { ...server, close: () => server.close().finally(() => servers.delete(joining)) };
  } catch (error) {
    servers.delete(joining);
    throw error;
  }
}

/**
 * The configured database: `DATABASE_URL`'s, or the embedded one, started if need be. Closing it also stops the embedded
 * server, unless somebody else uses it.
 *
 * @throws Failure
 */
export async function openDatabase(
  config: Pick<Config, "databaseUrl" | "dataDir">,
  role: EmbeddedOptions["role"],
  name?: string,
): Promise<OpenDatabase> {
  const server = config.databaseUrl === undefined ? await join(config.dataDir, role) : undefined;
  // Whoever must be alone sees by it that a Kith runs in which nobody does anything.
  const connection = await tracked(connect(config, server, undefined, name, role === "start" ? 1 : 0));
  return {
    ...connection,
    async unhurried(work) {
      const patient = await tracked(connect(config, server, 0, name));
      try {
        return await work(patient.db);
      } finally {
        await patient.close();
      }
    },
    async close() {
      try {
        await connection.close();
      } finally {
        await server?.close();
      }
    },
  };
}
