import { LRUCache } from "lru-cache";
import type { Context } from "../context.js";
import { fromBase64url, toBase64url } from "../protocol/bytes.js";
import { readSelfRecord, type SelfRecord, writeSelfRecord } from "../protocol/self-record.js";
import { unwrapOpened, wrapOpened } from "../protocol/session.js";
import type { Session } from "./sessions.js";

/** Records that were opened lately, by session; some 5 kB each. Only the session's cookie opens one again. */
export type OpenedRecords = LRUCache<string, Uint8Array>;

export function makeOpenedRecords(): OpenedRecords {
  return new LRUCache({ max: 1_000, ttl: 30 * 60_000 });
}

/** The session's own record as it was opened before, if the account is still of the same generation. */
export function recallRecord(context: Context, { id, cookie, account }: Session): SelfRecord | undefined {
  const wrapped = context.openedRecords.get(toBase64url(id));
  const bytes = wrapped && unwrapOpened(fromBase64url(cookie) as Uint8Array, wrapped, account.generation);
  return bytes && readSelfRecord(bytes);
}

/** Remembers an opened record for the session's next page. */
export function rememberRecord(context: Context, { id, cookie, account }: Session, record: SelfRecord): void {
  const wrapped = wrapOpened(fromBase64url(cookie) as Uint8Array, writeSelfRecord(record), account.generation);
  context.openedRecords.set(toBase64url(id), wrapped);
}
