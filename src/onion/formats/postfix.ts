import { POSTFIX_TRANSPORT } from "../lookup/postfix-nexthop.js";
import type { Mapped } from "../route.js";
import { ListBuilder, numberedLines, type ParsedList, type WrittenTarget } from "./list.js";

/** The source of a Postfix transport table (`hash:`, `cdb:`, `lmdb:` after `postmap`; `texthash:` as it is). */
export function writePostfix(routes: Iterable<Mapped>): string {
  let text = "";
  for (const route of routes) {
    const hosts = route.targets.map((target) => `[${target.onion}]:${target.port}`);
    text += `${route.domain} ${POSTFIX_TRANSPORT}:${hosts.join(", ")}\n`;
  }
  return text;
}

/**
 * Reads such a source: `domain transport:[onion]:port`, the port optional. Whatever the transport is called, a
 * bracketed onion is what counts. A line that starts with white space continues the one before.
 */
export function readPostfix(text: string): ParsedList {
  const list = new ListBuilder();
  const logical: { line: number; text: string }[] = [];
  for (const { line, text: row } of numberedLines(text)) {
    if (/^\s*(#|$)/.test(row)) continue;
    const last = logical.at(-1);
    if (/^\s/.test(row) && last !== undefined) last.text += ` ${row.trim()}`;
    else logical.push({ line, text: row.trim() });
  }
  for (const { line, text: row } of logical) {
    const [, domain = "", value = ""] = /^(\S+)(?:\s+(.*))?$/.exec(row) ?? [];
    const [, hosts] = /^[\w-]*:(.*)$/.exec(value) ?? [];
    if (hosts === undefined) {
      list.refuse(line, domain, "no transport:[onion] behind the domain");
      continue;
    }
    const targets: WrittenTarget[] = [];
    for (const host of hosts.split(/[,\s]+/).filter((part) => part !== "")) {
      const [, onion = host, port] = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(host) ?? [];
      targets.push({ onion, priority: targets.length, ...(port === undefined ? {} : { port: Number(port) }) });
    }
    list.add(line, domain, targets);
  }
  return list.list;
}
