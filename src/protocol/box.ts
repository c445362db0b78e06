import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { concat, lengthPrefixed, type Part } from "./bytes.js";
import { ProtocolError } from "./errors.js";

const NONCE_BYTES = 12;
const MAC_BYTES = 16;

/** How many bytes a box is longer than what it holds. */
export const BOX_OVERHEAD_BYTES = NONCE_BYTES + MAC_BYTES;

/**
 * AES-256-GCM with a random nonce: nonce ‖ ciphertext ‖ MAC.
 * What is in the box can't be read or altered, nor moved to another context, without the key.
 *
 * @param key 32 bytes
 * @param context what the box belongs to (an account id, a generation); authenticated, not stored
 */
export function encloseBytes(key: Uint8Array, plaintext: Uint8Array, ...context: readonly Part[]): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(lengthPrefixed(context));
  return concat(nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/** @returns the plaintext, or undefined if the key, the context or a byte of the box is another */
export function discloseBytes(key: Uint8Array, box: Uint8Array, ...context: readonly Part[]): Uint8Array | undefined {
  if (box.length < BOX_OVERHEAD_BYTES) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, box.subarray(0, NONCE_BYTES));
  decipher.setAAD(lengthPrefixed(context));
  decipher.setAuthTag(box.subarray(box.length - MAC_BYTES));
  try {
    return concat(decipher.update(box.subarray(NONCE_BYTES, box.length - MAC_BYTES)), decipher.final());
  } catch {
    return undefined;
  }
}

/**
 * Pads to exactly `size` bytes: a 4-byte big-endian length, the bytes, zeros.
 *
 * @throws ProtocolError `ERR_CLASS_OVERFLOW` if the plaintext does not fit
 */
export function pad(plaintext: Uint8Array, size: number): Uint8Array {
  if (plaintext.length + 4 > size) throw new ProtocolError("ERR_CLASS_OVERFLOW", "A value is too long for its class.");
  const padded = Buffer.alloc(size);
  padded.writeUInt32BE(plaintext.length);
  padded.set(plaintext, 4);
  return padded;
}

/** @returns what was padded, or undefined if these bytes were not made by `pad` */
export function unpad(padded: Uint8Array): Uint8Array | undefined {
  if (padded.length < 4) return undefined;
  const length = Buffer.from(padded.buffer, padded.byteOffset, 4).readUInt32BE();
  if (length + 4 > padded.length) return undefined;
  const filling = padded.subarray(4 + length);
  if (!Buffer.alloc(filling.length).equals(filling)) return undefined;
  return padded.subarray(4, 4 + length);
}
