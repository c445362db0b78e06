import type { FastifyRequest } from "fastify";

/** The route of a request as log and numbers tell it: a template, never the address, which may hold a letter or a link. */
export function toldRoute(request: FastifyRequest): string {
  const { url, config } = request.routeOptions;
  return (config as { told?: string }).told ?? url ?? "no route";
}
