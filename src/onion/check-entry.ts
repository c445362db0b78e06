import type { Context } from "../context.js";
import { checkOnion, type OnionCheck } from "./check-onion.js";
import type { Entry } from "./entry.js";
import { isUnreachable } from "./outcome.js";
import { notifyChanged, writeCheck } from "./queries.js";

/**
 * Checks the onions of an entry in their order until one answers, and keeps the result.
 *
 * @returns the check of the one that answered, or of the first one
 */
export async function checkEntry(context: Pick<Context, "db" | "clock" | "config">, entry: Entry): Promise<OnionCheck> {
  let check: OnionCheck | undefined;
  for (const target of entry.targets) {
    const one = await checkOnion(context.config.torSocks, target);
    // Our own Tor is down: that is no news about the onion, and no reason ever to use the clear net.
    if (one.outcome === "tor-down") return one;
    if (check === undefined || one.outcome === "reachable") check = one;
    if (one.outcome === "reachable") break;
  }
  if (check === undefined) throw new Error("an entry without an onion");
  const unreachable = isUnreachable(check.outcome) === true;
  await writeCheck(context.db, entry.domain, {
    at: context.clock(),
    outcome: check.outcome,
    milliseconds: check.milliseconds,
    starttls: check.starttls,
    unreachable,
  });
  const was = entry.check?.unreachableSince !== undefined;
  if (entry.fallback && was !== unreachable) await notifyChanged(context.db, entry.domain);
  return check;
}
