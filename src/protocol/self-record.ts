import { toHex, utf8 } from "./bytes.js";
import { ProtocolError } from "./errors.js";
import type { PrivateKey } from "./keypair.js";
import type { TrustedEntry } from "./relation.js";
import { open, SEAL_CLASSES, seal } from "./seal.js";
import type { Rules } from "./token.js";

/** At most this many of each; older ones drop. */
export const SELF_RECORD_LIMITS = {
  openLetters: 40,
  usedLetters: 50,
  grants: 20,
  sessions: 20,
  events: 50,
  told: 20,
  acts: 20,
};

/** A letter that is out: enough to learn who came by it and to take it back. */
export interface OpenLetter {
  /** 16 bytes, base64url */
  nonce: string;
  /** At most 60 bytes as JSON, for the inviter's eyes. */
  note: string;
  /** `YYYY-MM-DD` */
  written: string;
  expires: string;
}

/** A letter that is not open any more. */
export interface PastLetter {
  note: string;
  /** `unreadable`: it was used or taken back, and somebody else wrote over that. */
  outcome: "used" | "revoked" | "expired" | "unreadable";
  /** `YYYY-MM` */
  month: string;
  /** Who came, if it was used. */
  name?: string;
}

/** Where the account is signed in. */
export interface ListedSession {
  /** The session row's id, base64url. */
  id: string;
  /** Family of browser, such as `Firefox`. */
  client: string;
  /** `YYYY-MM-DD` */
  since: string;
}

/** Something that happened to the account, for its activity list: a kind, a day, names or numbers for the sentence. */
export interface RecordedEvent {
  kind: string;
  day: string;
  values?: Record<string, string | number>;
}

/** What an admin did with an account, as its owner reads it. */
export interface RecordedAct {
  kind: string;
  day: string;
  /** The admin's username; empty: whoever runs the place, by the command line. */
  by: string;
  reason: string;
  count?: number;
  /** Milliseconds since 1970: only for the order of one day's acts. */
  at?: number;
}

/** What A alone must be able to read. */
export interface SelfRecord {
  version: 1;
  rules: Rules;
  /** The list of trusted people, as it also stands in the slots: one seal to open instead of S. */
  trusted: TrustedEntry[];
  /** Letters that A may still write. */
  invitesLeft: number;
  /** How much of `accounts.granted` is in `invitesLeft` already. */
  grantedSeen: number;
  openLetters: OpenLetter[];
  pastLetters: PastLetter[];
  /** Fingerprints (hex) of admins who may have the review key. */
  grants: string[];
  /** Those of them who are known to be admins no more. */
  leavers?: string[];
  /** The id of the review key that was the present one when the last of those left. */
  leftUnder?: string;
  sessions: ListedSession[];
  events: RecordedEvent[];
  /** What A was found to need telling at the last sign-in. */
  told: RecordedEvent[];
  /** What admins did with this account. */
  acts?: RecordedAct[];
  /** How many invites given to everybody are in `invitesLeft` already. */
  grantedToAllSeen?: number;
  /** Which change of that number it was. */
  grantedToAllChange?: number;
  /** `YYYY-MM-DD` */
  joined: string;
  lastSignIn: string;
  /** The one before; absent at first. */
  previousSignIn?: string;
  lastListChange: string;
  /** When A last changed the list, or was last asked whether it is right. */
  listConfirmed: string;
}

export function newSelfRecord(day: string, invitesLeft: number): SelfRecord {
  return {
    version: 1,
    rules: { threshold: 1, waitDays: 0, keepsKey: false },
    trusted: [],
    invitesLeft,
    grantedSeen: 0,
    openLetters: [],
    pastLetters: [],
    grants: [],
    sessions: [],
    events: [],
    told: [],
    joined: day,
    lastSignIn: day,
    lastListChange: day,
    listConfirmed: day,
  };
}

