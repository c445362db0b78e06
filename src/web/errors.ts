import type { FastifyError } from "fastify";
import { BusyError } from "../accounts/hashing.js";
import { isDatabaseDown } from "../db/connect.js";
import { ReviewKeyMissingError } from "../review/edges.js";
import { TooManyError } from "./limits.js";
import type { Visit } from "./visit.js";
import { show } from "./visit.js";

/** Answers an error with a page that tells what to do, and nothing else. */
export async function showError(visit: Visit, error: unknown): Promise<unknown> {
  const { reply, context } = visit;
  if (error instanceof TooManyError || error instanceof BusyError) {
    const { retryAfterSeconds } = error;
    reply.header("Retry-After", String(retryAfterSeconds));
    return error instanceof TooManyError
      ? await show(visit, "errors/too-many", { retryAfterSeconds }, { status: 429 })
      : await show(visit, "errors/busy", { retryAfterSeconds }, { status: 503 });
  }
  if (isDatabaseDown(error)) {
    visit.session = undefined;
    reply.header("Retry-After", "30");
    return await show(visit, "errors/database-down", {}, { status: 503 });
  }
  if (error instanceof ReviewKeyMissingError) return await show(visit, "errors/no-joining", {}, { status: 503 });
  const { code, statusCode } = error as FastifyError;
  if (code?.startsWith("FST_CSRF")) return await show(visit, "errors/old-form", {}, { status: 403 });
  if (statusCode && statusCode >= 400 && statusCode < 500) {
    // What is forbidden looks like what is not there.
    return await show(visit, "errors/not-found", {}, { status: statusCode === 403 ? 404 : statusCode });
  }
  // The message may quote what somebody sent; the name and the place are enough to find the bug.
  const { name, stack } = error as Error;
  const where = stack?.split("\n").filter((line) => line.startsWith("    at "));
  context.log.error({ error: name, errorCode: code, where: where?.slice(0, 6) }, "a request failed");
  return await show(visit, "errors/broken", {}, { status: 500 });
}

export async function notFound(visit: Visit): Promise<unknown> {
  return await show(visit, "errors/not-found", {}, { status: 404 });
}
