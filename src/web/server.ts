import Fastify from "fastify";
import { startAnchor } from "../anchor.js";
import type { Context } from "../context.js";
import { isDatabaseDown } from "../db/connect.js";
import { listening } from "../listening.js";
import { startMailQueue } from "../mail/queue.js";
import { type LookupService, startLookupService } from "../onion/lookup/service.js";
import { buildApp } from "./app.js";
import { IDLE_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from "./malformed.js";
import { type Metrics, makeMetrics } from "./metrics.js";
import { startUpkeep } from "./upkeep.js";

/**
 * Starts the web app and the listener for those who watch it.
 *
 * @throws whatever keeps a part of it from starting, such as a port that is taken; nothing is left open then
 */
export async function startWeb(context: Context): Promise<{ url: string; close(): Promise<void> }> {
  const { config } = context;
  const app = await buildApp(context);
  const metrics = makeMetrics(context);
  metrics.watch(app);
  const watch = buildWatch(context, metrics);
  // First: it knows whether anybody was an admin here.
  const anchor = await startAnchor(context);
  let upkeep: { stop(): void } | undefined;
  let lookups: LookupService | undefined;
  let mail: { stop(): Promise<void> } | undefined;
  const close = async () => {
    upkeep?.stop();
    await Promise.all([app.close(), watch.close(), lookups?.stop(), mail?.stop()]);
    await anchor.stop();
  };
  try {
    const url = await listening("KITH_LISTEN", config.listen, () => app.listen(config.listen));
    await listening("KITH_METRICS_LISTEN", config.metricsListen, () => watch.listen(config.metricsListen));
    upkeep = startUpkeep(context, anchor.inspected);
    lookups = await startLookupService(context, { registry: metrics.registry });
    mail = config.mailFrom === undefined ? undefined : await startMailQueue(context);
    return { url, close };
  } catch (error) {
    // A listener that is left open keeps the process going, without its database.
    await close().catch(() => undefined);
    throw error;
  }
}

/** `/healthz`: the process answers. `/readyz`: it can serve. `/metrics`: numbers, none of them about anybody. */
export function buildWatch(context: Context, metrics: Metrics) {
  const watch = Fastify({
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    forceCloseConnections: true,
    logger: false,
  });
  watch.get("/healthz", async (_request, reply) => reply.type("text/plain").send("ok\n"));
  watch.get("/readyz", async (_request, reply) => {
    try {
      await context.pool.query("select 1");
      return await reply.type("text/plain").send("ready\n");
    } catch (error) {
      const why = isDatabaseDown(error) ? "the database can't be reached" : "the database does not answer";
      return await reply.code(503).type("text/plain").send(`${why}\n`);
    }
  });
  watch.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return watch;
}
