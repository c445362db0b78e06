import type { Generated, GeneratedAlways } from "kysely";

/** A domain of the onion map. */
export interface OnionDomainsTable {
  domain: string;
  source: "pinned" | "dnssec" | "plain";
  fallback: Generated<boolean>;
  note: Generated<string>;
  /** An admin's username, or what else changed it: `import`, `dns`. */
  changed_by: string;
  changed_at: Date;
  expires_at: Date | null;
  contradiction: string | null;
  mta_sts: "enforce" | "unknown" | null;
  checked_at: Date | null;
  outcome: string | null;
  check_ms: number | null;
  starttls: boolean | null;
  unreachable_since: Date | null;
}

export interface OnionTargetsTable {
  domain: string;
  onion: string;
  port: number;
  priority: number;
  weight: number;
}

export interface OnionNumbersTable {
  onion: string;
  number: GeneratedAlways<number>;
}

export interface OnionHistoryTable {
  id: GeneratedAlways<string>;
  domain: string;
  at: Date;
  actor: string;
  event: string;
  detail: string;
}

export interface OnionWantedTable {
  domain: string;
  next_at: Date;
}

export interface OnionTables {
  onion_domains: OnionDomainsTable;
  onion_targets: OnionTargetsTable;
  onion_numbers: OnionNumbersTable;
  onion_history: OnionHistoryTable;
  onion_wanted: OnionWantedTable;
}
