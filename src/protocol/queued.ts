import { discloseBytes, encloseBytes, pad, unpad } from "./box.js";
import { fromBase64url, toBase64url, utf8 } from "./bytes.js";
import { deriveKey, type Label } from "./derive.js";

const QUEUED: Label = "kith/v1/queued notice";
const NOTICE_BYTES = 4096;

/**
 * Seals a notice under the server secret while it waits to be mailed: neither a copy of the database nor what its files
 * and its log keep of deleted rows tells an address, or what was written to it. All are of one length.
 *
 * @param notice anything JSON holds, up to 4,092 bytes as text
 * @throws ProtocolError `ERR_CLASS_OVERFLOW`
 */
export function wrapNotice(serverSecret: Uint8Array, notice: unknown): string {
  const plaintext = pad(utf8(JSON.stringify(notice)), NOTICE_BYTES);
  return toBase64url(encloseBytes(deriveKey(serverSecret, QUEUED), plaintext));
}

/** @returns undefined if it was not wrapped under this secret */
export function unwrapNotice(serverSecret: Uint8Array, wrapped: string): unknown {
  const box = fromBase64url(wrapped);
  const padded = box && discloseBytes(deriveKey(serverSecret, QUEUED), box);
  const bytes = padded && unpad(padded);
  return bytes && JSON.parse(Buffer.from(bytes).toString("utf8"));
}
