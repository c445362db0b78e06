import type { Kysely } from "kysely";
import type pg from "pg";
import type { Logger } from "pino";
import type { Decoys } from "./accounts/decoys.js";
import type { Hashing } from "./accounts/hashing.js";
import type { OpenedRecords } from "./accounts/opened-records.js";
import type { Config } from "./config.js";
import type { Database } from "./db/schema.js";
import type { Nobody } from "./protocol/nobody.js";

/** What every use case gets: the configuration, the database, the server secret and the clock. */
export interface Context {
  config: Config;
  db: Kysely<Database>;
  pool: pg.Pool;
  /** 32 bytes */
  secret: Uint8Array;
  clock: () => Date;
  log: Logger;
  /** The queue for Argon2id runs. */
  hashing: Hashing;
  openedRecords: OpenedRecords;
  nobody: Nobody;
  /** How many rows were met, by table, that do not bear Kith's tag; since the start of this process. */
  forgedRows: Map<string, number>;
  decoys: Decoys;
}
