import type { Transaction } from "kysely";
import type { Context } from "../context.js";
import type { Database } from "../db/schema.js";
import type { Domain } from "./domain.js";
import { describeTargets, type Entry, type HistoryEvent, type HistoryRow } from "./entry.js";
import { type ImportFormat, readList } from "./formats/formats.js";
import type { Refusal } from "./formats/list.js";
import type { OnionAddress } from "./onion-address.js";
import {
  addHistory,
  deleteEntry,
  forgetWanted,
  type NewEntry,
  notifyChanged,
  readEntries,
  updateEntry,
  writeEntries,
} from "./queries.js";
import { DEFAULT_TARGET, type Target } from "./route.js";

/** More changed entries than this at once, and instances are told to read the whole map instead of each. */
const MAX_SINGLE_NOTICES = 100;

type MapContext = Pick<Context, "db" | "clock">;

/**
 * Pins a domain to one onion. A pinned entry is never overwritten by what the DNS says; its note and whether the clear net may
 * be taken stay as they were, unless said otherwise.
 *
 * @param actor the admin's username
 */
export async function pinDomain(
  context: MapContext,
  pin: { domain: Domain; onion: OnionAddress; port: number; fallback?: boolean; note?: string },
  actor: string,
): Promise<void> {
  const targets = [{ ...DEFAULT_TARGET, onion: pin.onion, port: pin.port }];
  const { onion: _onion, port: _port, ...wish } = pin;
  await writeAndTell(context, [{ ...wish, targets }], "pinned", actor);
}

/**
 * Takes a domain out of the map: from now on its mail takes the clear net, unless the DNS announces an onion again.
 *
 * @returns whether it was there
 */
export function removeDomain(context: MapContext, domain: Domain, actor: string): Promise<boolean> {
  return context.db.transaction().execute(async (trx) => {
    const [entry] = await readEntries(trx, { domains: [domain] });
    if (entry === undefined) return false;
    await deleteEntry(trx, domain);
    // Whoever removes a domain does not want the list to bring it back.
    await forgetWanted(trx, domain);
    const detail = describeTargets(entry.targets);
    await addHistory(trx, { actor, at: context.clock() }, [{ domain, event: "removed", detail }]);
    await notifyChanged(trx, domain);
    return true;
  });
}

/**
 * Allows or forbids the clear net while the onion can't be reached.
 *
 * @returns whether there is such an entry
 */
export function setFallback(context: MapContext, domain: Domain, fallback: boolean, actor: string): Promise<boolean> {
  return context.db.transaction().execute(async (trx) => {
    const [entry] = await readEntries(trx, { domains: [domain] });
    if (entry === undefined) return false;
    if (entry.fallback === fallback) return true;
    await updateEntry(trx, domain, { fallback });
    const event = fallback ? "fallback-on" : "fallback-off";
    await addHistory(trx, { actor, at: context.clock() }, [{ domain, event, detail: "" }]);
    await notifyChanged(trx, domain);
    return true;
  });
}

export interface ImportResult {
  /** Entries that are new or different now. */
  changed: number;
  /** Good entries that were there already, the same and pinned. */
  unchanged: number;
  refused: Refusal[];
}

/**
 * Pins every good entry of a list, in one transaction: all of them, or none if something breaks.
 *
 * @param strict take nothing if a single entry is refused
 * @param actor an admin's username, or `import`
 * @throws RangeError | SyntaxError if the file as a whole is not of this format
 */
export async function importList(
  context: MapContext,
  file: Buffer,
  { format, strict, actor }: { format: ImportFormat; strict: boolean; actor: string },
): Promise<ImportResult> {
  const { entries, refused } = readList(format, file);
  if (strict && refused.length > 0) return { changed: 0, unchanged: 0, refused };
  const changed = await writeAndTell(context, entries, "imported", actor);
  return { changed, unchanged: entries.length - changed, refused };
}

/** What is to be pinned; what it leaves open stays as it was. */
interface Wish {
  domain: Domain;
  targets: readonly Target[];
  fallback?: boolean;
  note?: string;
}

function writeAndTell(
  context: MapContext,
  wishes: readonly Wish[],
  event: HistoryEvent,
  actor: string,
): Promise<number> {
  return context.db.transaction().execute(async (trx) => {
    const change = { actor, at: context.clock() };
    const known = await knownEntries(trx, wishes);
    const entries: NewEntry[] = [];
    const history: Pick<HistoryRow, "domain" | "event" | "detail">[] = [];
    for (const wish of wishes) {
      const old = known.get(wish.domain);
      const entry: NewEntry = {
        domain: wish.domain,
        source: "pinned",
        targets: wish.targets,
        fallback: wish.fallback ?? old?.fallback ?? false,
        note: wish.note ?? old?.note ?? "",
        expiresAt: undefined,
      };
      const detail = describeTargets(entry.targets);
      const before = old === undefined ? undefined : describeTargets(old.targets);
      const same = before === detail && old?.source === "pinned" && old.fallback === entry.fallback;
      if (same && old?.note === entry.note) continue;
      entries.push(entry);
      history.push({
        domain: wish.domain,
        event,
        detail: before === undefined || before === detail ? detail : `${before} → ${detail}`,
      });
    }
    if (entries.length === 0) return 0;
    await writeEntries(trx, change, entries);
    await addHistory(trx, change, history);
    if (entries.length > MAX_SINGLE_NOTICES) await notifyChanged(trx, "*");
    else for (const entry of entries) await notifyChanged(trx, entry.domain);
    return entries.length;
  });
}

async function knownEntries(trx: Transaction<Database>, wishes: readonly Wish[]): Promise<Map<Domain, Entry>> {
  const entries = await readEntries(trx, { domains: wishes.map((wish) => wish.domain) });
  return new Map(entries.map((entry) => [entry.domain, entry]));
}
