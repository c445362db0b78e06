import { LRUCache } from "lru-cache";
import type { RememberedLetters } from "../context.js";

/** More than are redeemed or taken back while one of them would still be good. */
const REMEMBERED = 100_000;

/** Who takes away the row that spends a letter does not make it good again, as long as this process lives. */
export function rememberLetters(): RememberedLetters {
  const hashes = new LRUCache<string, true>({ max: REMEMBERED });
  return { has: (hash) => hashes.has(hash), add: (hash) => void hashes.set(hash, true) };
}
