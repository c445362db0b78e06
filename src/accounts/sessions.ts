import { randomBytes } from "node:crypto";
import type { Context } from "../context.js";
import { addDays, type Day, dayOf } from "../days.js";
import { equalBytes, fromBase64url, toBase64url, utf8 } from "../protocol/bytes.js";
import { fingerprintOf, type PrivateKey, readPrivateKey } from "../protocol/keypair.js";
import type { ListedSession } from "../protocol/self-record.js";
import {
  leftMark,
  newSessionCookie,
  sessionId,
  tagSession,
  tagVisit,
  unwrapSession,
  wrapSession,
} from "../protocol/session.js";
import { ask } from "../seen.js";
import { type AccountRow, findOwnAccount, isFrozenFor, reportForgery } from "./account.js";
import { inTurn } from "./in-turn.js";
import * as queries from "./queries.js";

const QUARTER_HOUR_MILLISECONDS = 15 * 60_000;

/** What is inside a session. Nothing outside decides. */
export interface SessionPayload {
  accountId: string;
  /** base64url of the account's `session_epoch`; another epoch ends the session. */
  epoch: string;
  /** `code`: the password was right, the second step is missing; nothing else is allowed yet. */
  stage: "full" | "code";
  /** The unlocked private key, base64url: the present one, or the pending one of `caseId`. */
  key: string;
  /** Only in stage `code`: base64url of the unlock key, and the case whose password was typed. */
  unlockKey?: string;
  caseId?: string;
  /** Only in stage `code`: how the key is to be locked from now on, where that has become too weak. */
  relock?: Record<keyof Relock, string>;
  next?: string;
  /** Milliseconds since 1970, in quarter hours. */
  begun: number;
  /** The same of the session for which this one goes on without the password being typed again. */
  typed?: number;
  client: string;
  /** How many times this one, and those it goes on for, ended others in a quarter hour (milliseconds since 1970). */
  endings?: { at: number; count: number };
  /** Until when this session has the review key open, milliseconds since 1970. */
  reviewUntil?: number;
  /** What is to be shown once on the page that follows, and nowhere else. */
  once?: Record<string, string | number>;
}

/** A new way to lock an account's key with the password that was typed. */
export interface Relock {
  /** 16 bytes */
  salt: Uint8Array;
  parameters: string;
  /** 32 bytes */
  unlockKey: Uint8Array;
}

/** A session that is open for this request. */
export interface Session {
  /** base64url */
  cookie: string;
  /** A newer last visit, for the browser to keep: a quarter hour has gone by. */
  newVisit: string | undefined;
  id: Uint8Array;
  payload: SessionPayload;
  account: AccountRow;
  privateKey(): Promise<PrivateKey>;
}

function quarter(date: Date): number {
  return Math.floor(date.getTime() / QUARTER_HOUR_MILLISECONDS) * QUARTER_HOUR_MILLISECONDS;
}

/** A new session: its cookie, and the row that is stored. */
export function makeSession(
  context: Context,
  payload: Omit<SessionPayload, "begun">,
): { cookie: string; row: queries.SessionRow } {
  const cookie = newSessionCookie();
  const now = context.clock();
  const whole: SessionPayload = { ...payload, begun: quarter(now) };
  return {
    cookie: toBase64url(cookie),
    row: {
      id: sessionId(cookie),
      sealed: seal(context, cookie, whole),
      expiry_day: addDays(dayOf(now), expiryDays(context)),
    },
  };
}

function expiryDays({ config }: Pick<Context, "config">): number {
  return Math.ceil(config.sessionMaxHours / 24) + 1;
}

/** The day on which the newest of the present sessions began; undefined if there is none. */
export async function newestSessionDay(context: Context): Promise<Day | undefined> {
  const expiry = await queries.selectLastExpiry(context.db);
  return expiry && addDays(expiry, -expiryDays(context));
}

/** A cookie can be made up by anybody, and a row that it opens by whoever writes to the database: hence the tag. */
function seal({ secret }: Pick<Context, "secret">, cookie: Uint8Array, payload: SessionPayload): Uint8Array {
  return wrapSession(secret, cookie, { ...payload, tag: toBase64url(tagSession(secret, sessionId(cookie), payload)) });
}

