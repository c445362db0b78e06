import { isIP, isIPv6 } from "node:net";
import { resolve } from "node:path";
import proxyAddr from "@fastify/proxy-addr";
import dotenv from "dotenv";
import { nearest } from "./nearest.js";
import { formatParameters } from "./protocol/password.js";

/** The actions that are limited, each with a number of points per a number of seconds. */
export const LIMITED_ACTIONS = ["sign-in", "code", "help", "handover", "invite", "trust", "contact"] as const;
export type LimitedAction = (typeof LIMITED_ACTIONS)[number];

export type Language = "en" | "de";

/** Where something listens: a host and a port, or a Unix socket's path. */
export type Listen = { host: string; port: number } | { path: string };

/** The environment, parsed once. docs/operations.md explains every variable. */
export interface Config {
  dataDir: string;
  /** Whether `KITH_DATA_DIR` said so. */
  isDataDirGiven: boolean;
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
  /** Always an address: a name would have to be resolved first. */
  resolver: { host: string; port: number } | undefined;
  onionTcpTable: Listen | undefined;
  onionSocketmap: Listen | undefined;
  onionReadsocket: Listen | undefined;
  sessionIdleMinutes: number;
  sessionMaxHours: number;
  smtpUrl: string | undefined;
  mailFrom: string | undefined;
  /** Whether Kith's own letters go where the onion map says. */
  mailOverOnion: boolean;
  torSocks: { host: string; port: number };
  trustedProxies: readonly string[];
  /** What is allowed but should not be so in real use; said at start and by `kith doctor`. */
  warnings: readonly string[];
}

/** RFC 9106's second recommended setting. */
const ARGON2_DEFAULT = { memoryKiB: 65_536, timeCost: 3, parallelism: 4 };

/** Never below this, whatever is configured (NIST SP 800-63B-4). */
const PASSWORD_MIN_DEFAULT = 15;
const PASSWORD_MIN_FLOOR = 8;
/** Longer passwords than this are refused, so a minimum above it would refuse every password. */
const PASSWORD_MAX = 256;

const DEFAULT_LIMITS: Config["limits"] = {
  "sign-in": { points: 30, seconds: 900 },
  code: { points: 10, seconds: 3600 },
  help: { points: 20, seconds: 3600 },
  handover: { points: 20, seconds: 3600 },
  invite: { points: 20, seconds: 3600 },
  trust: { points: 30, seconds: 3600 },
  contact: { points: 5, seconds: 3600 },
};

const LOCAL_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Every variable that Kith reads; another one that starts with KITH_ is refused as a typing mistake. */
const VARIABLES = [
  "DATABASE_URL",
  "KITH_DATA_DIR",
  "KITH_SECRET_FILE",
  "KITH_LISTEN",
  "KITH_METRICS_LISTEN",
  "KITH_ORIGIN",
  "KITH_ONION_ORIGIN",
  "KITH_DOMAINS",
  "KITH_NAME",
  "KITH_LANGUAGE",
  "KITH_CONTACT",
  "KITH_TRUST_SLOTS",
  "KITH_HOLD_ON_KEY_CHANGE",
  "KITH_INVITES_PER_MEMBER",
  "KITH_PASSWORD_MIN",
  "KITH_ARGON2",
  "KITH_INVITE_DAYS",
  "KITH_INVITE_MIN_AGE_DAYS",
  "KITH_INVITE_EDGE_MONTHS",
  "KITH_LIMITS",
  "KITH_RESOLVER",
  "KITH_ONION_TCP_TABLE",
  "KITH_ONION_SOCKETMAP",
  "KITH_ONION_READSOCKET",
  "KITH_SESSION_IDLE_MINUTES",
  "KITH_SESSION_MAX_HOURS",
  "KITH_SMTP_URL",
  "KITH_MAIL_FROM",
  "KITH_MAIL_OVER_ONION",
  "KITH_TOR_SOCKS",
  "KITH_TRUSTED_PROXIES",
] as const;
type Variable = (typeof VARIABLES)[number];

