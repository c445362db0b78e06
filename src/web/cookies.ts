import type { FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../config.js";

/** Whether browsers keep our cookies to secure connections: https, or an onion service. */
export function isSecure(config: Config): boolean {
  return config.origin.protocol === "https:" || config.origin.hostname.endsWith(".onion");
}

/** `__Host-` binds a cookie to this very host; browsers take it on secure connections only. */
export function cookieName(config: Config, name: "session" | "csrf" | "language"): string {
  return isSecure(config) ? `__Host-${name}` : name;
}

export function cookieOptions(config: Config) {
  return { path: "/", httpOnly: true, sameSite: "lax" as const, secure: isSecure(config) };
}

export function readCookie(config: Config, request: FastifyRequest, name: "session" | "language"): string | undefined {
  return request.cookies[cookieName(config, name)];
}

/** The session cookie lives as long as the browser is open; the session itself ends on the server. */
export function setSessionCookie(config: Config, reply: FastifyReply, value: string): void {
  reply.setCookie(cookieName(config, "session"), value, cookieOptions(config));
}

export function clearSessionCookie(config: Config, reply: FastifyReply): void {
  reply.clearCookie(cookieName(config, "session"), cookieOptions(config));
}

export function setLanguageCookie(config: Config, reply: FastifyReply, language: string): void {
  const oneYearSeconds = 365 * 86_400;
  reply.setCookie(cookieName(config, "language"), language, { ...cookieOptions(config), maxAge: oneYearSeconds });
}