/** @returns undefined if Kith did not write what is in this row: that is reported */
function unseal(context: Context, cookie: Uint8Array, { id, sealed }: queries.SessionRow): SessionPayload | undefined {
  const opened = unwrapSession(context.secret, cookie, sealed) as (SessionPayload & { tag?: unknown }) | undefined;
  if (opened) {
    const { tag, ...payload } = opened;
    const expected = tagSession(context.secret, id, payload);
    if (typeof tag === "string" && equalBytes(Buffer.from(tag, "base64url"), expected)) return payload;
  }
  reportForgery(context, "sessions");
  return undefined;
}

/** The part of a payload that says whose session it is. */
export function sessionOwner(account: AccountRow, privateKey: PrivateKey) {
  return {
    accountId: account.id,
    epoch: toBase64url(account.session_epoch),
    key: toBase64url(privateKey.write()),
  };
}

/** The quarter hour of a visit, for its browser to keep. Stored in the row, it would tell who acted when. */
function visitText({ secret }: Context, id: Uint8Array, visit: number): string {
  return `${visit / QUARTER_HOUR_MILLISECONDS}.${toBase64url(tagVisit(secret, id, visit))}`;
}

/** When the browser of this session was last here, if Kith said so; 0: not said. */
function lastVisit(context: Context, id: Uint8Array, text: string): number {
  const visit = Number(text.split(".")[0]) * QUARTER_HOUR_MILLISECONDS;
  return Number.isSafeInteger(visit) && equalBytes(utf8(visitText(context, id, visit)), utf8(text)) ? visit : 0;
}

/**
 * Opens the session that belongs to a cookie.
 *
 * @param cookieText 32 bytes in base64url
 * @param lastVisitText what the browser keeps of its last visit; default: none since the session began
 * @returns undefined if there is none, or if it is over: idle, too old, of an epoch that ended, of an account that
 * was suspended or has another key
 */
export async function openSession(
  context: Context,
  cookieText: string,
  lastVisitText = "",
): Promise<Session | undefined> {
  const asked = ask(context);
  const stored = await readSession(context, cookieText);
  if (!stored) return undefined;
  const { id, payload } = stored;
  const now = context.clock().getTime();
  const { sessionIdleMinutes, sessionMaxHours } = context.config;
  const seen = Math.max(payload.begun, lastVisit(context, id, lastVisitText));
  const idle = now >= seen + sessionIdleMinutes * 60_000 + QUARTER_HOUR_MILLISECONDS;
  const old = now >= typedAt(payload) + sessionMaxHours * 3_600_000;
  // Its row is left to the daily sweep: deleted now, it would tell whose browser followed a letter or a link.
  if (idle || old) return undefined;
  const [account, marks] = await Promise.all([
    findOwnAccount(context, payload.accountId),
    queries.selectLeftMarks(context.db, [markOf(payload, id)]),
  ]);
  if (marks.length > 0 || hasEnded(context, id, asked)) return undefined;
  if (!account || !isAllowed(payload, account)) return undefined;
  let key: Promise<PrivateKey> | undefined;
  const visit = quarter(new Date(now));
  return {
    cookie: cookieText,
    newVisit: visit === seen ? undefined : visitText(context, id, visit),
    id,
    payload,
    account,
    privateKey: () => {
      key ??= readPrivateKey(fromBase64url(payload.key) as Uint8Array);
      return key;
    },
  };
}

/** What Kith stored for a cookie, over or not. */
async function readSession(
  context: Context,
  cookieText: string,
): Promise<{ id: Uint8Array; payload: SessionPayload } | undefined> {
  const cookie = fromBase64url(cookieText);
  if (cookie?.length !== 32) return undefined;
  const row = await queries.selectSession(context.db, sessionId(cookie));
  const payload = row && unseal(context, cookie, row);
  return payload && { id: row.id, payload };
}

/** When the password was typed for a session, milliseconds since 1970, in quarter hours: only that begins its hours anew. */
export function typedAt({ typed, begun }: SessionPayload): number {
  return typed ?? begun;
}

