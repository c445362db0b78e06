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

/**
 * Does every day what is daily, every hour what is hourly, and both a second after the start.
 *
 * @param inspected done after each inspection
 */
export function startUpkeep(
  context: Context,
  inspected: () => Promise<void> = async () => undefined,
): { stop(): void } {
  const sweep = trying(context, "daily upkeep was not finished", () => doDaily(context));
  const look = trying(context, "the inspection was not finished", async () => {
    await doHourly(context);
    await inspected();
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

/** Sweeps what expired, and freezes what never changes. */
export async function doDaily(context: Context): Promise<void> {
  await sweepSessions(context);
  await sweepLimits(context);
  await forgetOldEdges(context);
  await freezeInsertOnlyTables(context.db);
}

/** Ends resets that ran out, looks whether every row is Kith's, and what a sign-in costs. */
export async function doHourly(context: Context): Promise<void> {
  await sweepCases(context);
  await learnParameters(context);
  await inspect(context);
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
