import type { Server } from "node:net";
import { Registry } from "prom-client";
import type { Config, Listen } from "../../config.js";
import type { Context } from "../../context.js";
import { listening } from "../../listening.js";
import { writeListen } from "../config/settings.js";
import { type OnionMetrics, registerOnionMetrics } from "../metrics.js";
import { countOutcomes } from "../queries.js";
import { Upkeep } from "../upkeep.js";
import { Answerer } from "./answerer.js";
import { Discoverer } from "./discoverer.js";
import { LiveMap } from "./live-map.js";
import type { Protocol } from "./protocol.js";
import { readsocket } from "./readsocket.js";
import { createLookupServer, type LookupServer, listen } from "./server.js";
import { socketmap } from "./socketmap.js";
import { tcpTable } from "./tcp-table.js";

type ServiceContext = Pick<Context, "config" | "db" | "pool" | "clock" | "log">;

export interface LookupService {
  /** Where it listens, as the system says (port 0 in the settings asks it for a free one). */
  addresses: { protocol: Protocol["name"]; address: string }[];
  stop(): Promise<void>;
}

/** The look-up protocols of which the settings say where to listen. */
export function configuredProtocols(config: Config): { protocol: Protocol; setting: string; where: Listen }[] {
  return [
    { protocol: tcpTable, setting: "KITH_ONION_TCP_TABLE", where: config.onionTcpTable },
    { protocol: socketmap, setting: "KITH_ONION_SOCKETMAP", where: config.onionSocketmap },
    { protocol: readsocket, setting: "KITH_ONION_READSOCKET", where: config.onionReadsocket },
  ].filter((one): one is { protocol: Protocol; setting: string; where: Listen } => one.where !== undefined);
}

/**
 * Answers mail servers on every configured protocol, from memory, until it is stopped. Starts without a database too:
 * then every answer is "try again later" until there is one.
 *
 * @param discoverMisses ask the DNS about domains that the map does not know, if there is a resolver
 * @throws Failure if it can't listen
 */
export async function startLookupService(
  context: ServiceContext,
  { registry = new Registry(), discoverMisses = true }: { registry?: Registry; discoverMisses?: boolean } = {},
): Promise<LookupService> {
  const { resolver } = context.config;
  const discoverer =
    resolver === undefined || !discoverMisses
      ? undefined
      : new Discoverer(context, resolver, (route) => liveMap.put(route));
  const answerer = new Answerer(
    context.config.domains,
    discoverer === undefined ? undefined : (domain) => discoverer.ask(domain),
  );
  const liveMap: LiveMap = new LiveMap(context, (routes) => {
    answerer.routes = routes;
  });
  const metrics: OnionMetrics = registerOnionMetrics(registry, () => ({
    domains: liveMap.size,
    databaseConnected: liveMap.state === "connected",
    loadedAt: liveMap.loadedAt?.getTime(),
    outcomes: () => countOutcomes(context.db),
  }));
  const upkeep = new Upkeep(context, resolver);

  const servers: LookupServer[] = [];
  const addresses: LookupService["addresses"] = [];
  const stop = async () => {
    await Promise.all([upkeep.stop(), liveMap.stop(), ...servers.map((server) => server.stop())]);
  };
  try {
    // The map first: a mail server that is answered at once need not try again.
    await liveMap.start();
    for (const { protocol, setting, where } of configuredProtocols(context.config)) {
      const count = (outcome: Parameters<OnionMetrics["count"]>[1]) => metrics.count(protocol.name, outcome);
      const server = createLookupServer({ protocol, answerer, count });
      servers.push(server);
      await listening(setting, where, () => listen(server.server, where));
      addresses.push({ protocol: protocol.name, address: addressOf(server.server) });
    }
    upkeep.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses, stop };
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") return address ?? "";
  return writeListen({ host: address.address, port: address.port });
}
