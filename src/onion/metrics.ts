import { Counter, Gauge, type Registry } from "prom-client";
import type { Outcome } from "./lookup/server.js";

/** Numbers about look-ups and the map. No label ever holds a domain: who is written to is not for a graph. */
export interface OnionMetrics {
  count(protocol: string, outcome: Outcome): void;
}

/** What a scrape asks for at that moment. */
export interface OnionState {
  domains: number;
  databaseConnected: boolean;
  /** When the map was last read, in milliseconds since 1970. */
  loadedAt: number | undefined;
  /** How many entries have which outcome; rejects if the database can't be reached. */
  outcomes(): Promise<{ source: string; outcome: string | null; count: number }[]>;
}

export function registerOnionMetrics(registry: Registry, state: () => OnionState): OnionMetrics {
  const registers = [registry];
  const lookups = new Counter({
    name: "kith_onion_lookups_total",
    help: "Look-ups of mail servers, by protocol and kind of answer",
    labelNames: ["protocol", "answer"],
    registers,
  });
  new Gauge({
    name: "kith_onion_map_domains",
    help: "Domains in the onion map that look-ups are answered from",
    registers,
    collect() {
      this.set(state().domains);
    },
  });
  new Gauge({
    name: "kith_onion_database_connected",
    help: "1 if changes of the onion map arrive; 0: look-ups are answered from the map as it was",
    registers,
    collect() {
      this.set(state().databaseConnected ? 1 : 0);
    },
  });
  new Gauge({
    name: "kith_onion_map_loaded_timestamp_seconds",
    help: "When the onion map was last read from the database, in seconds since 1970",
    registers,
    collect() {
      const { loadedAt } = state();
      if (loadedAt !== undefined) this.set(loadedAt / 1000);
    },
  });
  new Gauge({
    name: "kith_onion_entries",
    help: "Entries of the onion map by source and by what the last check found",
    labelNames: ["source", "outcome"],
    registers,
    async collect() {
      this.reset();
      // Without the database the old numbers would be a lie, so there are none.
      const rows = await state()
        .outcomes()
        .catch(() => []);
      for (const { source, outcome, count } of rows) this.set({ source, outcome: outcome ?? "unchecked" }, count);
    },
  });
  return { count: (protocol, answer) => lookups.inc({ protocol, answer }) };
}
