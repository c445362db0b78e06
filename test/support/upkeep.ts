import { mock } from "node:test";
import type { Context } from "#kith/context.js";
import { startUpkeep } from "#kith/web/upkeep.js";

/** What the upkeep does every hour, to be done at once. */
export function hourlyUpkeep(context: Context): (() => Promise<void>) | undefined {
  const every = new Map<number, () => Promise<void>>();
  const timers = mock.method(globalThis, "setInterval", ((work: () => Promise<void>, milliseconds: number) => {
    every.set(milliseconds, work);
  }) as never);
  startUpkeep(context).stop();
  timers.mock.restore();
  return every.get(3_600_000);
}
