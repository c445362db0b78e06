import { readCommunityYml } from "./community-yml.js";
import { readEximCdb, writeEximCdb } from "./exim-cdb.js";
import { readEximTxt, writeEximTxt } from "./exim-txt.js";
import { type ExportedEntry, readJson, writeJson } from "./json.js";
import type { ParsedList } from "./list.js";
import { readPostfix, writePostfix } from "./postfix.js";

export const EXPORT_FORMATS = ["exim-txt", "cdb", "postfix", "json"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export const IMPORT_FORMATS = [...EXPORT_FORMATS, "yml"] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

export function writeList(format: ExportFormat, entries: Iterable<ExportedEntry>): string | Buffer {
  switch (format) {
    case "exim-txt":
      return writeEximTxt(entries);
    case "cdb":
      return writeEximCdb(entries);
    case "postfix":
      return writePostfix(entries);
    case "json":
      return writeJson(entries);
  }
}

/** @throws RangeError | SyntaxError if the file as a whole can't be read in this format: nothing is taken then */
export function readList(format: ImportFormat, file: Buffer): ParsedList {
  switch (format) {
    case "exim-txt":
      return readEximTxt(file.toString());
    case "cdb":
      return readEximCdb(file);
    case "postfix":
      return readPostfix(file.toString());
    case "json":
      return readJson(file.toString());
    case "yml":
      return readCommunityYml(file.toString());
  }
}

/** What a file looks like, from its bytes alone: the name of a file says little about what people put into it. */
export function guessFormat(file: Buffer): ImportFormat {
  // A cdb starts with the position of its first table, never below 2048, and is full of zero bytes.
  if (file.subarray(0, 4096).includes(0)) return "cdb";
  const text = file.toString().replace(/^\ufeff/, "");
  const first = text.split(/\r?\n/).find((line) => !/^\s*(#|$)/.test(line)) ?? "";
  if (/^\s*[[{]/.test(first)) return "json";
  if (first.trim() === "---" || /^\s*-\s/.test(first) || /^\s*['"]?[a-z2-7]+\.onion['"]?\s*:(\s|$)/i.test(first)) {
    return "yml";
  }
  if (/^\S+\s+[\w-]*:\[?[^\s:]/.test(first)) return "postfix";
  return "exim-txt";
}
