import type { Domain } from "./domain.js";
import { parseOnion } from "./onion-address.js";
import type { Outcome } from "./outcome.js";
import type { RoutedTarget, Source, Target } from "./route.js";

/** One domain of the map, as admins see it. */
export interface Entry {
  domain: Domain;
  source: Source;
  targets: readonly RoutedTarget[];
  /** The clear net is allowed while its onion can't be reached. Off unless an admin turns it on. */
  fallback: boolean;
  note: string;
  changedBy: string;
  changedAt: Date;
  /** Discovered entries: when the DNS is asked again. */
  expiresAt: Date | undefined;
  /** What the DNS says and Kith did not take over; undefined: it says the same, or was not asked. */
  contradiction: string | undefined;
  /** A plain entry of a domain whose MTA-STS policy is (`enforce`) or may be (`unknown`) got around by a forged SRV. */
  mtaSts: "enforce" | "unknown" | undefined;
  check: Check | undefined;
}

/** What the last check of an entry found. */
export interface Check {
  at: Date;
  outcome: Outcome;
  milliseconds: number;
  starttls: boolean | undefined;
  unreachableSince: Date | undefined;
}

export const HISTORY_EVENTS = [
  "pinned",
  "imported",
  "removed",
  "discovered",
  "changed",
  "withdrawn",
  "contradicted",
  "fallback-on",
  "fallback-off",
] as const;
export type HistoryEvent = (typeof HISTORY_EVENTS)[number];

export interface HistoryRow {
  domain: string;
  at: Date;
  actor: string;
  event: HistoryEvent;
  detail: string;
}

/** The one target that `describeTargets` wrote, or undefined if there were several. */
export function readTarget(detail: string): Pick<Target, "onion" | "port"> | undefined {
  const [, text = "", port] = /^([a-z2-7]{56}\.onion):(\d{1,5})$/.exec(detail) ?? [];
  const read = parseOnion(text);
  return "onion" in read ? { onion: read.onion, port: Number(port) } : undefined;
}

/** Targets in few words, for the history and for comparing. */
export function describeTargets(targets: readonly Target[]): string {
  return targets
    .map(
      ({ onion, port, priority, weight }) => `${onion}:${port}${targets.length > 1 ? ` (${priority}, ${weight})` : ""}`,
    )
    .sort()
    .join(", ");
}
