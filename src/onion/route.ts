import type { Domain } from "./domain.js";
import type { OnionAddress } from "./onion-address.js";

/** How much an entry can be believed; from strongest to weakest. */
export const SOURCES = ["pinned", "dnssec", "plain"] as const;
export type Source = (typeof SOURCES)[number];

/** One onion service that takes a domain's mail. Priority and weight are those of an SRV record (RFC 2782). */
export interface Target {
  onion: OnionAddress;
  port: number;
  /** 0 … 65535, the smallest is tried first */
  priority: number;
  /** 0 … 65535, the share of this target among those of the same priority */
  weight: number;
}

/** A target with the address that stands for its onion where a mail server can only handle IP addresses. */
export interface RoutedTarget extends Target {
  virtual: string;
}

/** A domain and where its mail goes: all that the mail servers' own formats can say. */
export interface Mapped {
  domain: Domain;
  /** At least one, ordered by priority. */
  targets: readonly RoutedTarget[];
}

/** What the map says about one domain, as far as a lookup needs it. */
export interface Route extends Mapped {
  source: Source;
  /** The admin allows the clear net for it and the last check could not reach it: answered like an absent domain. */
  inTheClear: boolean;
  /** For discovered entries: when the DNS should be asked again, in milliseconds since 1970. */
  expires: number | undefined;
}

export const DEFAULT_TARGET = { port: 25, priority: 0, weight: 0 } as const;

/**
 * The order in which to try targets: by priority, and by chance according to weight among equals.
 *
 * @param random 0 ≤ random() < 1
 * @see RFC 2782, "Usage rules"
 */
export function orderTargets<T extends Target>(targets: readonly T[], random: () => number = Math.random): T[] {
  // Zero weights first: RFC 2782 gives them "a very small chance of being selected" that way.
  const rest = [...targets].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  const ordered: T[] = [];
  while (rest.length > 0) {
    const equals = rest.filter((target) => target.priority === rest[0]!.priority);
    const total = equals.reduce((sum, target) => sum + target.weight, 0);
    let left = Math.floor(random() * (total + 1));
    let chosen = 0;
    while (left > equals[chosen]!.weight) left -= equals[chosen++]!.weight;
    ordered.push(...rest.splice(chosen, 1));
  }
  return ordered;
}
