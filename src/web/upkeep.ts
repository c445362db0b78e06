import { learnParameters } from "../accounts/decoy-parameters.js";
import { sweepSessions } from "../accounts/sessions.js";
import type { Context } from "../context.js";
import { inspect } from "../inspection/inspect.js";
import { freezeInsertOnlyTables } from "../people/people.js";
import { sweepCases } from "../resets/cases.js";
import { forgetOldEdges } from "../review/edges.js";
import { lockOldRecovery } from "../review/keys.js";
import { sweepLimits } from "./limits.js";

const HOUR_MILLISECONDS = 3_600_000;
const DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS;

/** What has to be done once a day: sweeping what expired, freezing what never changes. And once an hour: looking
 * whether every row is Kith's, and what a sign-in costs. Also done at start. */
export function startUpkeep(context: Context): { stop(): void } {
  const sweep = trying(context, "daily upkeep was not finished", async () => {
    await sweepSessions(context);
    await sweepCases(context);
    await sweepLimits(context);
    await forgetOldEdges(context);
    await freezeInsertOnlyTables(context.db);
  });
  const look = trying(context, "the inspection was not finished", async () => {
    await learnParameters(context);
    await inspect(context);
  });
  // Only an upgrade leaves such a key.
  const lock = trying(
    context,
    "a recovery key of an earlier Kith may still stand in the database's files: restart, and run VACUUM FULL review_recovery",
    () => lockOldRecovery(context),
  );
  const soon = setTimeout(async () => {
    await lock();
    await sweep();
    await look();
  }, 1_000);
  const daily = setInterval(sweep, DAY_MILLISECONDS);
  const hourly = setInterval(look, HOUR_MILLISECONDS);
  return {
    stop() {
      clearTimeout(soon);
      clearInterval(daily);
      clearInterval(hourly);
    },
  };
}

/** Does it, unless the time before is not over yet; a failure is logged, and the next time tried again. */
function trying(context: Context, failed: string, work: () => Promise<void>): () => Promise<void> {
  let running = false;
  return async () => {
    if (running) return;
    running = true;
    try {
      await work();
    } catch (error) {
      context.log.warn({ errorCode: (error as { code?: string }).code }, failed);
    } finally {
      running = false;
    }
  };
}
