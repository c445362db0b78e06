import type { FastifyReply, FastifyRequest } from "fastify";

/** The route of a request as log and numbers tell it: a template, never the address, which may hold a letter or a link. */
export function toldRoute(request: FastifyRequest, { statusCode }: FastifyReply): string {
  const { url, config } = request.routeOptions;
  const { told, sentOn } = config as { told?: string; sentOn?: string };
  // Whoever is not signed in is sent on, which the first page does to nobody.
  return (statusCode === 303 ? sentOn : undefined) ?? told ?? url ?? "no route";
}

/** Milliseconds; the numbers' own steps as well. */
export const TOLD_STEPS = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000] as const;

/**
 * How long an answer took, as log and numbers tell it: the next step above. To the millisecond it would tell which of
 * two pages was shown, and so what stands in somebody's list; so would steps as small as an answer, since the memory of the
 * process is tidied up some answers later when a larger page came before.
 */
export function toldMilliseconds(elapsed: number): number {
  const last = TOLD_STEPS[TOLD_STEPS.length - 1] as number;
  return TOLD_STEPS.find((step) => elapsed <= step) ?? Math.ceil(elapsed / last) * last;
}
