import { dayOf } from "../days.js";
import { notFound } from "../web/errors.js";
import type { FieldError, Pages } from "../web/pages.js";
import { field, goTo, type MemberVisit, query, show, ticked } from "../web/visit.js";
import { type Domain, parseDomain } from "./domain.js";
import { type ImportResult, importList, pinDomain, removeDomain, setFallback } from "./edit-map.js";
import { readTarget } from "./entry.js";
import { guessFormat } from "./formats/formats.js";
import { parseOnion } from "./onion-address.js";
import { noticesOf, rowOf, secondsOf, weekAgo } from "./page-data.js";
import { countEntries, readEntries, readHistory, readTroubled } from "./queries.js";

/** As many as one can look through; the others are found by searching. */
const MAX_ROWS = 200;
const MAX_NOTICES = 5;
const MAX_CHANGES = 10;
const MAX_HISTORY = 50;

const EMPTY_FORM = { domain: "", onion: "", port: "25" };

async function map(visit: MemberVisit, form: Pages["onion/map"]["form"], errors: FieldError[] = []) {
  const { context } = visit;
  const { db } = context;
  const search = query(visit, "q").trim().toLowerCase();
  const [count, entries, troubled, changes] = await Promise.all([
    countEntries(db),
    readEntries(db, { containing: search, limit: MAX_ROWS }),
    readTroubled(db, MAX_NOTICES),
    readHistory(db, {
      events: ["discovered", "changed", "withdrawn"],
      since: weekAgo(context),
      limit: MAX_CHANGES,
    }),
  ]);
  const data = {
    count,
    search,
    rows: entries.map(rowOf),
    notices: troubled.flatMap(noticesOf),
    changes: changes.map(({ domain, event, at, detail }) => ({ domain, event, day: dayOf(at), detail })),
    form,
  };
  return await show(visit, "onion/map", data, { current: "admin", errors, status: errors.length > 0 ? 422 : 200 });
}

/** `GET /admin/onion` */
export async function showMap(visit: MemberVisit) {
  return await map(visit, EMPTY_FORM);
}

/** `POST /admin/onion`: pins a domain. */
export async function pin(visit: MemberVisit) {
  const typed = { domain: field(visit, "domain"), onion: field(visit, "onion"), port: field(visit, "port") };
  const domain = parseDomain(typed.domain.trim());
  const read = parseOnion(typed.onion);
  const port = /^\d{1,5}$/.test(typed.port.trim()) ? Number(typed.port) : 0;
  const errors: FieldError[] = [];
  if (domain === undefined) errors.push({ field: "domain", key: "onion.problem.domain" });
  if ("problem" in read) errors.push({ field: "onion", key: `onion.problem.${read.problem}` });
  if (port < 1 || port > 65_535) errors.push({ field: "port", key: "onion.problem.port" });
  if (domain === undefined || "problem" in read || errors.length > 0) return await map(visit, typed, errors);
  await pinDomain(visit.context, { domain, onion: read.onion, port }, visit.session.account.username);
  return await goTo(visit, "/admin/onion", { kind: "good", key: "flash.onionPinned", vars: { domain } });
}

/** `POST /admin/onion/search`: `q`; leads to the map with only what contains it. */
export async function search(visit: MemberVisit) {
  const text = field(visit, "q").trim();
  return await goTo(visit, text === "" ? "/admin/onion" : `/admin/onion?q=${encodeURIComponent(text)}`);
}

/** `POST /admin/onion/remove` */
export async function remove(visit: MemberVisit) {
  const domain = parseDomain(field(visit, "domain").trim());
  const removed = domain !== undefined && (await removeDomain(visit.context, domain, visit.session.account.username));
  if (!removed) return await goTo(visit, "/admin/onion");
  return await goTo(visit, "/admin/onion", { kind: "wait", key: "flash.onionRemoved", vars: { domain } });
}

/** `POST /admin/onion/fallback`: `domain`, `fallback` (`on`: the clear net while it can't be reached). */
export async function fallback(visit: MemberVisit) {
  const domain = parseDomain(field(visit, "domain").trim());
  const on = ticked(visit, "fallback");
  if (domain === undefined || !(await setFallback(visit.context, domain, on, visit.session.account.username))) {
    return await goTo(visit, "/admin/onion");
  }
  const flash = on
    ? { kind: "wait" as const, key: "flash.onionFallbackOn", vars: { domain } }
    : { kind: "good" as const, key: "flash.onionFallbackOff", vars: { domain } };
  return await goTo(visit, `/admin/onion/entry/${domain}`, flash);
}

/** `GET /admin/onion/entry/:domain`: state and history; also of what is no longer in the map. */
export async function showEntry(visit: MemberVisit) {
  const domain = parseDomain((visit.request.params as { domain: string }).domain);
  if (domain === undefined) return await notFound(visit);
  const page = await entryPage(visit, domain);
  return page === undefined ? await notFound(visit) : await show(visit, "onion/entry", page, { current: "admin" });
}

async function entryPage({ context }: MemberVisit, domain: Domain): Promise<Pages["onion/entry"] | undefined> {
  const [[entry], history] = await Promise.all([
    readEntries(context.db, { domains: [domain] }),
    readHistory(context.db, { domain, limit: MAX_HISTORY }),
  ]);
  if (entry === undefined && history.length === 0) return undefined;
  const { check } = entry ?? {};
  const last = history[0];
  return {
    domain,
    row: entry === undefined ? null : rowOf(entry),
    notices: entry === undefined ? [] : noticesOf(entry),
    targets: entry?.targets ?? [],
    fallback: entry?.fallback ?? false,
    note: entry?.note ?? "",
    check:
      check === undefined
        ? null
        : { outcome: check.outcome, starttls: check.starttls ?? null, seconds: secondsOf(check), day: dayOf(check.at) },
    again: (entry === undefined && last?.event === "removed" && readTarget(last.detail)) || null,
    history: history.map(({ event, actor, at, detail }) => ({ event, actor, day: dayOf(at), detail })),
  };
}

/** `GET /admin/onion/import` */
export async function showImport(visit: MemberVisit) {
  return await importPage(visit, { list: "", strict: false });
}

async function importPage(
  visit: MemberVisit,
  form: { list: string; strict: boolean },
  { errors = [], result }: { errors?: FieldError[]; result?: ImportResult } = {},
) {
  const refused = (result?.refused ?? []).map(({ line, domain, reason }) => ({ line, domain: domain ?? "", reason }));
  const status = errors.length > 0 || refused.length > 0 ? 422 : 200;
  const data = { form, refused, changed: result?.changed ?? 0 };
  return await show(visit, "onion/import", data, { current: "admin", errors, status });
}

/** `POST /admin/onion/import`: `list`, `strict` (`on`). Refused entries are shown with their lines, and the list stays. */
export async function postImport(visit: MemberVisit) {
  const form = { list: field(visit, "list"), strict: ticked(visit, "strict") };
  if (form.list.trim() === "") {
    return await importPage(visit, form, { errors: [{ field: "list", key: "onion.problem.list" }] });
  }
  const file = Buffer.from(form.list);
  try {
    const options = { format: guessFormat(file), strict: form.strict, actor: visit.session.account.username };
    const result = await importList(visit.context, file, options);
    if (result.refused.length > 0) return await importPage(visit, form, { result });
    const flash = { kind: "good" as const, key: "flash.onionImported", vars: { count: result.changed } };
    return await goTo(visit, "/admin/onion", flash);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    const vars = { reason: error.message };
    return await importPage(visit, form, { errors: [{ field: "list", key: "onion.problem.format", vars }] });
  }
}
