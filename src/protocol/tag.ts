import { equalBytes, type Part } from "./bytes.js";
import { hmac, type Label } from "./derive.js";

const TAG: Label = "kith/v1/tag";

/** All columns of a row but its tag, by name. */
export type TaggedColumns = Readonly<Record<string, Part>>;

/**
 * "Kith wrote this row": an HMAC under the server secret over the table's name and every column.
 *
 * Whoever can write the database but does not have the secret can't make a row, alter one, or move one to another
 * table. Names are part of the input, so the order of columns does not matter.
 *
 * @returns 32 bytes
 */
export function tagRow(serverSecret: Uint8Array, table: string, columns: TaggedColumns): Uint8Array {
  const parts: Part[] = [table];
  for (const name of Object.keys(columns).sort()) parts.push(name, columns[name] as Part);
  return hmac(serverSecret, TAG, ...parts);
}

/** Whether the row's `tag` column is the tag of all its other columns; in constant time. */
export function hasValidTag(
  serverSecret: Uint8Array,
  table: string,
  row: TaggedColumns & { readonly tag: Uint8Array },
): boolean {
  const { tag, ...columns } = row;
  return equalBytes(tag, tagRow(serverSecret, table, columns));
}
