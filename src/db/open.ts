import type { Kysely } from "kysely";
import type { Config } from "../config.js";
import { type Connection, connect } from "./connect.js";
import { type EmbeddedOptions, openEmbedded } from "./embedded.js";
import type { Database } from "./schema.js";

export interface OpenDatabase extends Connection {
  /** Runs `work` on a connection without statement timeout, as migrations need. */
  unhurried<T>(work: (db: Kysely<Database>) => Promise<T>): Promise<T>;
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
  const server = config.databaseUrl === undefined ? await openEmbedded({ dataDir: config.dataDir, role }) : undefined;
  // Whoever must be alone sees by it that a Kith runs in which nobody does anything.
  const connection = await connect(config, server, undefined, name, role === "start" ? 1 : 0);
  return {
    ...connection,
    async unhurried(work) {
      const patient = await connect(config, server, 0, name);
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