/** All that is wrong with the configuration, at once. Values are never quoted: some hold passwords. */
export class ConfigError extends Error {
  readonly code = "ERR_CONFIG";
  constructor(readonly mistakes: readonly string[]) {
    super(
      `The configuration has ${mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`}:\n${mistakes.map((mistake) => `  ${mistake}`).join("\n")}`,
    );
    this.name = "ConfigError";
  }
}

/**
 * Reads `.env` in the working directory, if there is one, and the environment, which wins.
 *
 * @throws ConfigError
 */
export function loadConfig(): Config {
  const fromFile: Record<string, string> = {};
  const { error } = dotenv.config({ quiet: true, processEnv: fromFile });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  // Going on without would begin another place, with other settings.
  if (error && code !== "ENOENT") throw new ConfigError([`${resolve(".env")} can't be read (${code}).`]);
  return parseConfig({ ...fromFile, ...process.env });
}

/**
 * Turns the environment into a `Config`. Nothing is read from disk, nothing is connected to. An empty value counts as
 * unset.
 *
 * @throws ConfigError listing every mistake
 */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  const mistakes: string[] = [];
  const warnings: string[] = [];

  for (const name of Object.keys(env)) {
    if (!name.startsWith("KITH_") || (VARIABLES as readonly string[]).includes(name)) continue;
    mistakes.push(`${name} is not a setting of Kith; did you mean ${nearest(name, VARIABLES)}?`);
  }

  /** Applies `parse` to the variable; a mistake is noted under its name, and the fallback stands in for the rest of the run. */
  function read<T, F>(name: Variable, fallback: F, parse: (text: string) => T): T | F {
    const text = env[name]?.trim();
    if (text === undefined || text === "") return fallback;
    try {
      return parse(text);
    } catch (error) {
      mistakes.push(`${name} ${error instanceof Mistake ? error.message : "can't be read"}`);
      return fallback;
    }
  }

  const dataDir = resolve(read("KITH_DATA_DIR", process.getuid?.() === 0 ? "/var/lib/kith" : "./data", text));
  const listen = read("KITH_LISTEN", { host: "127.0.0.1", port: 3000 }, parseListen);
  // Where somebody who only chose another port will look for the pages.
  const localPort = "port" in listen && listen.port !== 0 ? listen.port : 3000;
  const origin = read("KITH_ORIGIN", new URL(`http://localhost:${localPort}`), parseOrigin);
  const argon2 = read("KITH_ARGON2", ARGON2_DEFAULT, parseArgon2);
  const isWeaker = (["memoryKiB", "timeCost", "parallelism"] as const).some(
    (cost) => argon2[cost] < ARGON2_DEFAULT[cost],
  );
  if (isWeaker) {
    warnings.push(
      `KITH_ARGON2 is weaker than ${formatParameters(ARGON2_DEFAULT)}: whoever steals database and secret guesses passwords faster`,
    );
  }

  const passwordMin = read("KITH_PASSWORD_MIN", PASSWORD_MIN_DEFAULT, integer(PASSWORD_MIN_FLOOR, PASSWORD_MAX));
  if (passwordMin < PASSWORD_MIN_DEFAULT) {
    warnings.push(
      `KITH_PASSWORD_MIN is below ${PASSWORD_MIN_DEFAULT}: too short for accounts without a second step (NIST SP 800-63B-4)`,
    );
  }

  const smtpUrl = read("KITH_SMTP_URL", undefined, parseSmtpUrl);
  const domains = read<Config["domains"], Config["domains"]>("KITH_DOMAINS", ["localhost"], parseDomains);

