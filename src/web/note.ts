import type { FastifyReply } from "fastify";
import type { Session } from "../accounts/sessions.js";
import { fromBase64url, toBase64url } from "../protocol/bytes.js";
import { unwrapNote, wrapNote } from "../protocol/session.js";
import { clearCookie, readCookie, setCookie } from "./cookies.js";
import type { Visit } from "./visit.js";

/** One sentence to show on the next page: a catalogue key and what stands in it. */
export interface Flash {
  kind: "good" | "wait" | "bad";
  key: string;
  vars?: Record<string, string | number>;
}

/** What the next page is to show once. */
export interface Note {
  flash?: Flash;
  once?: Record<string, string | number>;
}

/**
 * Leaves a note for the next page, in the browser, for as long as a session may be idle. A row written right after
 * somebody has agreed to a reset would stand beside the approval in the write-ahead log, and tell whose session it was;
 * one written with a letter would tell who wrote it.
 */
export function leaveNote({ context, reply }: Pick<Visit, "context" | "reply">, session: Session, note: Note): void {
  const wrapped = wrapNote(context.secret, fromBase64url(session.cookie) as Uint8Array, note);
  setCookie(context.config, reply, "note", toBase64url(wrapped), context.config.sessionIdleMinutes * 60);
}

/** The note that was left for this page, if any; it is gone from then on. */
export function takeNote(visit: Visit, session: Session): Note {
  const text = readCookie(visit.context.config, visit.request, "note");
  if (!text) return {};
  clearCookie(visit.context.config, visit.reply as FastifyReply, "note");
  const wrapped = fromBase64url(text);
  const cookie = fromBase64url(session.cookie) as Uint8Array;
  return ((wrapped && unwrapNote(visit.context.secret, cookie, wrapped)) as Note | undefined) ?? {};
}
