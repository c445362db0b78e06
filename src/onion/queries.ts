import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { OnionDomainsTable } from "../db/onion-tables.js";
import type { Database } from "../db/schema.js";
import type { Domain } from "./domain.js";
import type { Check, Entry, HistoryEvent, HistoryRow } from "./entry.js";
import type { OnionAddress } from "./onion-address.js";
import type { Outcome } from "./outcome.js";
import type { Route, RoutedTarget, Source, Target } from "./route.js";
import { virtualAddress } from "./virtual-address.js";

/** Where instances listen for changes. The payload is a domain, or `*` for "read all again". */
export const CHANNEL = "kith_onion";

type Db = Kysely<Database>;

/** What is written of one domain; the rest of its row stays. */
export interface NewEntry {
  domain: Domain;
  source: Source;
  targets: readonly Target[];
  fallback: boolean;
  note: string;
  expiresAt: Date | undefined;
}

/** Who changes something, and when. */
export interface Change {
  actor: string;
  at: Date;
}

/** All that look-ups need, of the given domains or of all. */
export async function readRoutes(db: Db, domains?: readonly string[]): Promise<Map<string, Route>> {
  let query = db
    .selectFrom("onion_domains as d")
    .innerJoin("onion_targets as t", "t.domain", "d.domain")
    .innerJoin("onion_numbers as n", "n.onion", "t.onion")
    .select(["d.domain", "d.source", "d.fallback", "d.unreachable_since", "d.expires_at"])
    .select(["t.onion", "t.port", "t.priority", "t.weight", "n.number"]);
  if (domains !== undefined) query = query.where(sql<boolean>`d.domain = any(${sql.val(domains)})`);
  const routes = new Map<string, Route>();
  for (const row of await query.execute()) {
    const target = routedTarget(row);
    const known = routes.get(row.domain);
    if (known !== undefined) {
      // Sorted here, where few have more than one: sorting 100,000 rows would take the database a second.
      const targets = known.targets as RoutedTarget[];
      targets.push(target);
      targets.sort((a, b) => a.priority - b.priority || (a.onion < b.onion ? -1 : 1));
      continue;
    }
    routes.set(row.domain, {
      domain: row.domain as Domain,
      source: row.source,
      targets: [target],
      inTheClear: row.fallback && row.unreachable_since !== null,
      expires: row.expires_at?.getTime(),
    });
  }
  return routes;
}

/**
 * Entries as admins see them, by name.
 *
 * @param filter `domains`: only these; `containing`: part of a domain or onion address; `limit`: at most so many
 */
export async function readEntries(
  db: Db,
  filter: { domains?: readonly string[]; containing?: string; limit?: number } = {},
): Promise<Entry[]> {
  let query = db.selectFrom("onion_domains").selectAll().orderBy("domain");
  if (filter.domains !== undefined) query = query.where(sql<boolean>`domain = any(${sql.val(filter.domains)})`);
  if (filter.containing !== undefined && filter.containing !== "") {
    const part = filter.containing;
    query = query.where((eb) =>
      eb.or([
        sql<boolean>`position(${part} in domain) > 0`,
        eb.exists(
          eb
            .selectFrom("onion_targets")
            .select("onion")
            .whereRef("onion_targets.domain", "=", "onion_domains.domain")
            .where(sql<boolean>`position(${part} in onion) > 0`),
        ),
      ]),
    );
  }
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  const rows = await query.execute();
  const targets = new Map<string, RoutedTarget[]>();
  const names = rows.map((row) => row.domain);
  const targetRows = await db
    .selectFrom("onion_targets as t")
    .innerJoin("onion_numbers as n", "n.onion", "t.onion")
    .select(["t.domain", "t.onion", "t.port", "t.priority", "t.weight", "n.number"])
    .where(sql<boolean>`t.domain = any(${sql.val(names)})`)
    .orderBy("t.priority")
    .orderBy("t.onion")
    .execute();
  for (const row of targetRows) {
    const known = targets.get(row.domain);
    if (known === undefined) targets.set(row.domain, [routedTarget(row)]);
    else known.push(routedTarget(row));
  }
  // One that was removed between the two statements has no target any more, and is gone.
  return rows.flatMap((row) => toEntry(row, targets.get(row.domain) ?? []));
}