  const config: Config = {
    dataDir,
    isDataDirGiven: Boolean(env.KITH_DATA_DIR?.trim()),
    databaseUrl: read("DATABASE_URL", undefined, parseDatabaseUrl),
    secretFile: resolve(read("KITH_SECRET_FILE", `${dataDir}/secret`, text)),
    listen,
    metricsListen: read("KITH_METRICS_LISTEN", { host: "127.0.0.1", port: 3001 }, parseListen),
    origin,
    onionOrigin: read("KITH_ONION_ORIGIN", undefined, parseOnionOrigin),
    domains,
    name: read("KITH_NAME", "Kith", oneLine),
    language: read("KITH_LANGUAGE", "en", (value) => oneOf(value, ["en", "de"])),
    contact: read("KITH_CONTACT", undefined, parseContact),
    trustSlots: read("KITH_TRUST_SLOTS", 8, integer(1, 32)),
    holdOnKeyChange: read("KITH_HOLD_ON_KEY_CHANGE", true, (value) => oneOf(value, ["true", "false"]) === "true"),
    invitesPerMember: read("KITH_INVITES_PER_MEMBER", 5, integer(0, 1000)),
    passwordMin,
    argon2,
    inviteDays: read("KITH_INVITE_DAYS", 30, integer(1, 365)),
    inviteMinAgeDays: read("KITH_INVITE_MIN_AGE_DAYS", 0, integer(0, 3650)),
    inviteEdgeMonths: read("KITH_INVITE_EDGE_MONTHS", undefined, integer(0, 1200)),
    limits: read("KITH_LIMITS", DEFAULT_LIMITS, parseLimits),
    resolver: read("KITH_RESOLVER", undefined, parseResolver),
    onionTcpTable: read("KITH_ONION_TCP_TABLE", undefined, parseListen),
    onionSocketmap: read("KITH_ONION_SOCKETMAP", undefined, parseListen),
    onionReadsocket: read("KITH_ONION_READSOCKET", undefined, parseListen),
    sessionIdleMinutes: read("KITH_SESSION_IDLE_MINUTES", 30, integer(1, 1440)),
    sessionMaxHours: read("KITH_SESSION_MAX_HOURS", 12, integer(1, 720)),
    smtpUrl,
    mailFrom: read("KITH_MAIL_FROM", smtpUrl && `kith@${domains[0]}`, parseMailFrom),
    mailOverOnion: read("KITH_MAIL_OVER_ONION", true, (value) => oneOf(value, ["true", "false"]) === "true"),
    torSocks: read("KITH_TOR_SOCKS", { host: "127.0.0.1", port: 9050 }, parseHostPort),
    trustedProxies: read("KITH_TRUSTED_PROXIES", [], parseProxies),
    warnings,
  };

  if (config.mailFrom !== undefined && config.smtpUrl === undefined) {
    warnings.push(
      config.mailOverOnion
        ? "KITH_MAIL_FROM without KITH_SMTP_URL: no notice is mailed but to domains with an onion in the map"
        : "KITH_MAIL_FROM without KITH_SMTP_URL: no notice is mailed",
    );
  }
  if (smtpUrl !== undefined && config.mailFrom === "kith@localhost") {
    warnings.push("KITH_SMTP_URL without KITH_DOMAINS or KITH_MAIL_FROM: notices come from kith@localhost");
  }
  if (config.sessionIdleMinutes > config.sessionMaxHours * 60) {
    mistakes.push("KITH_SESSION_IDLE_MINUTES is longer than KITH_SESSION_MAX_HOURS");
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return config;
}

/** What is wrong with one value, worded to follow the variable's name. */
class Mistake extends Error {}

function text(value: string): string {
  return value;
}

function oneLine(value: string): string {
  if (/\p{Cc}/u.test(value) || value.length > 80) throw new Mistake("must be one line of at most 80 characters");
  return value;
}

function oneOf<const T extends string>(value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new Mistake(`must be ${allowed.join(" or ")}`);
  return found;
}

function integer(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new Mistake(`must be a whole number from ${min} to ${max}`);
    }
    return number;
  };
}

