import Fastify from "fastify";
import { startAnchor } from "../anchor.js";
import type { Context } from "../context.js";
import { isDatabaseDown } from "../db/connect.js";
import { startMailQueue } from "../mail/queue.js";
import { startLookupService } from "../onion/lookup/service.js";
import { buildApp } from "./app.js";
import { IDLE_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from "./malformed.js";
import { type Metrics, makeMetrics } from "./metrics.js";
import { startUpkeep } from "./upkeep.js";

/** Starts the web app and the listener for those who watch it. */
export async function startWeb(context: Context): Promise<{ url: string; close(): Promise<void> }> {
  const { config } = context;
  const app = await buildApp(context);
  const metrics = makeMetrics(context);
  metrics.watch(app);
  const watch = buildWatch(context, metrics);
  // First: it knows whether anybody was an admin here.
  const anchor = await startAnchor(context);
  const url = await app.listen(config.listen);
  await watch.listen(config.metricsListen);
  const upkeep = startUpkeep(context);
  const lookups = await startLookupService(context, { registry: metrics.registry });
  const mail = config.mailFrom === undefined ? undefined : await startMailQueue(context);
  return {
    url,
    async close() {
      upkeep.stop();
      await Promise.all([app.close(), watch.close(), lookups.stop(), mail?.stop()]);
      await anchor.stop();
    },
  };
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