export async function countEntries(db: Db): Promise<number> {
  const row = await db
    .selectFrom("onion_domains")
    .select((eb) => eb.fn.countAll<string>().as("count"))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Entries that need an admin: unreachable, contradicted, or warned about. Worst first, at most `limit`. */
export async function readTroubled(db: Db, limit: number): Promise<Entry[]> {
  const rows = await db
    .selectFrom("onion_domains")
    .select("domain")
    .where((eb) =>
      eb.or([
        eb("unreachable_since", "is not", null),
        eb("contradiction", "is not", null),
        eb("mta_sts", "is not", null),
      ]),
    )
    .orderBy(sql`unreachable_since is null`)
    .orderBy("unreachable_since")
    .orderBy("domain")
    .limit(limit)
    .execute();
  const names = rows.map((row) => row.domain);
  const entries = await readEntries(db, { domains: names });
  return entries.sort((a, b) => names.indexOf(a.domain) - names.indexOf(b.domain));
}

/** Writes entries over what there is, in the caller's transaction. */
export async function writeEntries(
  trx: Transaction<Database>,
  { actor, at }: Change,
  unordered: readonly NewEntry[],
): Promise<void> {
  // Always in one order: two who write the same domains wait for each other, and not each for the other.
  const entries = unordered.toSorted((a, b) => (a.domain < b.domain ? -1 : 1));
  const domains = entries.map((entry) => entry.domain);
  const onions = entries.flatMap((entry) => entry.targets.map((target) => target.onion));
  // "on conflict do nothing" alone would burn a number for every onion that has one already.
  await sql`
    insert into onion_numbers (onion)
    select distinct new.onion from unnest(${onions}::text[]) as new(onion)
    where not exists (select from onion_numbers n where n.onion = new.onion)
    order by new.onion on conflict (onion) do nothing`.execute(trx);
  await sql`
    insert into onion_domains (domain, source, fallback, note, changed_by, changed_at, expires_at)
    select domain, source, fallback, note, ${actor}, ${at}::timestamptz, expires_at from unnest(
      ${domains}::text[], ${entries.map((e) => e.source)}::text[], ${entries.map((e) => e.fallback)}::boolean[],
      ${entries.map((e) => e.note)}::text[], ${entries.map((e) => e.expiresAt ?? null)}::timestamptz[])
      as new(domain, source, fallback, note, expires_at)
    on conflict (domain) do update set
      source = excluded.source, fallback = excluded.fallback, note = excluded.note, changed_by = excluded.changed_by,
      changed_at = excluded.changed_at, expires_at = excluded.expires_at, contradiction = null, mta_sts = null,
      checked_at = null, outcome = null, check_ms = null, starttls = null, unreachable_since = null`.execute(trx);
  await sql`delete from onion_targets where domain = any(${sql.val(domains)})`.execute(trx);
  const targets = entries.flatMap((entry) => entry.targets.map((target) => ({ ...target, domain: entry.domain })));
  await sql`
    insert into onion_targets (domain, onion, port, priority, weight)
    select * from unnest(
      ${targets.map((t) => t.domain)}::text[], ${targets.map((t) => t.onion)}::text[],
      ${targets.map((t) => t.port)}::integer[], ${targets.map((t) => t.priority)}::integer[],
      ${targets.map((t) => t.weight)}::integer[])`.execute(trx);
}

/** @returns whether there was one */
export async function deleteEntry(trx: Transaction<Database>, domain: string): Promise<boolean> {
  const result = await trx.deleteFrom("onion_domains").where("domain", "=", domain).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

export async function updateEntry(
  db: Db | Transaction<Database>,
  domain: string,
  values: Partial<
    Pick<Selectable<OnionDomainsTable>, "source" | "fallback" | "expires_at" | "contradiction" | "mta_sts">
  >,
): Promise<void> {
  await db.updateTable("onion_domains").set(values).where("domain", "=", domain).execute();
}

/**
 * Keeps what a check found; `tor-down` is not kept, since it says nothing about the onion.
 *
 * @param entry as it was checked: of what it was changed to since, the check says nothing
 * @returns whether it was kept, and mail may go in the clear by what it says
 */
export async function writeCheck(
  db: Db,
  { domain, changedAt }: Pick<Entry, "domain" | "changedAt">,
  check: { at: Date; outcome: Outcome; milliseconds: number; starttls: boolean | undefined; unreachable: boolean },
): Promise<boolean> {
  const row = await db
    .updateTable("onion_domains")
    .set((eb) => ({
      checked_at: check.at,
      outcome: check.outcome,
      check_ms: check.milliseconds,
      starttls: check.starttls ?? null,
      unreachable_since: check.unreachable ? eb.fn.coalesce("unreachable_since", eb.val(check.at)) : null,
    }))
    .where("domain", "=", domain)
    .where("changed_at", "=", changedAt)
    .returning("fallback")
    .executeTakeFirst();
  return row?.fallback === true;
}

/**
 * Entries whose last check is the longest ago, never checked ones first: as many of those that admins pinned as of those
 * that the DNS brought, which may be any number.
 */
export async function readLeastChecked(db: Db, before: Date, limit: number): Promise<string[]> {
  const of = (operator: "=" | "<>") =>
    db
      .selectFrom("onion_domains")
      .select("domain")
      .where("source", operator, "pinned")
      .where((eb) => eb.or([eb("checked_at", "is", null), eb("checked_at", "<", before)]))
      .orderBy(sql`checked_at nulls first`)
      .limit(limit)
      .execute();
  const [pinned, brought] = await Promise.all([of("="), of("<>")]);
  const ofBrought = Math.max(limit / 2, limit - pinned.length);
  const some = brought.slice(0, ofBrought);
  return [...pinned.slice(0, limit - some.length), ...some].map((row) => row.domain);
}

/** Outcomes of the last checks, counted. */
export async function countOutcomes(db: Db): Promise<{ source: Source; outcome: string | null; count: number }[]> {
  const rows = await db
    .selectFrom("onion_domains")
    .select((eb) => ["source", "outcome", eb.fn.countAll<string>().as("count")])
    .groupBy(["source", "outcome"])
    .execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

export async function addHistory(
  trx: Transaction<Database>,
  { actor, at }: Change,
  rows: readonly Pick<HistoryRow, "domain" | "event" | "detail">[],
): Promise<void> {
  await sql`
    insert into onion_history (domain, at, actor, event, detail)
    select domain, ${at}::timestamptz, ${actor}, event, detail from unnest(
      ${rows.map((r) => r.domain)}::text[], ${rows.map((r) => r.event)}::text[], ${rows.map((r) => r.detail)}::text[])
      as new(domain, event, detail)`.execute(trx);
}

/** The newest first. */
export async function readHistory(
  db: Db,
  filter: { domain?: string; events?: readonly HistoryEvent[]; since?: Date; limit: number },
): Promise<HistoryRow[]> {
  let query = db.selectFrom("onion_history").selectAll().orderBy("id", "desc").limit(filter.limit);
  if (filter.domain !== undefined) query = query.where("domain", "=", filter.domain);
  if (filter.events !== undefined) query = query.where("event", "in", filter.events);
  if (filter.since !== undefined) query = query.where("at", ">=", filter.since);
  const rows = await query.execute();
  return rows.map(({ domain, at, actor, event, detail }) => ({
    domain,
    at,
    actor,
    event: event as HistoryEvent,
    detail,
  }));
}

/** Every onion that is in the map now, with the address that stands for it. */
export async function readVirtualAddresses(db: Db): Promise<{ onion: OnionAddress; virtual: string }[]> {
  const rows = await db
    .selectFrom("onion_numbers")
    .select(["onion", "number"])
    .where("onion", "in", (eb) => eb.selectFrom("onion_targets").select("onion"))
    .orderBy("number")
    .execute();
  return rows.map((row) => ({ onion: row.onion as OnionAddress, virtual: virtualAddress(row.number) }));
}

export async function wantDomain(db: Db, domain: string, nextAt: Date): Promise<void> {
  await db
    .insertInto("onion_wanted")
    .values({ domain, next_at: nextAt })
    .onConflict((conflict) => conflict.column("domain").doUpdateSet({ next_at: nextAt }))
    .execute();
}

export async function forgetWanted(db: Db | Transaction<Database>, domain: string): Promise<void> {
  await db.deleteFrom("onion_wanted").where("domain", "=", domain).execute();
}

/**
 * Domains about which the DNS should be asked again, those first that wait longest: discovered entries that expired, and
 * wanted ones that are due.
 */
export async function readDue(db: Db, now: Date, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom((eb) =>
      eb
        .selectFrom("onion_domains")
        .select(["domain", "expires_at as due_at"])
        .where("expires_at", "<=", now)
        .unionAll(eb.selectFrom("onion_wanted").select(["domain", "next_at as due_at"]).where("next_at", "<=", now))
        .as("due"),
    )
    .select("domain")
    .groupBy("domain")
    .orderBy((eb) => eb.fn.min("due_at"))
    .limit(limit)
    .execute();
  return rows.map((row) => row.domain);
}

/** When the DNS is asked about a domain again, whether it is in the map or only wanted. */
export async function postpone(db: Db, domain: string, nextAt: Date, now: Date): Promise<void> {
  await db.updateTable("onion_wanted").set({ next_at: nextAt }).where("domain", "=", domain).execute();
  await db
    .updateTable("onion_domains")
    .set({ expires_at: nextAt })
    .where("domain", "=", domain)
    .where("expires_at", "<=", now)
    .execute();
}

/** How many entries the DNS brought below one name: whoever has it can announce any number. */
export async function countDiscoveredBelow(db: Db | Transaction<Database>, name: string): Promise<number> {
  const { count } = await db
    .selectFrom("onion_domains")
    .select((eb) => eb.fn.countAll<string>().as("count"))
    .where("source", "<>", "pinned")
    .where(sql<boolean>`right(domain, ${name.length + 1}) = ${`.${name}`}`)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Tells every instance; inside a transaction it is sent when that commits. */
export async function notifyChanged(db: Db | Transaction<Database>, domain: Domain | "*"): Promise<void> {
  await sql`select pg_notify(${CHANNEL}, ${domain})`.execute(db);
}

function routedTarget(row: Omit<Target, "onion"> & { onion: string; number: number }): RoutedTarget {
  return {
    onion: row.onion as OnionAddress,
    port: row.port,
    priority: row.priority,
    weight: row.weight,
    virtual: virtualAddress(row.number),
  };
}

function toEntry(row: Selectable<OnionDomainsTable>, targets: readonly RoutedTarget[]): Entry | [] {
  if (targets.length === 0) return [];
  const check: Check | undefined =
    row.checked_at === null
      ? undefined
      : {
          at: row.checked_at,
          outcome: row.outcome as Outcome,
          milliseconds: row.check_ms ?? 0,
          starttls: row.starttls ?? undefined,
          unreachableSince: row.unreachable_since ?? undefined,
        };
  return {
    domain: row.domain as Domain,
    source: row.source,
    targets,
    fallback: row.fallback,
    note: row.note,
    changedBy: row.changed_by,
    changedAt: row.changed_at,
    expiresAt: row.expires_at ?? undefined,
    contradiction: row.contradiction ?? undefined,
    mtaSts: row.mta_sts ?? undefined,
    check,
  };
}
