import { randomBytes, randomUUID } from "node:crypto";
import type { Context } from "../context.js";
import { dayOf, monthStart } from "../days.js";
import { deadLinkHash } from "../protocol/case.js";
import { sealColumn } from "../protocol/column.js";
import { newGeneration, newSessionEpoch } from "../protocol/generation.js";
import { FINGERPRINT_BYTES, PRIVATE_KEY_BYTES } from "../protocol/keypair.js";
import { type DecoyLock, makeDecoyLock } from "../protocol/lock.js";
import type { Nobody } from "../protocol/nobody.js";
import { sealToNobody } from "../protocol/nobody.js";
import { formatParameters, newSalt, type ParameterShare } from "../protocol/password.js";
import { regenerate } from "../protocol/relation.js";
import { SEALED_BYTES } from "../protocol/seal.js";
import { hasValidTag, tagRow } from "../protocol/tag.js";
import type { TokenRow } from "../protocol/token.js";
import type { CaseRow } from "../resets/cases.js";
import { type AccountRow, reportForgery, tagged } from "./account.js";
import { replaceDecoyAccount, selectInDecoysPlace, writeAccount } from "./queries.js";

/** What stands in for a member who does not exist, so that the same work is done for an unknown name. */
export interface Decoys {
  /** A locked key that nothing opens. */
  lock: DecoyLock;
  /** S relation rows that are for nobody. */
  rows: readonly TokenRow[];
  /** An account that is nobody's, with all its rows: read wherever a name is unknown. */
  accountId: string;
  /** A reset case that is nobody's: a wrong password costs S of them, of which the real ones take the place. */
  case: CaseRow;
  /** Ids of S rows in `people` that are nobody's: look-ups always ask for S ids. */
  personIds: readonly string[];
  /** With which Argon2id parameters accounts are stored; empty: with the configured ones. */
  parameters: readonly ParameterShare[];
}

type DecoyParts = Pick<Context, "db" | "secret" | "clock" | "config" | "log" | "forgedRows">;

export async function makeDecoys(parts: DecoyParts, nobody: Nobody, personIds: readonly string[]): Promise<Decoys> {
  const month = monthStart(parts.clock());
  const rows = Array.from({ length: parts.config.trustSlots }, async () => ({
    id: randomUUID(),
    trusting_id: randomUUID(),
    generation: randomBytes(16),
    sealed_token: await sealToNobody(nobody, "small"),
    token_hash: randomBytes(32),
  }));
  const lock = await makeDecoyLock(parts.secret, randomUUID(), month);
  return {
    lock,
    case: await makeDecoyCase(parts, nobody, lock),
    rows: await Promise.all(rows),
    personIds,
    parameters: [],
    accountId: await ensureDecoyAccount(parts, nobody, personIds[0] as string),
  };
}

/** Of a generation that no account has, so that it counts for nobody. */
async function makeDecoyCase({ secret, clock }: DecoyParts, nobody: Nobody, lock: DecoyLock): Promise<CaseRow> {
  const today = dayOf(clock());
  const columns = {
    id: randomUUID(),
    trusting_id: lock.accountId,
    row_id: randomUUID(),
    generation: newGeneration(),
    link_hash: deadLinkHash(),
    rules: await sealToNobody(nobody, "small"),
    pending_public_key: nobody.publicKey,
    pending_locked_key: lock.lockedKey,
    opening_day: today,
    choice_day: today,
    lost_second_step: false,
    expiry_day: today,
  };
  return { ...columns, tag: tagRow(secret, "reset_cases", columns) };
}

/** One of an earlier Kith has a self record of another length: reading it takes other work than a member's. */
async function keepInLength({ db, secret }: DecoyParts, nobody: Nobody, account: AccountRow): Promise<void> {
  if (account.self_record.length === SEALED_BYTES.large) return;
  const columns = { ...account, self_record: await sealToNobody(nobody, "large") };
  await writeAccount(db, account.tag, tagged({ secret }, columns));
}

/** What stands in the decoy account's place, and that itself; a row without Kith's tag may be a member's. */
async function findDecoyAccount({ db, secret }: DecoyParts, id: string) {
  const standing = await selectInDecoysPlace(db, id);
  const own = standing.find((row) => row.username === "" && hasValidTag(secret, "accounts", { ...row }));
  return { standing, own };
}

/** Made at the first start, and where a forged one stands in its place; of two instances that start at once, one makes it. */
async function ensureDecoyAccount(parts: DecoyParts, nobody: Nobody, id: string): Promise<string> {
  const { db, secret, config } = parts;
  const month = monthStart(parts.clock());
  const { own, standing } = await findDecoyAccount(parts, id);
  if (own) {
    await keepInLength(parts, nobody, own);
    return own.id;
  }
  for (const _ of standing) reportForgery(parts, "accounts");
  const { lockedKey } = await makeDecoyLock(secret, id, month);
  const generation = newGeneration();
  const rowIds = Array.from({ length: config.trustSlots }, () => randomUUID());
  const rules = { threshold: 1, waitDays: 0, keepsKey: false };
  const { publicKey } = nobody;
  const keys = { publicKey, privateKey: randomBytes(PRIVATE_KEY_BYTES) };
  const { rows, escrow } = await regenerate({
    ...keys,
    serverSecret: secret,
    accountId: id,
    generation,
    rowIds,
    rules,
    entries: [],
    nobody,
  });
  const account = tagged(
    { secret },
    {
      id,
      username: "",
      domain: "",
      status: "active",
      role: "member",
      frozen: "nothing",
      granted: 0,
      fingerprint: randomBytes(FINGERPRINT_BYTES),
      locked_key: lockedKey,
      salt: newSalt(),
      parameters: formatParameters(config.argon2),
      generation,
      session_epoch: newSessionEpoch(),
      self_record: await sealToNobody(nobody, "large"),
      escrow,
      second_step: sealColumn(secret, "second step", id, ""),
      edge: await sealToNobody(nobody, "small"),
      contact: sealColumn(secret, "contact", id, ""),
      language: "en",
      people_version: 1,
    },
  );
  try {
    await replaceDecoyAccount(db, standing, account, rows);
  } catch (error) {
    if ((error as { code?: string }).code !== "23505") throw error;
  }
  return (await findDecoyAccount(parts, id)).own?.id ?? id;
}
