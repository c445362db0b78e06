import { sweepSessions } from "../accounts/sessions.js";
import type { Context } from "../context.js";
import { inspect } from "../inspection/inspect.js";
import { freezeInsertOnlyTables } from "../people/people.js";
import { sweepCases } from "../resets/cases.js";
import { forgetOldEdges } from "../review/edges.js";
import { sweepLimits } from "./limits.js";

const DAY_MILLISECONDS = 86_400_000;

/** What has to be done once a day: sweeping what expired, freezing what never changes, looking whether
 * every row is Kith's. Also done at start. */
export function startUpkeep(context: Context): { stop(): void } {
  const run = async () => {
    try {
      await sweepSessions(context);
      await sweepCases(context);
      await sweepLimits(context);
      await forgetOldEdges(context);
      await freezeInsertOnlyTables(context.db);
      await inspect(context);
    } catch (error) {
      context.log.warn({ code: (error as { code?: string }).code }, "daily upkeep was not finished");
    }
  };
  const soon = setTimeout(run, 1_000);
  const daily = setInterval(run, DAY_MILLISECONDS);
  return {
    stop() {
      clearTimeout(soon);
      clearInterval(daily);
    },
  };
}
