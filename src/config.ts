/** The actions that are limited, each with a number of points per a number of seconds. */
export const LIMITED_ACTIONS = ["sign-in", "help", "handover", "invite", "trust"] as const;
export type LimitedAction = (typeof LIMITED_ACTIONS)[number];

export type Language = "en" | "de";

/** Where something listens: a host and a port, or a Unix socket's path. */
export type Listen = { host: string; port: number } | { path: string };

/** The environment, parsed once. docs/operations.md explains every variable. */
export interface Config {
  dataDir: string;
  /** A PostgreSQL server or cluster; undefined: the embedded one in `dataDir`. */
  databaseUrl: string | undefined;
  secretFile: string;
  listen: Listen;
  metricsListen: Listen;
  /** The one public origin, e.g. `https://kith.example.org`; no path. */
  origin: URL;
  /** The app's own onion service, if it has one. */
  onionOrigin: URL | undefined;
  /** Lower-case ASCII mail domains; the first is the default. */
  domains: readonly [string, ...string[]];
  name: string;
  language: Language;
  /** Contact for security.txt: a URI or a mail address. */
  contact: string | undefined;
  trustSlots: number;
  holdOnKeyChange: boolean;
  invitesPerMember: number;
  passwordMin: number;
  argon2: { memoryKiB: number; timeCost: number; parallelism: number };
  inviteDays: number;
  inviteMinAgeDays: number;
  inviteEdgeMonths: number | undefined;
  limits: Record<LimitedAction, { points: number; seconds: number }>;
  resolver: string | undefined;
  onionTcpTable: Listen | undefined;
  onionSocketmap: Listen | undefined;
  onionReadsocket: Listen | undefined;
  sessionIdleMinutes: number;
  sessionMaxHours: number;
  smtpUrl: string | undefined;
  mailFrom: string | undefined;
  torSocks: { host: string; port: number };
  trustedProxies: readonly string[];
}
