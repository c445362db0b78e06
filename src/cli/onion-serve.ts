import { createServer } from "node:http";
import type { Command } from "commander";
import { Registry } from "prom-client";
import { loadConfig } from "../config.js";
import { connect } from "../db/connect.js";
import { openDatabase } from "../db/open.js";
import { Failure } from "../failure.js";
import { listening } from "../listening.js";
import { createLog } from "../log.js";
import { SUGGESTED, writeListen } from "../onion/config/settings.js";
import { configuredProtocols, startLookupService } from "../onion/lookup/service.js";
import { hostPort } from "./host-port.js";
import { expectDatabase } from "./with-database.js";

/** It touches no member's row, so that nobody has to wait for its end. */
const NAME = "kith onion serve";

export function addOnionServe(onion: Command): void {
  onion
    .command("serve")
    .description("answers Postfix and Exim, until Ctrl-C")
    .option("--no-discover", "do not ask the DNS about domains that the map does not know")
    .option("--metrics <host:port>", "where to serve /metrics, if anywhere", hostPort)
    .action(async (options: { discover: boolean; metrics?: { host: string; port: number } }) => {
      const stopped = stopSignal();
      const config = loadConfig();
      if (configuredProtocols(config).length === 0) {
        const example = `KITH_ONION_TCP_TABLE=${writeListen(SUGGESTED.tcpTable)} (Postfix) or KITH_ONION_READSOCKET=${writeListen(SUGGESTED.readsocket)} (Exim)`;
        throw new Failure(`nothing to serve: set ${example}`);
      }
      await expectDatabase(config);
      // Without a look at the database first: this service must start, and say "try again later", while it is away.
      const database =
        config.databaseUrl === undefined
          ? await openDatabase(config, "command", NAME)
          : await connect(config, undefined, undefined, NAME);
      const { db, pool } = database;
      const registry = new Registry();
      try {
        const context = { config, db, pool, clock: () => new Date(), log: createLog() };
        const service = await startLookupService(context, { registry, discoverMisses: options.discover });
        try {
          const closeMetrics = await serveMetrics(registry, options.metrics);
          for (const { protocol, address } of service.addresses) console.log(`${protocol} listens on ${address}`);
          await stopped;
          await closeMetrics();
        } finally {
          await service.stop();
        }
      } finally {
        await database.close();
      }
    });
}

async function serveMetrics(
  registry: Registry,
  where: { host: string; port: number } | undefined,
): Promise<() => Promise<void>> {
  if (where === undefined) return async () => undefined;
  const server = createServer(async (request, response) => {
    if (request.url !== "/metrics") response.writeHead(404).end();
    else response.writeHead(200, { "Content-Type": registry.contentType }).end(await registry.metrics());
  });
  const begin = () => new Promise<void>((resolve, reject) => server.once("error", reject).listen(where, resolve));
  await listening("--metrics", where, begin);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
