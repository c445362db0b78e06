import type { Kysely } from "kysely";
import type pg from "pg";
import type { Logger } from "pino";
import { makeDecoys } from "./accounts/decoys.js";
import { makeHashing } from "./accounts/hashing.js";
import type { Config } from "./config.js";
import type { Context } from "./context.js";
import { monthStart } from "./days.js";
import type { Database } from "./db/schema.js";
import { ensureDecoyPersons } from "./people/people.js";
import { makeNobody } from "./protocol/nobody.js";
import { fixTrustSlots } from "./settings.js";

/** What a context is made of; the database is migrated. */
export interface Parts {
  config: Config;
  db: Kysely<Database>;
  pool: pg.Pool;
  secret: Uint8Array;
  clock: () => Date;
  log: Logger;
}

/** Adds what is made anew in each process: the queue for hashing, "nobody", and the decoys. */
export async function makeContext(parts: Parts): Promise<Context> {
  const slots = parts.config.trustSlots;
  const month = monthStart(parts.clock());
  await fixTrustSlots(parts.db, parts.secret, slots);
  const [nobody, personIds] = await Promise.all([makeNobody(month), ensureDecoyPersons(parts, slots)]);
  const decoys = await makeDecoys(parts, nobody, personIds);
  return { ...parts, hashing: makeHashing(), nobody, decoys, forgedRows: new Map() };
}
