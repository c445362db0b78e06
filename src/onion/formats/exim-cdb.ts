import type { Mapped } from "../route.js";
import { readCdb, writeCdb } from "./cdb.js";
import { addEximValue, eximValue } from "./exim-txt.js";
import { ListBuilder, type ParsedList } from "./list.js";

/** The flat file as a cdb: byte for byte the same keys and values. */
export function writeEximCdb(routes: Iterable<Mapped>): Buffer {
  const records = [];
  for (const route of routes) records.push({ key: Buffer.from(route.domain), value: Buffer.from(eximValue(route)) });
  return writeCdb(records);
}

/** @throws RangeError if the file is not a whole cdb */
export function readEximCdb(file: Buffer): ParsedList {
  const list = new ListBuilder();
  let number = 0;
  for (const { key, value } of readCdb(file)) addEximValue(list, ++number, key.toString(), value.toString());
  return list.list;
}
