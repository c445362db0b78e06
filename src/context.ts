import type { Kysely } from "kysely";
import type pg from "pg";
import type { Logger } from "pino";
import type { Config } from "./config.js";
import type { Database } from "./db/schema.js";

/** What every use case is given. */
export interface Context {
  config: Config;
  db: Kysely<Database>;
  pool: pg.Pool;
  /** The server secret, 32 bytes. */
  secret: Uint8Array;
  clock: () => Date;
  log: Logger;
}
