import type { Kysely } from "kysely";
import type { LRUCache } from "lru-cache";
import type pg from "pg";
import type { Logger } from "pino";
import type { Decoys } from "./accounts/decoys.js";
import type { Hashing } from "./accounts/hashing.js";
import type { OpenedRecords } from "./accounts/opened-records.js";
import type { LeftMarks } from "./accounts/sessions.js";
import type { Shown } from "./accounts/told.js";
import type { Config } from "./config.js";
import type { Database } from "./db/schema.js";
import type { Nobody } from "./protocol/nobody.js";

/**
 * What only ever grows, as far as this process has seen it: whoever takes away the newest row does not bring back the one
 * before. A new process learns it from the accounts at its first inspection.
 */
export interface Seen {
  /** The newest version in `people` of each account that has more than one. */
  versions: Map<string, { version: number; since: number }>;
  /** Counts what was learnt and asked, so that an answer is never measured by what was learnt after the question. */
  moment: number;
  /** The highest number of an admin's act, and of a review key. */
  acts: number;
  reviewKeys: number;
  letters: RememberedLetters;
  /** Sessions that ended, by id in base64url, and the moment of it. */
  endedSessions: LRUCache<string, number>;
  /** The day on which an earlier state of the database was found in place. */
  putBack: string | undefined;
  /** Whether somebody is, or was, an admin here. */
  founded: boolean;
  /** Whether the anchor says so, of this database or of one that was here before it. */
  foundedBefore: boolean;
  /** Names of settings that were there. */
  settings: Set<string>;
  inspected: Inspected;
}

/**
 * What the last inspection found, for the next to compare with. Only inspections write here: what they report would
 * otherwise depend on who met whom in between.
 */
export interface Inspected {
  /** The version in `people` of each account that has more than one. */
  versions: Map<string, number>;
  /** The ids of all members; also of those who were found missing, until they are back. */
  accounts: Set<string>;
  /** A digest of each row that spends a letter; such rows never change, and none is ever taken away. */
  spent: Set<string>;
}

/** Hashes of letters that this process has seen spent. */
export interface RememberedLetters {
  has(hash: string): boolean;
  add(hash: string): void;
}

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
  shown: Shown;
  leftMarks: LeftMarks;
  nobody: Nobody;
  /** How many rows were reported, by table, that do not bear Kith's tag; since the start of this process. */
  forgedRows: Map<string, number>;
  seen: Seen;
  decoys: Decoys;
}
