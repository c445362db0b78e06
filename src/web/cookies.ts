import type { FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../config.js";

/** Whether browsers keep our cookies to secure connections: https, or an onion service. */
export function isSecure(config: Config): boolean {
  return config.origin.protocol === "https:" || config.origin.hostname.endsWith(".onion");
}

export type CookieName = "session" | "visit" | "csrf" | "language" | "note";

/** `__Host-` binds a cookie to this very host; browsers take it on secure connections only. */
export function cookieName(config: Config, name: CookieName): string {
  return isSecure(config) ? `__Host-${name}` : name;
}

export function cookieOptions(config: Config) {
  return { path: "/", httpOnly: true, sameSite: "lax" as const, secure: isSecure(config) };
}

export function readCookie(config: Config, request: FastifyRequest, name: CookieName): string | undefined {
  return request.cookies[cookieName(config, name)];
}

/** @param seconds how long the browser keeps it; default: as long as it is open */
export function setCookie(
  config: Config,
  reply: FastifyReply,
  name: CookieName,
  value: string,
  seconds?: number,
): void {
  const maxAge = seconds === undefined ? {} : { maxAge: seconds };
  reply.setCookie(cookieName(config, name), value, { ...cookieOptions(config), ...maxAge });
}

export function clearCookie(config: Config, reply: FastifyReply, name: CookieName): void {
  reply.clearCookie(cookieName(config, name), cookieOptions(config));
}
