import { discloseBytes } from "#kith/protocol/box.js";
import { deriveKey } from "#kith/protocol/derive.js";
import type { Dump, Row } from "./dump.js";
import { LABELS } from "./labels.js";

// The operator at rest: every table and the server secret. Each key that can be derived from the secret is tried on
// every value, in every context that its row names; what opens is looked through.

export interface Opened {
  column: string;
  label: string;
  row: Row;
  bytes: Uint8Array;
}

/** Whatever a key of the server secret opens. */
export function openAll(tables: Dump, secret: Uint8Array): Opened[] {
  const keys = LABELS.map((label) => [label.replace("kith/v1/", ""), deriveKey(secret, label)] as const);
  const opened: Opened[] = [];
  for (const [table, rows] of Object.entries(tables)) {
    for (const row of rows) {
      // A box belongs to an account, a case, a generation: whatever it is, it stands in the same row.
      const own = Object.values(row).filter((value) => Buffer.isBuffer(value) || typeof value === "string");
      const contexts = [[], ...own.map((value) => [value])];
      for (const [column, value] of Object.entries(row)) {
        for (const box of bytesIn(value)) {
          for (const [label, key] of keys) {
            const bytes = firstOf(contexts, (context) => discloseBytes(key, box, ...context));
            if (bytes) opened.push({ column: `${table}.${column}`, label, row, bytes });
          }
        }
      }
    }
  }
  return opened;
}

/** What may be a box: bytes, and what a text, or a text inside JSON, may be the encoding of. */
function bytesIn(value: unknown): Buffer[] {
  if (Buffer.isBuffer(value)) return [value];
  if (typeof value === "string") {
    const encodings = [
      [/^(?:[0-9a-f]{2})+$/i, "hex"],
      [/^[A-Za-z0-9+/_-]+={0,2}$/, "base64"],
    ] as const;
    return encodings.flatMap(([shape, encoding]) => (shape.test(value) ? [Buffer.from(value, encoding)] : []));
  }
  const isHolder = typeof value === "object" && value !== null && !(value instanceof Date);
  return isHolder ? Object.values(value).flatMap(bytesIn) : [];
}

function firstOf<T, R>(all: readonly T[], find: (one: T) => R | undefined): R | undefined {
  for (const one of all) {
    const found = find(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Names, ids, fingerprints and key ids of everybody but the row's owner, as bytes that might be found. */
export function marksOfOthers(tables: Dump, row: Row): Map<string, Buffer> {
  const own = String(row.id ?? "") === String(row.trusting_id ?? row.id) ? row.id : row.trusting_id;
  const marks = new Map<string, Buffer>();
  for (const account of tables.accounts ?? []) {
    if (account.id === own || account.id === row.trusting_id || account.username === "") continue;
    const name = String(account.username);
    marks.set(`name ${name}`, Buffer.from(`${name}@`));
    marks.set(`id ${name}`, Buffer.from(String(account.id).replaceAll("-", ""), "hex"));
    marks.set(`id ${name} as text`, Buffer.from(String(account.id)));
    marks.set(`fingerprint ${name}`, account.fingerprint as Buffer);
    marks.set(`key id ${name}`, (account.fingerprint as Buffer).subarray(12));
  }
  return marks;
}

/** Which of these marks stand in the bytes. */
export const foundIn = (bytes: Uint8Array, marks: Map<string, Buffer>) =>
  [...marks].filter(([, mark]) => Buffer.from(bytes).includes(mark)).map(([name]) => name);