/** The count of those that ended others, with one more. */
export function oneMoreEnding(context: Context, { endings }: SessionPayload): { at: number; count: number } {
  const at = quarter(context.clock());
  return { at, count: (endings?.at === at ? endings.count : 0) + 1 };
}

/** Whether the account as it is now lets a session go on: not another epoch, suspended, or frozen. */
export function isAllowed(payload: SessionPayload, account: AccountRow): boolean {
  // Between a new password and the code, on the way that a freeze leaves open.
  const completesReset = payload.stage === "code" && payload.caseId !== undefined;
  const goesOn = completesReset ? account.status === "active" : letsSessionsGoOn(account);
  return goesOn && payload.epoch === toBase64url(account.session_epoch);
}

/** Not suspended; nor frozen since a thief knows the password: the thief's sessions end, too. */
export function letsSessionsGoOn(account: AccountRow): boolean {
  return account.status === "active" && !isFrozenFor(account, "sign-in");
}

/** How often a session is read anew when another instance changed it meanwhile. */
const MAX_TRIES = 100;

/** Stores changes of a session's payload, beside those that another request made since; not if it has ended. */
export async function saveSession(
  context: Context,
  session: Session,
  changes: Partial<SessionPayload> | ((present: SessionPayload) => Partial<SessionPayload>),
): Promise<void> {
  const cookie = fromBase64url(session.cookie) as Uint8Array;
  const change = typeof changes === "function" ? changes : () => changes;
  await inTurn(toBase64url(session.id), async () => {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const row = await queries.selectSession(context.db, session.id);
      const present = row && unseal(context, cookie, row);
      session.payload = { ...(present ?? session.payload), ...change(present ?? session.payload) };
      if (!present || (await queries.updateSession(context.db, row, seal(context, cookie, session.payload)))) return;
    }
    throw new Error("A session changed too often.");
  });
}

const ONCE_MILLISECONDS = 15 * 60_000;

/**
 * Leaves something to be shown once, within a quarter hour: whoever finds the session open later must not see it, nor who
 * has a copy of its cookie and puts the row of that moment back.
 */
export async function saveOnce(
  context: Context,
  session: Session,
  once: NonNullable<SessionPayload["once"]>,
): Promise<void> {
  const until = context.clock().getTime() + ONCE_MILLISECONDS;
  await saveSession(context, session, { once: { ...once, until } });
}

/** What was left to be shown once, while its quarter hour lasts. */
export function onceOf(context: Context, { payload }: Session): SessionPayload["once"] {
  const { once } = payload;
  return once && context.clock().getTime() < Number(once.until) ? once : undefined;
}

/** Whether this process ended or left the session before it asked for it: then a row was put back, or a mark removed. */
function hasEnded(context: Context, id: Uint8Array, asked: number): boolean {
  const since = context.seen.endedSessions.get(toBase64url(id));
  if (since === undefined || since >= asked) return false;
  reportForgery(context, "sessions");
  return true;
}

/** Ends sessions by the ids of their rows. */
export async function endSessions(context: Context, ids: readonly Uint8Array[]): Promise<void> {
  await queries.deleteSessions(context.db, ids);
  const moment = ask(context);
  for (const id of ids) context.seen.endedSessions.set(toBase64url(id), moment);
}

/**
 * Ends the session of a cookie by a mark that names nobody. Its row stays, until it is swept: deleted at a sign-out right
 * after somebody was helped, or when somebody joined in this browser, it would tell who helped or invited. Also one that
 * went idle in its browser: somebody else may have the cookie.
 *
 * @returns whether there was one
 */
export async function leaveSession(context: Context, cookieText: string | undefined): Promise<boolean> {
  const stored = cookieText === undefined ? undefined : await readSession(context, cookieText);
  if (!stored) return false;
  const { id, payload } = stored;
  await mark(context, markOf(payload, id));
  context.seen.endedSessions.set(toBase64url(id), ask(context));
  return true;
}

/** Leaves the session that a browser had before it got another; nothing shows whether it had one. */
export async function replaceSession(context: Context, cookieText: string | undefined): Promise<void> {
  if (!(await leaveSession(context, cookieText))) await mark(context, randomBytes(32));
}

