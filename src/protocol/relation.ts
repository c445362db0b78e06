import { randomBytes, randomInt } from "node:crypto";
import { ByteReader, concat, shortText, uint16, uuidBytes, uuidText } from "./bytes.js";
import { ProtocolError } from "./errors.js";
import { emptyEscrow, makeEscrow } from "./escrow.js";
import { FINGERPRINT_BYTES, type PrivateKey } from "./keypair.js";
import { type Nobody, sealToNobody } from "./nobody.js";
import { open, seal } from "./seal.js";
import { tagRow } from "./tag.js";
import { makeToken, type Rules, tokenHash } from "./token.js";

/** An entry of A's list of trusted people: what is sealed to A in one slot. */
export interface TrustedEntry {
  /** The slot: the relation row this entry belongs to. */
  rowId: string;
  /** B's account id. */
  trustedId: string;
  /** B's name when A last saw it, `bea@example.org`: all that is left to say when B is gone. */
  name: string;
  /** B's fingerprint as A last confirmed it, 20 bytes. */
  fingerprint: Uint8Array;
  /** B's reset mark as A last saw it. */
  resetMark: number;
  /** The newest version of B in `people` that A has seen; only in the self record. */
  seenVersion?: number;
  /** Whether B can't help now: a new key that A has not confirmed, suspended, or a forged row. */
  held: boolean;
  /** `YYYY-MM` in which A named B. */
  month: string;
}

const EMPTY = 0;
const USED = 1;

/** A relation row as it is stored. */
export interface RelationRow {
  id: string;
  trusting_id: string;
  generation: Uint8Array;
  sealed_trusted: Uint8Array;
  sealed_token: Uint8Array;
  token_hash: Uint8Array;
  tag: Uint8Array;
}

export const RELATIONS = "relations";

function encodeEntry(entry: TrustedEntry): Uint8Array {
  const [year, month] = entry.month.split("-").map(Number) as [number, number];
  return concat(
    Uint8Array.of(USED),
    uuidBytes(entry.rowId),
    uuidBytes(entry.trustedId),
    entry.fingerprint,
    uint16(entry.resetMark),
    Uint8Array.of(entry.held ? 1 : 0),
    uint16(year * 12 + month - 1),
    shortText(entry.name),
  );
}

function decodeEntry(bytes: Uint8Array): TrustedEntry | undefined {
  const reader = new ByteReader(bytes);
  if (reader.byte() === EMPTY) return undefined;
  const rowId = uuidText(reader.take(16));
  const trustedId = uuidText(reader.take(16));
  const fingerprint = Uint8Array.from(reader.take(FINGERPRINT_BYTES));
  const resetMark = reader.uint16();
  const held = reader.byte() === 1;
  const months = reader.uint16();
  const month = `${Math.floor(months / 12)}-${String((months % 12) + 1).padStart(2, "0")}`;
  return { rowId, trustedId, fingerprint, resetMark, held, month, name: reader.shortText() };
}

/** One slot as its owner reads it: an entry, `"empty"`, or `"broken"` if it is not what Kith wrote for this slot. */
export type Slot = TrustedEntry | "empty" | "broken";

/** Opens what A's own key opens of A's rows; one slot for each row, in the order of the rows. */
export async function openSlots(privateKey: PrivateKey, rows: readonly RelationRow[]): Promise<Slot[]> {
  return await Promise.all(
    rows.map(async (row) => {
      const plaintext = await open(privateKey, row.sealed_trusted);
      if (!plaintext) return "broken";
      const entry = decodeEntry(plaintext);
      if (!entry) return "empty";
      return entry.rowId === row.id ? entry : "broken";
    }),
  );
}

/** What a regeneration starts from. */
export interface Regeneration {
  serverSecret: Uint8Array;
  accountId: string;
  /** A's own public key, 555 bytes. */
  publicKey: Uint8Array;
  /** A's own private key, 629 bytes; only used if the key is kept. */
  privateKey: Uint8Array;
  /** The new generation, 16 bytes. */
  generation: Uint8Array;
  /** The ids of A's S slots. */
  rowIds: readonly string[];
  rules: Rules;
  /** A's list; `trustedKey` is B's public key, and is not used for an entry that is held. */
  entries: readonly (TrustedEntry & { trustedKey: Uint8Array | undefined })[];
  nobody: Nobody;
}

/**
 * Makes all S rows of an account anew: for each used slot a new token sealed to the person in it, for each empty or
 * held one the same sealed to nobody.
 *
 * Rows come back in random order and always all of them, so that two copies of the table tell "A signed in or
 * edited", never whether a relation was added, removed, held or refreshed. Old tokens prove nothing afterwards.
 *
 * @returns S rows, and the escrow that belongs to their shares
 * @throws ProtocolError `ERR_ROW_COUNT` if an entry stands in no slot of the account, or two in one
 * @see docs/protocol.md, "Relations"
 */
export async function regenerate(input: Regeneration): Promise<{ rows: RelationRow[]; escrow: Uint8Array }> {
  const bySlot = new Map(input.entries.map((entry) => [entry.rowId, entry]));
  if (bySlot.size !== input.entries.length || input.entries.some((entry) => !input.rowIds.includes(entry.rowId))) {
    throw new ProtocolError("ERR_ROW_COUNT", "The entries do not fit the slots.");
  }
  const usable = input.entries.filter((entry) => !entry.held && entry.trustedKey);
  const { threshold, keepsKey } = input.rules;
  const { escrow, shares } =
    keepsKey && threshold >= 2 && usable.length >= threshold
      ? await makeEscrow(input.privateKey, input.accountId, input.generation, usable.length, threshold)
      : { escrow: emptyEscrow(), shares: [] };
  const shareOf = new Map(usable.map((entry, index) => [entry.rowId, shares[index]]));

  const rows = await Promise.all(
    shuffled(input.rowIds).map(async (id): Promise<RelationRow> => {
      const entry = bySlot.get(id);
      const token = makeToken(input.rules, shareOf.get(id));
      const place = { trustingId: input.accountId, rowId: id, generation: input.generation };
      const trustedKey = entry && !entry.held ? entry.trustedKey : undefined;
      const [sealedTrusted, sealedToken] = await Promise.all([
        seal(input.publicKey, entry ? encodeEntry(entry) : Uint8Array.of(EMPTY), "small"),
        trustedKey ? seal(trustedKey, token.bytes, "small") : sealToNobody(input.nobody, "small"),
      ]);
      const columns = {
        id,
        trusting_id: input.accountId,
        generation: input.generation,
        sealed_trusted: sealedTrusted,
        sealed_token: sealedToken,
        // The token of an unused slot is thrown away, so its hash opens to nobody.
        token_hash: trustedKey ? tokenHash(token.bytes, place) : randomBytes(32),
      };
      return { ...columns, tag: tagRow(input.serverSecret, RELATIONS, columns) };
    }),
  );
  return { rows, escrow };
}

/** Fisher–Yates with the system's randomness. */
export function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