function list(value: string): string[] {
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function parseProxies(value: string): string[] {
  const proxies = list(value);
  try {
    proxyAddr.compile(proxies);
  } catch {
    throw new Mistake("must be addresses or networks, such as 127.0.0.1, 10.0.0.0/8");
  }
  return proxies;
}

/** A URL, or a mistake that does not quote it. */
function url(value: string, example: string): URL {
  if (!URL.canParse(value)) throw new Mistake(`must be a URL such as ${example}`);
  return new URL(value);
}

function bareOrigin(value: string, example: string): URL {
  const parsed = url(value, example);
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:")
    throw new Mistake(`must be a URL such as ${example}`);
  if (
    parsed.pathname !== "/" ||
    parsed.search !== "" ||
    parsed.hash !== "" ||
    parsed.username !== "" ||
    parsed.password !== ""
  ) {
    throw new Mistake(`must be an origin without path, such as ${example}`);
  }
  return parsed;
}

function parseOrigin(value: string): URL {
  const parsed = bareOrigin(value, "https://kith.example.org");
  const plainAllowed = LOCAL_HOSTS.has(parsed.hostname) || parsed.hostname.endsWith(".onion");
  if (parsed.protocol === "http:" && !plainAllowed) {
    throw new Mistake(
      "must be https, unless it is localhost or an .onion address: passwords would travel in the clear",
    );
  }
  return parsed;
}

function parseOnionOrigin(value: string): URL {
  const parsed = bareOrigin(value, `http://${"a".repeat(56)}.onion`);
  if (!/^([a-z0-9-]+\.)*[a-z2-7]{56}\.onion$/.test(parsed.hostname)) {
    throw new Mistake("must be a version 3 .onion address (56 characters before .onion)");
  }
  return parsed;
}

function parseDatabaseUrl(value: string): string {
  const example = "postgresql://kith@db.example.org/kith";
  const [, , authority = "", path = "", query = "", hash = ""] =
    /^postgres(ql)?:\/\/([^/?#]*)([^?#]*)([^#]*)(.*)$/s.exec(value) ?? [];
  if (!/^postgres(ql)?:\/\//.test(value)) throw new Mistake(`must be a URL such as ${example}`);
  // With an empty host, as a socket's, pg reads what the URL parser does not.
  const isRead = URL.canParse(value) || URL.canParse(value.replace("@/", "@localhost/"));
  // A password that is cut off at one of its characters leaves its rest, and the @ behind it, in what follows.
  const isCut = hash !== "" || path.includes("@") || /^\?[^=&]*@/.test(query);
  if (!isRead || isCut || !isDecoded(authority)) {
    throw new Mistake(
      `must be a URL such as ${example}; in user and password write # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and % as %25`,
    );
  }
  return value;
}

/** Whether what is percent-encoded is text. A lone percent sign is taken as it is. */
function isDecoded(text: string): boolean {
  try {
    decodeURIComponent(text.replaceAll(/%(?![0-9a-f]{2})/gi, "%25"));
    return true;
  } catch {
    return false;
  }
}

/** `host:port`, `[v6]:port`. Port 0 asks the system for a free one. */
function parseHostPort(value: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535 || (match?.[1] !== undefined && !isIPv6(host))) {
    throw new Mistake("must be host:port or [IPv6 address]:port");
  }
  return { host, port };
}

/** `address`, `address:port`, `[v6]:port`. */
function parseResolver(value: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(value);
  const host = isIP(value) ? value : (match?.[1] ?? match?.[2] ?? "");
  const port = Number(match?.[3] ?? 53);
  if (!isIP(host) || port < 1 || port > 65_535) throw new Mistake("must be an IP address, with or without a port");
  return { host, port };
}

function parseListen(value: string): Listen {
  if (value.startsWith("/")) return { path: value };
  try {
    return parseHostPort(value);
  } catch {
    throw new Mistake("must be host:port, [IPv6 address]:port or the absolute path of a socket");
  }
}

/** Labels of letters, digits and inner hyphens; `localhost` alone is good too. */
const DOMAIN = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** With a member's name and an `@` before it, it has to fit into the seal of who is trusted (protocol/relation). */
const MAX_DOMAIN_LENGTH = 160;

function parseDomains(value: string): [string, ...string[]] {
  const domains = list(value.toLowerCase());
  const [first, ...rest] = domains;
  if (first === undefined) throw new Mistake("must name at least one domain");
  for (const domain of domains) {
    if (!DOMAIN.test(domain))
      throw new Mistake(`names "${domain}", which is no ASCII domain (write IDNs in their xn-- form)`);
    if (domain.length > MAX_DOMAIN_LENGTH)
      throw new Mistake(`names a domain of ${domain.length} characters; Kith has room for ${MAX_DOMAIN_LENGTH}`);
  }
  if (new Set(domains).size !== domains.length) throw new Mistake("names a domain twice");
  return [first, ...rest];
}

function parseContact(value: string): string {
  if (/^(mailto:|https:\/\/|tel:|xmpp:)\S+$/.test(value) || /^[^\s@]+@[^\s@]+$/.test(value)) return value;
  throw new Mistake("must be a mail address or a URI (mailto:, https:, xmpp:, tel:)");
}

/** `m=65536,t=3,p=4`: memory in KiB, passes, lanes. Bounds are those of RFC 9106 and of a machine that serves others too. */
function parseArgon2(value: string): Config["argon2"] {
  const match = /^m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})$/.exec(value);
  if (match === null) throw new Mistake("must look like m=65536,t=3,p=4 (memory in KiB, passes, lanes)");
  const [memoryKiB, timeCost, parallelism] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (parallelism < 1 || parallelism > 16) throw new Mistake("must have p from 1 to 16");
  if (timeCost < 1 || timeCost > 100) throw new Mistake("must have t from 1 to 100");
  if (memoryKiB < 8 * parallelism || memoryKiB > 4_194_304)
    throw new Mistake("must have m from 8 × p to 4194304 (KiB)");
  return { memoryKiB, timeCost, parallelism };
}

function parseLimits(value: string): Config["limits"] {
  const limits = { ...DEFAULT_LIMITS };
  for (const item of list(value)) {
    const match = /^([a-z-]+)=(\d{1,9})\/(\d{1,9})$/.exec(item);
    const action = LIMITED_ACTIONS.find((one) => one === match?.[1]);
    if (match === null || action === undefined) {
      throw new Mistake(`must be a list of action=points/seconds; actions are ${LIMITED_ACTIONS.join(", ")}`);
    }
    const [points, seconds] = [Number(match[2]), Number(match[3])];
    // A limit's key includes the day, so nothing is counted for longer than that.
    if (points < 1 || seconds < 1 || seconds > 86_400) {
      throw new Mistake(`must give ${action} at least one point, and from 1 to 86400 seconds`);
    }
    limits[action] = { points, seconds };
  }
  return limits;
}

function parseSmtpUrl(value: string): string {
  const parsed = url(value, "smtp://mail.example.org:587");
  if (parsed.protocol !== "smtp:" && parsed.protocol !== "smtps:")
    throw new Mistake("must begin with smtp:// or smtps://");
  if (parsed.hostname === "") throw new Mistake("must name a host");
  // nodemailer would take `?tls.rejectUnauthorized=false`.
  if ([...parsed.searchParams.keys()].some((name) => name === "tls" || name.startsWith("tls."))) {
    throw new Mistake("must set nothing of TLS itself (tls.…): the certificate is always checked");
  }
  return value;
}

function parseMailFrom(value: string): string {
  if (/\p{Cc}/u.test(value) || !/^([^<>]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/.test(value)) {
    throw new Mistake("must be a mail address, with or without a name: Kith <kith@example.org>");
  }
  return value;
}