async function mark(context: Context, bytes: Uint8Array): Promise<void> {
  await queries.insertLeftMark(context.db, bytes, addDays(dayOf(context.clock()), expiryDays(context)));
  // What is being read may have begun before it; whoever reads is told if that fails.
  await context.leftMarks.reading?.catch(() => undefined);
  context.leftMarks.marks.add(toBase64url(bytes));
}

function markOf({ key }: Pick<SessionPayload, "key">, id: Uint8Array): Uint8Array {
  return leftMark(fromBase64url(key) as Uint8Array, id);
}

/** Whether a session that was opened for this request is still there. */
export async function isPresent(context: Context, { payload, id }: Pick<Session, "payload" | "id">): Promise<boolean> {
  const [rows, left] = await Promise.all([
    queries.selectSessionIds(context.db, [id]),
    queries.selectLeftMarks(context.db, [markOf(payload, id)]),
  ]);
  return rows.length === 1 && left.length === 0;
}

/** Those of the listed sessions that are not over: a line stays in the record when somebody signs out. */
export async function stillOpen(
  context: Context,
  session: Session,
  listed: readonly ListedSession[],
): Promise<ListedSession[]> {
  const first = addDays(dayOf(context.clock()), -Math.ceil(context.config.sessionMaxHours / 24));
  const young = listed.filter(({ since }) => since >= first);
  const [rows, left] = await Promise.all([
    queries.selectSessionIds(context.db, young.map(rowId)),
    everyLeftMark(context),
  ]);
  const there = new Set(rows.map(toBase64url));
  return young.filter((one) => there.has(one.id) && !left.has(toBase64url(markOf(session.payload, rowId(one)))));
}

/** The marks of everybody, as they were read lately. */
export interface LeftMarks {
  marks: Set<string>;
  /** By the clock, milliseconds since 1970. */
  readAt: number;
  /** Milliseconds until they are read again. */
  pause: number;
  reading: Promise<void> | undefined;
}

/** At least so long they are good. */
const LEAST_PAUSE_MILLISECONDS = 2_000;
/** Reading many must not keep Kith from anything else. */
const PAUSE_PER_READING = 20;

/**
 * Read for all members at once: the database counts the marks that are found, and how many of them are one member's
 * would show. What was left elsewhere is seen some seconds later; `openSession` asks for the one mark it needs.
 */
async function everyLeftMark(context: Context): Promise<ReadonlySet<string>> {
  const { leftMarks } = context;
  const now = context.clock().getTime();
  if (Math.abs(now - leftMarks.readAt) >= leftMarks.pause) {
    leftMarks.reading ??= readLeftMarks(context).finally(() => {
      leftMarks.reading = undefined;
    });
    await leftMarks.reading;
  }
  return leftMarks.marks;
}

async function readLeftMarks(context: Context): Promise<void> {
  const { leftMarks } = context;
  const readAt = context.clock().getTime();
  leftMarks.marks = new Set((await queries.selectAllLeftMarks(context.db)).map(toBase64url));
  leftMarks.readAt = readAt;
  leftMarks.pause = Math.max(LEAST_PAUSE_MILLISECONDS, PAUSE_PER_READING * (context.clock().getTime() - readAt));
}

/** Ends the sessions that are listed no longer: they could not be ended one by one. */
export async function endUnlisted(
  context: Context,
  before: readonly ListedSession[],
  listed: readonly ListedSession[],
): Promise<void> {
  const kept = new Set(listed.map(({ id }) => id));
  await endSessions(context, before.filter(({ id }) => !kept.has(id)).map(rowId));
}

function rowId(session: ListedSession): Uint8Array {
  return fromBase64url(session.id) as Uint8Array;
}

/** Whether this session's key still is the account's present one. */
export async function hasPresentKey(session: Session): Promise<boolean> {
  return equalBytes(fingerprintOf(await session.privateKey()), session.account.fingerprint);
}

/** Sweeps what has expired; run daily. */
export async function sweepSessions(context: Context): Promise<void> {
  await queries.deleteExpiredSessions(context.db, dayOf(context.clock()));
}
