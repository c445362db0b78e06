import type { Context } from "../context.js";

/** Names that mail or the service itself needs (RFC 2142 and the usual roles). */
const RESERVED = new Set(
  `abuse admin administrator billing cert contact daemon dmarc dns ftp help helpdesk hostmaster info kith list lists
  localhost mail mailer-daemon marketing news nobody noc no-reply noreply operator owner postmaster privacy root sales
  security ssl ssladmin ssladministrator sslwebmaster support sysadmin system tls trouble usenet uucp webmaster www
  anonymous everybody everyone all member members account autoconfig autodiscover www-data`.split(/\s+/),
);

const USERNAME = /^[a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9])$/;

export interface Name {
  username: string;
  domain: string;
}

/** The local part as it is stored: trimmed, in lower case. */
export function normaliseUsername(text: string): string {
  return text.trim().toLowerCase();
}

/** @returns `"ok"`, or what is wrong with a username that somebody wants */
export function checkUsername(username: string): "ok" | "shape" | "reserved" {
  if (!USERNAME.test(username) || /[._-]{2}/.test(username)) return "shape";
  return RESERVED.has(username) ? "reserved" : "ok";
}

/** As members write and type a name, and as pages show it: without the domain where that is the first one. */
export function labelOf(context: Pick<Context, "config">, { username, domain }: Name): string {
  return domain === context.config.domains[0] ? username : `${username}@${domain}`;
}

/** The same of `ada@example.org`, as lists keep a name. */
export function labelOfFull(context: Pick<Context, "config">, name: string): string {
  const [username = "", domain = ""] = name.split("@");
  return labelOf(context, { username, domain });
}

/**
 * Reads `ada` or `ada@example.org` as a member would type it.
 *
 * @param domains the service's domains; the first one is meant where none is typed
 * @returns undefined if no member can have that name
 */
export function parseName(text: string, domains: readonly [string, ...string[]]): Name | undefined {
  const [local = "", domain = domains[0], ...rest] = normaliseUsername(text).split("@");
  if (rest.length > 0 || !USERNAME.test(local) || !domains.includes(domain)) return undefined;
  return { username: local, domain };
}
