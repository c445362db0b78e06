import { srvName } from "./config/zone.js";
import { askDns, DnsFailure, type Resolver } from "./dns.js";
import type { Domain } from "./domain.js";
import { explainOnionProblem, parseOnion } from "./onion-address.js";
import type { Target } from "./route.js";

/** What the DNS says about one domain. */
export type Finding =
  | { kind: "found"; targets: [Target, ...Target[]]; validated: boolean; ttlSeconds: number; ignored: string[] }
  | { kind: "none"; validated: boolean; ttlSeconds: number; ignored: string[] }
  /** Could not be found out: never the same as none. */
  | { kind: "failed"; why: string };

/** However short or long the DNS says, an answer is kept for a time between these. */
const MIN_TTL_SECONDS = 300;
const MAX_TTL_SECONDS = 86_400;
const MIN_NEGATIVE_TTL_SECONDS = 60;
const MAX_NEGATIVE_TTL_SECONDS = 3600;
/** More onions than anybody runs; a hostile zone could otherwise fill the map. */
const MAX_TARGETS = 16;

/** Asks a domain's `_onion-mx._tcp` SRV records. Those that name no live onion are ignored, each with its reason. */
export async function findOnion(resolver: Resolver, domain: Domain): Promise<Finding> {
  try {
    const { records, validated, ttlSeconds } = await askDns(resolver, srvName(domain), "SRV");
    const targets: Target[] = [];
    const ignored: string[] = [];
    for (const record of records) {
      if (record.type !== "SRV") continue;
      const { target, port, priority = 0, weight = 0 } = record.data;
      // "." means "decidedly not available" (RFC 2782).
      if (target === "." || target === "") continue;
      const read = parseOnion(target);
      if ("problem" in read) ignored.push(`${target}: ${explainOnionProblem(read.problem)}`);
      else if (port === 0) ignored.push(`${target}: port 0`);
      else if (targets.length === MAX_TARGETS) ignored.push(`${target}: more than ${MAX_TARGETS} onions`);
      else if (!targets.some((other) => other.onion === read.onion && other.port === port)) {
        targets.push({ onion: read.onion, port, priority, weight });
      }
    }
    targets.sort((a, b) => a.priority - b.priority || b.weight - a.weight || (a.onion < b.onion ? -1 : 1));
    const [first, ...others] = targets;
    if (first === undefined) {
      const bounded = between(MIN_NEGATIVE_TTL_SECONDS, ttlSeconds, MAX_NEGATIVE_TTL_SECONDS);
      return { kind: "none", validated, ttlSeconds: bounded, ignored };
    }
    const bounded = between(MIN_TTL_SECONDS, ttlSeconds, MAX_TTL_SECONDS);
    return { kind: "found", targets: [first, ...others], validated, ttlSeconds: bounded, ignored };
  } catch (error) {
    if (error instanceof DnsFailure) return { kind: "failed", why: error.message };
    throw error;
  }
}

function between(min: number, value: number, max: number): number {
  return Math.max(min, Math.min(value, max));
}
