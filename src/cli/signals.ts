import { setTimeout as sleep } from "node:timers/promises";
import { breakOff } from "../db/open.js";

const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Milliseconds that a command has to clear away what it began, once its database is gone. */
const CLEARING_MS = 2_000;

/**
 * Ends a command at SIGINT or SIGTERM as these end a program, but not before it has left the database: an embedded server
 * that runs for this command alone is stopped. A second signal ends it at once; the next command puts things in order.
 *
 * @param ended resolves when the command has cleared away what it began
 */
export function endAtSignals(ended: () => Promise<void>): void {
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, async () => {
      if (asked) process.exit(STATUS[signal]);
      asked = true;
      const wasOpen = await breakOff();
      if (wasOpen) await Promise.race([ended(), sleep(CLEARING_MS)]);
      process.exit(STATUS[signal]);
    });
  }
}
