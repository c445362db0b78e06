import { ListBuilder, numberedLines, type ParsedList } from "./list.js";

const QUOTED = /^(['"])(.*)\1$/;

/**
 * The community's `map.yml`: onion addresses with the domains behind them.
 *
 * ```yaml
 * 'fiftysixcharacters….onion':
 *   - 'example.org'
 * ```
 *
 * Reads this shape (lists also as `[a, b]`) and not all of YAML: every other line is reported, none guessed at.
 * An onion without a domain (a null value made one of the peers answer "not found" to everything) is reported with
 * the line it stands on.
 */
export function readCommunityYml(text: string): ParsedList {
  const list = new ListBuilder();
  let onion: { text: string; line: number; domains: number } | undefined;

  const endOnion = () => {
    if (onion?.domains === 0) list.refuse(onion.line, undefined, `${onion.text}: no domain is listed`);
    onion = undefined;
  };
  const addDomain = (line: number, written: string) => {
    const domain = unquote(written);
    if (onion !== undefined) onion.domains++;
    if (onion === undefined) list.refuse(line, domain, "stands below no onion address");
    else if (isNull(written)) list.refuse(line, undefined, `${onion.text}: an empty entry`);
    else list.add(line, domain, [{ onion: onion.text }]);
  };

  for (const { line, text: row } of numberedLines(text)) {
    const content = row.replace(/(^|\s)#.*$/, "").trim();
    if (content === "" || content === "---" || content === "...") continue;
    const item = /^-(?:\s+(.*))?$/.exec(content);
    if (item !== null) {
      addDomain(line, item[1] ?? "");
      continue;
    }
    const key = /^('[^']*'|"[^"]*"|[^\s:'"[\]{}]+)\s*:(?:\s+(.*))?$/.exec(content);
    if (key === null || /^\s/.test(row)) {
      list.refuse(line, undefined, "not a line of a map “onion: [domains]”");
      continue;
    }
    endOnion();
    onion = { text: unquote(key[1]!), line, domains: 0 };
    const value = (key[2] ?? "").trim();
    if (value === "" || isNull(value)) continue;
    const flow = /^\[(.*)\]$/.exec(value);
    for (const part of flow === null ? [value] : flow[1]!.split(",")) {
      if (flow === null || part.trim() !== "") addDomain(line, part.trim());
    }
  }
  endOnion();
  return list.list;
}

function unquote(text: string): string {
  return QUOTED.exec(text)?.[2] ?? text;
}

function isNull(text: string): boolean {
  return /^(~|null|)$/i.test(text);
}
