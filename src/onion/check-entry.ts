import type { Context } from "../context.js";
import { checkOnion, type OnionCheck } from "./check-onion.js";
import type { Entry } from "./entry.js";
import { isUnreachable } from "./outcome.js";
import { notifyChanged, writeCheck } from "./queries.js";

/**
 * Checks the onions of an entry in their order until one answers, and keeps the result.
 *
 * @param signal breaks it off; nothing is kept then
 * @returns the check of the one that answered, or of the first one
 * @throws the signal's reason
 */
export async function checkEntry(
  context: Pick<Context, "db" | "clock" | "config">,
  entry: Entry,
  signal?: AbortSignal,
): Promise<OnionCheck> {
  let check: OnionCheck | undefined;
  for (const target of entry.targets) {
    const one = await checkOnion(context.config.torSocks, target, { ...(signal && { signal }) });
    signal?.throwIfAborted();
    // Our own Tor is down: that is no news about the onion, and no reason ever to use the clear net.
    if (one.outcome === "tor-down") return one;
    if (check === undefined || one.outcome === "reachable") check = one;
    if (one.outcome === "reachable") break;
  }
  if (check === undefined) throw new Error("an entry without an onion");
  const unreachable = isUnreachable(check.outcome) === true;
  const fallsBack = await writeCheck(context.db, entry, {
    at: context.clock(),
    outcome: check.outcome,
    milliseconds: check.milliseconds,
    starttls: check.starttls,
    unreachable,
  });
  // Whatever it said before: somebody else may have checked meanwhile, and told the maps otherwise.
  if (fallsBack) await notifyChanged(context.db, entry.domain);
  return check;
}
