import { BOX_OVERHEAD_BYTES, discloseBytes, encloseBytes, pad, unpad } from "./box.js";
import { utf8 } from "./bytes.js";
import { deriveKey, type Label } from "./derive.js";

/** Columns of an account that Kith itself must read when nobody is signed in. */
const COLUMNS = {
  contact: { label: "kith/v1/contact" as Label, size: 324 },
  "second step": { label: "kith/v1/second step" as Label, size: 1024 },
} as const;
export type SealedColumn = keyof typeof COLUMNS;

/** Length of each sealed column in bytes, used or not. */
export function sealedColumnBytes(column: SealedColumn): number {
  return COLUMNS[column].size + BOX_OVERHEAD_BYTES;
}

/**
 * Seals a text into an account's column under the server secret. Always present and always of one length, so the
 * database does not tell who has a contact address or a second step.
 *
 * @param text empty for "none"
 * @throws ProtocolError `ERR_CLASS_OVERFLOW`
 */
export function sealColumn(
  serverSecret: Uint8Array,
  column: SealedColumn,
  accountId: string,
  text: string,
): Uint8Array {
  const { label, size } = COLUMNS[column];
  return encloseBytes(deriveKey(serverSecret, label), pad(utf8(text), size), accountId);
}

/** @returns the text, or undefined if the column is not what Kith wrote for this account */
export function openColumn(
  serverSecret: Uint8Array,
  column: SealedColumn,
  accountId: string,
  sealed: Uint8Array,
): string | undefined {
  const padded = discloseBytes(deriveKey(serverSecret, COLUMNS[column].label), sealed, accountId);
  const bytes = padded && unpad(padded);
  return bytes && Buffer.from(bytes).toString("utf8");
}

/** @returns the same text in other bytes; what Kith did not write for this account stays as it is */
export function resealColumn(
  serverSecret: Uint8Array,
  column: SealedColumn,
  accountId: string,
  sealed: Uint8Array,
): Uint8Array {
  const text = openColumn(serverSecret, column, accountId, sealed);
  return text === undefined ? sealed : sealColumn(serverSecret, column, accountId, text);
}
