import { timingSafeEqual } from "node:crypto";
import { ProtocolError } from "./errors.js";

/** A value that can stand in a hash or HMAC input; null means absent, which differs from empty. */
export type Part = Uint8Array | string | number | boolean | null;

const ABSENT = Uint8Array.of(0);
const PRESENT = Uint8Array.of(1);

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

/**
 * Encodes parts so that no two different lists give the same bytes: each part is a presence byte, then a
 * 4-byte big-endian length, then the bytes. Numbers and booleans stand in their decimal or `true`/`false` text.
 */
export function lengthPrefixed(parts: readonly Part[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (const part of parts) {
    if (part === null) {
      chunks.push(ABSENT);
      continue;
    }
    const bytes = part instanceof Uint8Array ? part : utf8(String(part));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    chunks.push(PRESENT, length, bytes);
  }
  return Buffer.concat(chunks);
}

/** Compares in constant time; different lengths are unequal. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
}

/** @returns the bytes, or undefined if the text is not exactly the base64url that `toBase64url` writes */
export function fromBase64url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** The 16 bytes of a uuid in its usual text form. */
export function uuidBytes(uuid: string): Uint8Array {
  return Buffer.from(uuid.replaceAll("-", ""), "hex");
}

export function uuidText(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Reads fixed and length-prefixed fields from the front of a byte string. */
export class ByteReader {
  #at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  take(length: number): Uint8Array {
    if (this.#at + length > this.bytes.length) throw new ProtocolError("ERR_ENCODING", "A value ends too early.");
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  uint16(): number {
    const [high, low] = this.take(2) as unknown as [number, number];
    return high * 256 + low;
  }

  /** A string written as one length byte and its UTF-8 bytes. */
  shortText(): string {
    return Buffer.from(this.take(this.byte())).toString("utf8");
  }
}

export function uint16(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw new ProtocolError("ERR_PARAMETER", "Not a uint16.");
  return Uint8Array.of(value >> 8, value & 255);
}

export function shortText(text: string): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length > 255) throw new ProtocolError("ERR_CLASS_OVERFLOW", "A text is longer than 255 bytes.");
  return concat(Uint8Array.of(bytes.length), bytes);
}
