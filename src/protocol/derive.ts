import { createHash, createHmac, hkdfSync } from "node:crypto";
import { lengthPrefixed, type Part, utf8 } from "./bytes.js";

/** Every label begins with this; a new protocol version gets new labels. */
export type Label = `kith/v1/${string}`;

/**
 * HKDF-SHA-256 (RFC 5869) without salt, the label as info.
 *
 * @param root key material with at least 128 bits of entropy: the server secret, a nonce, a cookie
 * @returns 32 bytes that tell nothing about the root or about keys under other labels
 */
export function deriveKey(root: Uint8Array, label: Label): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", root, new Uint8Array(0), utf8(label), 32));
}

/** HMAC keys of the roots that are in use, such as the server secret: it makes some thirty tags a sign-in. */
const hmacKeys = new WeakMap<Uint8Array, Map<Label, Uint8Array>>();

function hmacKey(root: Uint8Array, label: Label): Uint8Array {
  let keys = hmacKeys.get(root);
  if (!keys) {
    keys = new Map();
    hmacKeys.set(root, keys);
  }
  let key = keys.get(label);
  if (!key) {
    key = deriveKey(root, label);
    keys.set(label, key);
  }
  return key;
}

/** SHA-256 over the label and the length-prefixed parts: 32 bytes. */
export function hash(label: Label, ...parts: readonly Part[]): Uint8Array {
  return createHash("sha256")
    .update(lengthPrefixed([label, ...parts]))
    .digest();
}

/** HMAC-SHA-256 over the label and the length-prefixed parts under `deriveKey(root, label)`: 32 bytes. */
export function hmac(root: Uint8Array, label: Label, ...parts: readonly Part[]): Uint8Array {
  return createHmac("sha256", hmacKey(root, label))
    .update(lengthPrefixed([label, ...parts]))
    .digest();
}
