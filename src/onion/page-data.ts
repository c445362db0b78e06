import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import type { OnionNotice, OnionRow } from "../web/pages.js";
import type { Check, Entry } from "./entry.js";

/** From here on a connection is called slow, in milliseconds. */
const SLOW_MS = 10_000;

/** One line of the table. */
export function rowOf(entry: Entry): OnionRow {
  const [target, ...more] = entry.targets;
  if (target === undefined) throw new Error("an entry without an onion");
  return {
    domain: entry.domain,
    onion: target.onion,
    port: target.port,
    more: more.length,
    source: entry.source,
    changedBy: entry.changedBy,
    month: dayOf(entry.changedAt).slice(0, 7),
    reach: reachOf(entry),
  };
}

function reachOf({ check, fallback }: Pick<Entry, "check" | "fallback">): OnionRow["reach"] {
  if (check === undefined) return { state: "unchecked" };
  const since = check.unreachableSince;
  if (since !== undefined) return { state: "no", since: dayOf(since), clear: fallback };
  const state = check.milliseconds < SLOW_MS ? "yes" : "slow";
  return { state, seconds: secondsOf(check), day: dayOf(check.at) };
}

export function secondsOf(check: Pick<Check, "milliseconds">): string {
  const seconds = check.milliseconds / 1000;
  return seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0);
}

/** What an admin should look at, of one entry. */
export function noticesOf(entry: Entry): OnionNotice[] {
  const notices: OnionNotice[] = [];
  if (entry.check?.unreachableSince !== undefined) {
    notices.push({ kind: "unreachable", domain: entry.domain, clear: entry.fallback });
  }
  if (entry.contradiction !== undefined) {
    const { domain, contradiction: said } = entry;
    notices.push({ kind: "contradiction", domain, pinned: entry.source === "pinned", said });
  }
  if (entry.mtaSts !== undefined) notices.push({ kind: "mta-sts", domain: entry.domain, policy: entry.mtaSts });
  return notices;
}

/** Seven days back from now. */
export function weekAgo({ clock }: Pick<Context, "clock">): Date {
  return new Date(clock().getTime() - 7 * 86_400_000);
}
