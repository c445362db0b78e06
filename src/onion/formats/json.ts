import type { Entry } from "../entry.js";
import { ListBuilder, type ParsedList, type WrittenTarget } from "./list.js";

/** What of an entry an export holds: not what checks found, which is true here and now only. */
export type ExportedEntry = Pick<Entry, "domain" | "source" | "fallback" | "note" | "targets">;

/** An entry with what the other formats can't say. */
export interface JsonEntry {
  domain: string;
  source: string;
  fallback: boolean;
  note: string;
  targets: { onion: string; port: number; priority: number; weight: number }[];
}

/** One entry a line, so that a difference between two exports can be read. */
export function writeJson(entries: Iterable<ExportedEntry>): string {
  const lines: string[] = [];
  for (const { domain, source, fallback, note, targets } of entries) {
    const entry: JsonEntry = {
      domain,
      source,
      fallback,
      note,
      targets: targets.map(({ onion, port, priority, weight }) => ({ onion, port, priority, weight })),
    };
    lines.push(JSON.stringify(entry));
  }
  return `[\n${lines.join(",\n")}\n]\n`;
}

/**
 * Reads what `writeJson` writes, and the shorter `[{"domain": …, "onion": …, "port": …}]`. The source is not taken
 * over: whoever imports a list pins it.
 *
 * @throws SyntaxError if it is not JSON, or not a list
 */
export function readJson(text: string): ParsedList {
  const parsed: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
  if (!Array.isArray(parsed)) throw new SyntaxError("a JSON list of entries is wanted");
  const list = new ListBuilder();
  const lineOf = lineFinder(text);
  for (const item of parsed as unknown[]) {
    const entry = (typeof item === "object" && item !== null ? item : {}) as { [key: string]: unknown };
    const line = lineOf(Object.hasOwn(entry, "domain"));
    if (typeof entry.domain !== "string") {
      list.refuse(line, undefined, "an entry without a domain");
      continue;
    }
    const written = Array.isArray(entry.targets) ? (entry.targets as unknown[]) : [entry];
    if (!written.every(isTarget)) {
      list.refuse(line, entry.domain, "no onion address");
      continue;
    }
    list.add(line, entry.domain, written, {
      ...(typeof entry.fallback === "boolean" ? { fallback: entry.fallback } : {}),
      ...(typeof entry.note === "string" ? { note: entry.note } : {}),
    });
  }
  return list.list;
}

function isTarget(value: unknown): value is WrittenTarget {
  return typeof value === "object" && value !== null && typeof (value as WrittenTarget).onion === "string";
}

/** JSON.parse forgets lines; the key "domain" stands once in each entry, so counting it finds them again. */
function lineFinder(text: string): (hasDomain: boolean) => number {
  let at = 0;
  let line = 1;
  return (hasDomain) => {
    const found = hasDomain ? /"domain"\s*:/.exec(text.slice(at)) : null;
    if (found !== null) {
      const end = at + found.index + found[0].length;
      line += text.slice(at, at + found.index).split("\n").length - 1;
      at = end;
    }
    return line;
  };
}
