import type { FastifyInstance } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Context } from "../context.js";
import { countOpenCases } from "../resets/cases.js";
import { TOLD_STEPS, toldMilliseconds, toldRoute } from "./told.js";

/** Times of the process, finer than any that Kith tells, and its memory to the byte: a page of letters takes more. */
const FINE = /_cpu_|eventloop|_gc_|heap|_memory_/;
const MEMORY_STEP_BYTES = 64 * 2 ** 20;

/** Numbers for those who watch over the service. None of them is about anybody: no name, no address, no id. */
export interface Metrics {
  /** Counts every request that this app answers. */
  watch(app: FastifyInstance): void;
  contentType: string;
  /** Where features register numbers of their own. */
  registry: Registry;
  /** All of them, as Prometheus reads them. */
  text(): Promise<string>;
}

export function makeMetrics(context: Context): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // To the microsecond, and to the byte, they would tell what was done between two readings.
  for (const { name } of registry.getMetricsAsArray()) if (FINE.test(name)) registry.removeSingleMetric(name);
  const requests = new Counter({
    name: "kith_http_requests_total",
    help: "Requests answered, by method, template of the route and status.",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const durations = new Histogram({
    name: "kith_http_request_duration_seconds",
    help: "Seconds from a request's arrival to the end of its answer, in steps, by template of the route.",
    labelNames: ["method", "route"],
    buckets: TOLD_STEPS.map((milliseconds) => milliseconds / 1000),
    registers,
  });
  gauge("process_resident_memory_bytes", "Resident memory, in steps of 64 MiB.", () => {
    return Math.ceil(process.memoryUsage.rss() / MEMORY_STEP_BYTES) * MEMORY_STEP_BYTES;
  });
  gauge("kith_argon2_waiting", "Argon2id runs that wait for a core.", () => context.hashing.load().waiting);
  gauge("kith_argon2_running", "Argon2id runs under way.", () => context.hashing.load().running);
  gauge("kith_database_connections", "Connections to the database, idle ones included.", () => context.pool.totalCount);
  gauge("kith_database_connections_idle", "Connections that nothing uses.", () => context.pool.idleCount);
  gauge("kith_database_waiting", "Queries that wait for a connection.", () => context.pool.waitingCount);
  gauge("kith_reset_cases_open", "Resets under way; NaN without the database.", async () => {
    return await countOpenCases(context).catch(() => Number.NaN);
  });
  new Counter({
    name: "kith_forged_rows_total",
    help: "Rows found, by table, that do not bear Kith's tag: somebody wrote to the database.",
    labelNames: ["table"],
    registers,
    collect() {
      this.reset();
      for (const [table, count] of context.forgedRows) this.inc({ table }, count);
    },
  });

  function gauge(name: string, help: string, read: () => number | Promise<number>): void {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read());
      },
    });
  }

  return {
    watch(app) {
      app.addHook("onResponse", async (request, reply) => {
        const route = toldRoute(request, reply);
        const method = METHODS.has(request.method) ? request.method : "other";
        requests.inc({ method, route, status: reply.statusCode });
        durations.observe({ method, route }, toldMilliseconds(reply.elapsedTime) / 1000);
      });
    },
    contentType: registry.contentType,
    registry,
    text: () => registry.metrics(),
  };
}

/** Others come from clients that try things; each would be a series of its own. */
const METHODS = new Set(["GET", "HEAD", "POST"]);
