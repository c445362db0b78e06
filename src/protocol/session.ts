import { randomBytes } from "node:crypto";
import { BOX_OVERHEAD_BYTES, discloseBytes, encloseBytes, pad, unpad } from "./box.js";
import { utf8 } from "./bytes.js";
import { deriveKey, hmac, type Label } from "./derive.js";
import { tagRow } from "./tag.js";

const SESSION_ID: Label = "kith/v1/session id";
const SESSION: Label = "kith/v1/session";
const LEFT: Label = "kith/v1/left session";
const OPENED: Label = "kith/v1/opened for a session";
const NOTE: Label = "kith/v1/note";

const PAYLOAD_BYTES = 4096;
const NOTE_BYTES = 1024;
/** Every session row's length. */
export const SESSION_BYTES = PAYLOAD_BYTES + BOX_OVERHEAD_BYTES;

/** A session cookie's value: 32 random bytes. */
export function newSessionCookie(): Uint8Array {
  return randomBytes(32);
}

/** The row's id: 32 bytes from which the cookie can't be computed. */
export function sessionId(cookie: Uint8Array): Uint8Array {
  return deriveKey(cookie, SESSION_ID);
}

/**
 * "Kith began this session": who writes to the database can make up a cookie and a row that it opens, but not this. It
 * stands inside the wrapped session.
 *
 * @param payload anything JSON holds; its fields in the order in which they are stored
 */
export function tagSession(serverSecret: Uint8Array, id: Uint8Array, payload: unknown): Uint8Array {
  return tagRow(serverSecret, "sessions", { id, payload: JSON.stringify(payload) });
}

/** "This session's browser was here then": goes with the cookie, and makes no row tell who did something when. */
export function tagVisit(serverSecret: Uint8Array, id: Uint8Array, moment: number): Uint8Array {
  return tagRow(serverSecret, "visits of sessions", { id, moment: String(moment) });
}

/**
 * The mark of a session that was left, as only the member's own sessions can make it: without the private key nobody can
 * tell which session it is of, not with the server secret either.
 *
 * @param privateKey the one inside the session, 629 bytes
 * @param id of the session's row
 * @returns 32 bytes
 */
export function leftMark(privateKey: Uint8Array, id: Uint8Array): Uint8Array {
  return hmac(privateKey, LEFT, id);
}

/** The cookie opens what is wrapped only together with the server secret. */
function wrap(serverSecret: Uint8Array, label: Label, cookie: Uint8Array, value: unknown, bytes: number): Uint8Array {
  return encloseBytes(hmac(serverSecret, label, cookie), pad(utf8(JSON.stringify(value)), bytes));
}

function unwrap(serverSecret: Uint8Array, label: Label, cookie: Uint8Array, wrapped: Uint8Array): unknown {
  const padded = discloseBytes(hmac(serverSecret, label, cookie), wrapped);
  const bytes = padded && unpad(padded);
  return bytes && JSON.parse(Buffer.from(bytes).toString("utf8"));
}

/**
 * Wraps a session so that the database alone opens none: the key is made of the cookie, which only the browser has, and
 * of the server secret, without which whoever has half a session opens no copy of its row either.
 *
 * @param payload anything JSON holds, up to 4,092 bytes as text
 * @returns 4,124 bytes
 * @throws ProtocolError `ERR_CLASS_OVERFLOW`
 */
export function wrapSession(serverSecret: Uint8Array, cookie: Uint8Array, payload: unknown): Uint8Array {
  return wrap(serverSecret, SESSION, cookie, payload, PAYLOAD_BYTES);
}

/** @returns undefined if the row was not wrapped with this cookie here */
export function unwrapSession(serverSecret: Uint8Array, cookie: Uint8Array, wrapped: Uint8Array): unknown {
  return unwrap(serverSecret, SESSION, cookie, wrapped);
}

/**
 * Wraps what a session has opened already, to be kept in memory: without the cookie, a picture of the memory or of the
 * swap tells as little as the database.
 *
 * @param generation the account's: of another one, it does not open any more
 */
export function wrapOpened(cookie: Uint8Array, opened: Uint8Array, generation: Uint8Array): Uint8Array {
  return encloseBytes(deriveKey(cookie, OPENED), opened, generation);
}

/** @returns undefined if it was wrapped with another cookie, or belongs to another generation */
export function unwrapOpened(cookie: Uint8Array, wrapped: Uint8Array, generation: Uint8Array): Uint8Array | undefined {
  return discloseBytes(deriveKey(cookie, OPENED), wrapped, generation);
}

/**
 * Wraps what the member's next page is to show, for the browser to carry there. Under the server secret as well: whoever
 * has the cookie must not make one up.
 *
 * @param note anything JSON holds, up to 1,020 bytes as text
 * @returns 1,052 bytes
 * @throws ProtocolError `ERR_CLASS_OVERFLOW`
 */
export function wrapNote(serverSecret: Uint8Array, cookie: Uint8Array, note: unknown): Uint8Array {
  return wrap(serverSecret, NOTE, cookie, note, NOTE_BYTES);
}

/** @returns undefined if it was not wrapped with this cookie here */
export function unwrapNote(serverSecret: Uint8Array, cookie: Uint8Array, wrapped: Uint8Array): unknown {
  return unwrap(serverSecret, NOTE, cookie, wrapped);
}
