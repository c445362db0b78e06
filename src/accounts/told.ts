import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Context } from "../context.js";
import type { RecordedEvent, SelfRecord } from "../protocol/self-record.js";

// What a sign-in has to tell stands in the record until the next one. Of two at once nobody may see the answer to the first;
// so only what a page of this process has shown is taken out.

/** Digests of what was shown, each of 32 bytes in base64url: nothing can be read from them. */
export type Shown = LRUCache<string, true>;

export function makeShown(): Shown {
  return new LRUCache({ max: 20_000 });
}

function digestOf(accountId: string, event: RecordedEvent): string {
  return createHash("sha256")
    .update(JSON.stringify([accountId, event]))
    .digest("base64url");
}

/** Notes that the owner has seen what the record tells. */
export function noteShown(context: Context, accountId: string, told: readonly RecordedEvent[]): void {
  for (const event of told) context.shown.set(digestOf(accountId, event), true);
}

/** Whether the owner has seen it. */
export function isShown(context: Context, accountId: string, event: RecordedEvent): boolean {
  return context.shown.has(digestOf(accountId, event));
}

/** Takes out what was shown; after a restart it may be told once more. */
export function forgetShown(context: Context, accountId: string, record: SelfRecord): void {
  record.told = record.told.filter((event) => !isShown(context, accountId, event));
}
