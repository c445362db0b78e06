import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Session } from "../accounts/sessions.js";
import { labelOf } from "../accounts/username.js";
import type { Config, Language } from "../config.js";
import type { Context } from "../context.js";
import type { Limits } from "./limits.js";
import { type Flash, leaveNote, type Note, takeNote } from "./note.js";
import type { FieldError, NavItem, OpenReset, Pages, Shell } from "./pages.js";
import type { View } from "./view.js";
import { tidyYoungMemory } from "./young-memory.js";

/** One request with everything a route may use. */
export interface Visit {
  context: Context;
  request: FastifyRequest;
  reply: FastifyReply;
  view: View;
  lang: Language;
  session: Session | undefined;
  /** Also one that still lacks its second step. */
  anySession: Session | undefined;
  /** Who asks, for limits: an address, an IPv6 network, or a Tor circuit. */
  client: string;
  limits: Limits;
  openSession: (cookie: string) => Promise<Session | undefined>;
  /** Resets of one's own password that are under way; only looked up for a page that is shown. */
  band: () => Promise<readonly OpenReset[]>;
}

/** A visit by somebody who is signed in. */
export interface MemberVisit extends Visit {
  session: Session;
}

export interface PageOptions {
  status?: number;
  current?: NavItem;
  errors?: readonly FieldError[];
  /** Left for the page after this one. */
  note?: Note;
  /** For whom nobody is signed in: the domain that the page is about, if not the first one. */
  domain?: string;
  /**
   * Sent at an even step of time: one of several pages of which nobody is to tell by the clock which it was.
   * `after-form`: only where it tells what a form did. Browsers ask for it at once, so that the distance of two lines
   * of the log is the time that it took.
   */
  inStep?: "always" | "after-form";
}

/** Milliseconds: more than such a page takes, and it and its double are a little below steps that the log tells. */
const STEP = 45;

/** Waits until an answer can be sent at an even step of time since it was asked for. */
export async function untilStep(reply: FastifyReply): Promise<void> {
  tidyYoungMemory();
  await sleep(STEP - (reply.elapsedTime % STEP));
}

/** The origin under which this visitor came: the app's onion service, or the configured one. */
export function originOf(config: Config, request: FastifyRequest): URL {
  const { onionOrigin, origin } = config;
  return onionOrigin && request.host === onionOrigin.host ? onionOrigin : origin;
}

function navOf(isAdmin: boolean): NavItem[] {
  return ["home", "trust", "help", "invites", "security", "account", ...(isAdmin ? (["admin"] as const) : [])];
}

function contactLink(contact: string | undefined): string | null {
  if (!contact) return null;
  return /^[a-z][a-z0-9+.-]*:/i.test(contact) ? contact : `mailto:${contact}`;
}

/** Renders a page and sends it. A flash that waits is shown, once. */
export async function show<Template extends keyof Pages>(
  visit: Visit,
  template: Template,
  data: Pages[Template],
  options: PageOptions = {},
): Promise<FastifyReply> {
  const { context, request, reply, session, lang } = visit;
  const { config } = context;
  const full = session?.payload.stage === "full" ? session : undefined;
  // Not by an error: browsers ask for icons of their own that are not there, right after the page with a letter.
  const flash = full && (options.status ?? 200) < 400 ? takeNote(visit, full).flash : undefined;
  if (full && options.note) leaveNote(visit, full, options.note);
  const origin = originOf(config, request);
  const shell: Shell = {
    lang,
    csrf: reply.generateCsrf(),
    me: full
      ? {
          username: full.account.username,
          label: labelOf(context, full.account),
          isAdmin: full.account.role === "admin",
        }
      : null,
    nav: full ? navOf(full.account.role === "admin") : [],
    current: options.current ?? null,
    collective: {
      name: config.name,
      domain: full?.account.domain ?? options.domain ?? config.domains[0],
      host: origin.host,
      origin: origin.origin,
      contact: contactLink(config.contact),
    },
    switchHref: full || request.method !== "GET" ? null : inLanguage(request.url, lang === "en" ? "de" : "en"),
    flash: flash ? { kind: flash.kind, key: flash.key, ...(flash.vars && { vars: flash.vars }) } : null,
    band: full ? await visit.band() : null,
    errors: options.errors ?? [],
  };
  const page = visit.view.render(template, shell, data);
  if (options.inStep === "always" || (options.inStep && flash)) await untilStep(reply);
  return await reply
    .code(options.status ?? 200)
    .type("text/html; charset=utf-8")
    .send(page);
}

/** Sends somebody on after a form, with a sentence to show there. */
export async function goTo(
  visit: Pick<Visit, "context" | "session" | "reply">,
  path: string,
  flash?: Flash,
): Promise<FastifyReply> {
  if (flash && visit.session) leaveNote(visit, visit.session, { flash });
  return await visit.reply.redirect(path, 303);
}

/** One text field of a form; whatever else was sent there counts as not sent. */
export function field(visit: Visit, name: string): string {
  const body = visit.request.body as Record<string, unknown> | undefined;
  return textOf(body?.[name]);
}

/** What was sent, if it is one text, without the one character that PostgreSQL does not store. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value.replaceAll("\u0000", "") : "";
}

/** Whether a checkbox of a form is ticked. */
export function ticked(visit: Visit, name: string): boolean {
  return field(visit, name) === "on";
}

/** Whether a page is asked for a passphrase, by a form or by a link. */
export function asksSuggestion(visit: Visit): boolean {
  return field(visit, "suggest") !== "" || (visit.request.method === "GET" && query(visit, "suggest") !== "");
}

export function query(visit: Visit, name: string): string {
  return textOf((visit.request.query as Record<string, unknown>)[name]);
}

/** Whether a path has a letter or a link in it. */
export function isSecret(path: string): boolean {
  return /^\/(?:invite|handover)\//.test(path);
}

/**
 * The query of an address for the same page in another language; without one: for the page once that is chosen.
 * Of an address with a letter or a link nothing but the path goes on, and no `next` that leads to another site.
 */
export function inLanguage(url: string, language?: Language): string {
  const [path = "", ...asked] = url.split("?");
  const query = new URLSearchParams(isSecret(path) ? "" : asked.join("?"));
  query.delete("language");
  if (query.getAll("next").some((next) => sameSitePath(next) === undefined)) query.delete("next");
  if (language) query.append("language", language);
  return query.size > 0 ? `?${query}` : "";
}

/** A path of this site to go to, or undefined: nothing that a browser could take for another host. */
export function sameSitePath(text: string): string | undefined {
  const [path = ""] = text.split(/[?#]/);
  // What a browser takes out of a path could make another one of it.
  if (path.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) return undefined;
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(text) && !text.includes("\\") ? text : undefined;
}
