import type { Kysely } from "kysely";
import type { Database } from "../db/schema.js";
import { notifyChanged } from "./queries.js";

// What the command line may ask of the map without changing it; and a domain that discovery is asked for.
export { readEntries, readVirtualAddresses, wantDomain } from "./queries.js";

/** Tells every instance to read the whole map anew, as soon as the transaction commits. */
export async function readAnew(db: Kysely<Database>): Promise<void> {
  await notifyChanged(db, "*");
}
