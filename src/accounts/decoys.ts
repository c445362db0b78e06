import { randomBytes, randomUUID } from "node:crypto";
import { type DecoyLock, makeDecoyLock } from "../protocol/lock.js";
import type { Nobody } from "../protocol/nobody.js";
import { sealToNobody } from "../protocol/nobody.js";
import type { TokenRow } from "../protocol/token.js";

/** What stands in for a member who does not exist, so that the same work is done for an unknown name. */
export interface Decoys {
  /** A locked key that nothing opens. */
  lock: DecoyLock;
  /** S relation rows that are for nobody. */
  rows: readonly TokenRow[];
  /** Ids of S rows in `people` that are nobody's: look-ups always ask for S ids. */
  personIds: readonly string[];
}

/** @param month first day of the month, as for everybody's key */
export async function makeDecoys(
  serverSecret: Uint8Array,
  nobody: Nobody,
  personIds: readonly string[],
  slots: number,
  month: Date,
): Promise<Decoys> {
  const rows = Array.from({ length: slots }, async () => ({
    id: randomUUID(),
    trusting_id: randomUUID(),
    generation: randomBytes(16),
    sealed_token: await sealToNobody(nobody, "small"),
    token_hash: randomBytes(32),
  }));
  return {
    lock: await makeDecoyLock(serverSecret, randomUUID(), month),
    rows: await Promise.all(rows),
    personIds,
  };
}
