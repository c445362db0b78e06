import { debuglog } from "node:util";
import { ConfigError } from "../config.js";
import { IDLE_IN_TRANSACTION, isDatabaseDown } from "../db/connect.js";
import { Failure, UsageFailure } from "../failure.js";

/** `NODE_DEBUG=kith` shows stacks. */
const debug = debuglog("kith");

/** Says on stderr what went wrong, without a stack, and sets exit status 1; 2 where it was asked for wrongly. */
export function fail(error: unknown): void {
  debug("%o", error);
  console.error(`kith: ${describe(error)}`);
  process.exitCode = error instanceof UsageFailure ? 2 : 1;
}

function describe(error: unknown): string {
  if (error instanceof ConfigError || error instanceof Failure) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === IDLE_IN_TRANSACTION) {
    return "this was stopped for more than 30 seconds in the middle of its work, so PostgreSQL ended its connection and took back what was not finished: run it again";
  }
  if (isDatabaseDown(error))
    return `the database can't be reached (${code ?? message}): is DATABASE_URL right, and does it run?`;
  return String(message ?? error).split("\n")[0]!;
}
