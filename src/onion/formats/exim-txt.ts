import type { Mapped } from "../route.js";
import { ListBuilder, numberedLines, type ParsedList, type WrittenTarget } from "./list.js";

/**
 * Exim's flat file, `domain onion` a line: what `lsearch` reads and what the original how-to turned into a cdb.
 * A port other than 25 is written as Exim's host lists want it, `onion::2525`; several onions
 * with a single colon between them.
 */
export function writeEximTxt(routes: Iterable<Mapped>): string {
  let text = "";
  for (const route of routes) text += `${route.domain} ${eximValue(route)}\n`;
  return text;
}

/** The value of one domain, in the flat file and in the cdb alike. */
export function eximValue(route: Mapped): string {
  return route.targets
    .map((target) => (target.port === 25 ? target.onion : `${target.onion}::${target.port}`))
    .join(":");
}

/** Reads `domain onion` and `domain: onion`; `#` starts a comment. */
export function readEximTxt(text: string): ParsedList {
  const list = new ListBuilder();
  for (const { line, text: row } of numberedLines(text)) {
    const content = row.replace(/(^|\s)#.*$/, "").trim();
    if (content === "") continue;
    const [, domain = "", value = ""] = /^(\S+?):?(?:\s+(.*))?$/.exec(content) ?? [];
    addEximValue(list, line, domain, value);
  }
  return list.list;
}

export function addEximValue(list: ListBuilder, line: number, domain: string, value: string): void {
  const targets: WrittenTarget[] = [];
  for (const part of value.split(":").map((text) => text.trim())) {
    const last = targets.at(-1);
    if (part === "") continue;
    // The order in the file is the order to try them in; digits are the port of the onion before them.
    if (/^\d{1,5}$/.test(part) && last !== undefined && last.port === undefined) last.port = Number(part);
    else targets.push({ onion: part, priority: targets.length });
  }
  list.add(line, domain, targets);
}