/** A copy, as are its lists. */
function withinLimits(record: SelfRecord): SelfRecord {
  const limits = SELF_RECORD_LIMITS;
  return {
    ...record,
    openLetters: record.openLetters.slice(-limits.openLetters),
    pastLetters: record.pastLetters.slice(-limits.usedLetters),
    grants: record.grants.slice(-limits.grants),
    sessions: record.sessions.slice(-limits.sessions),
    events: record.events.slice(-limits.events),
    told: record.told.slice(-limits.told),
    ...(record.acts && { acts: record.acts.slice(-limits.acts) }),
  };
}

/**
 * What gives way, and how many of each stay, where all together do not fit: in this order, the oldest of each first. Who
 * is trusted, rules, fingerprints of admins and open letters never do.
 */
const GIVES_WAY = [
  ["events", 0],
  ["acts", 1],
  ["pastLetters", 0],
  ["told", 0],
  ["sessions", 1],
  ["acts", 0],
] as const;

/** Bytes that a sign-in may need: each session takes 100 at most, each thing to tell 120, unless names are very long. */
const RESERVE_BYTES = 100 * SELF_RECORD_LIMITS.sessions + 120 * SELF_RECORD_LIMITS.told;

/** Bytes of JSON that fit into the seal, beside those of its length. */
const MAX_BYTES = SEAL_CLASSES.large - 4;

/**
 * The record as it is stored: oldest entries drop, first beyond the limits, then whatever does not fit.
 *
 * @throws ProtocolError `ERR_CLASS_OVERFLOW`
 */
export function fitSelfRecord(record: SelfRecord): SelfRecord {
  const kept = withinLimits(record);
  const fits = () => writeSelfRecord(kept).length <= MAX_BYTES;
  for (const [list, least] of GIVES_WAY) {
    while ((kept[list]?.length ?? 0) > least && !fits()) kept[list]?.shift();
  }
  if (!fits()) throw new ProtocolError("ERR_CLASS_OVERFLOW", "A self record is too long.");
  return kept;
}

/**
 * Whether all sign-ins to come fit beside what never gives way: asked before the owner adds to that. Without the reserve
 * a sign-in would end sessions, the more the longer the list is; and where nothing else gives way it would fail.
 */
export function hasReserve(record: SelfRecord): boolean {
  const { acts: _acts, ...others } = record;
  const lasting = { ...others, events: [], pastLetters: [], told: [], sessions: [] };
  return writeSelfRecord(lasting).length + RESERVE_BYTES <= MAX_BYTES;
}

/** Seals the self record to its owner: one seal an account, of the largest class. What does not fit drops. */
export async function sealSelfRecord(publicKey: Uint8Array, record: SelfRecord): Promise<Uint8Array> {
  return await seal(publicKey, writeSelfRecord(fitSelfRecord(record)), "large");
}

/** @returns undefined if it is not sealed to this key or not a record of this version */
export async function openSelfRecord(privateKey: PrivateKey, sealed: Uint8Array): Promise<SelfRecord | undefined> {
  const plaintext = await open(privateKey, sealed);
  return plaintext && readSelfRecord(plaintext);
}

/** @returns undefined if it is not a record of this version */
export function readSelfRecord(bytes: Uint8Array): SelfRecord | undefined {
  const record = JSON.parse(Buffer.from(bytes).toString("utf8"), (_name, value: unknown) => {
    const hex = (value as { hex?: unknown } | null)?.hex;
    return typeof hex === "string" ? Buffer.from(hex, "hex") : value;
  }) as SelfRecord;
  return record.version === 1 ? record : undefined;
}

/** JSON; bytes stand in it as `{"hex":"…"}`. */
export function writeSelfRecord(record: SelfRecord): Uint8Array {
  const trusted = record.trusted.map((entry) => ({ ...entry, fingerprint: { hex: toHex(entry.fingerprint) } }));
  return utf8(JSON.stringify({ ...record, trusted }));
}
