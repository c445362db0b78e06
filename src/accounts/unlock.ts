import type { Context } from "../context.js";
import { equalBytes } from "../protocol/bytes.js";
import type { PrivateKey } from "../protocol/keypair.js";
import { unlockPrivateKey } from "../protocol/lock.js";
import { decoySalt, formatParameters, parseParameters } from "../protocol/password.js";
import type { RelationRow } from "../protocol/relation.js";
import { type CaseRow, type ChosenCase, countingCases, isChosen, storedCasesAmongDecoys } from "../resets/cases.js";
import { type AccountRow, findAccountOrDecoy } from "./account.js";
import { parametersOfNobody } from "./decoy-parameters.js";
import * as queries from "./queries.js";
import { parseName } from "./username.js";

/** A key that a password opened, and the case it is that of; undefined: the account's present key. */
interface OpenedKey {
  privateKey: PrivateKey;
  pendingCase: ChosenCase | undefined;
}

/** What a password opened. */
export interface Unlocked extends OpenedKey {
  account: AccountRow;
  unlockKey: Uint8Array;
  relations: RelationRow[];
  /** Keys of other cases for which the same password was chosen. */
  others: OpenedKey[];
}

/**
 * Tries a password on an account: one Argon2id run, then the present key, the pending ones and decoys.
 *
 * Opening the key is the check. For an unknown name such a run is done over a salt of its own, with the parameters of
 * some account, then the same number of failing unlocks: same answer, and a time that tells nothing.
 *
 * @param admitted what has to succeed before the run is begun, such as a limit
 * @param again whether this is the second look
 */
export async function unlockByPassword(
  context: Context,
  typedName: string,
  password: string,
  admitted?: Promise<unknown>,
  again = false,
): Promise<Unlocked | undefined> {
  const name = parseName(typedName, context.config.domains);
  const finding = findAccountOrDecoy(context, name?.domain ?? "", name?.username ?? "-");
  const [row] = await Promise.all([finding, admitted]);
  const known = row !== undefined && row.id !== context.decoys.accountId;
  const otherSalt = decoySalt(context.secret, name?.domain ?? "", typedName);
  const salt = known ? row.salt : otherSalt;
  const otherParameters = parametersOfNobody(context, name?.domain ?? "", name?.username ?? typedName);
  const parameters = known ? (parseParameters(row.parameters) ?? context.config.argon2) : otherParameters;
  const id = row?.id ?? context.decoys.accountId;
  const [unlockKey, stored, relations] = await Promise.all([
    context.hashing.unlockKey(password, salt, parameters),
    storedCasesAmongDecoys(context, id),
    queries.selectRelations(context.db, id),
  ]);
  const cases = row ? countingCases(context, stored, row) : [];
  const [opened, ...others] = await tryKeys(context, row, cases, unlockKey);
  if (opened && known) return { account: row, unlockKey, relations, others, ...opened };
  // A reset may have been completed between reading the account and its cases: then look once more. A name that
  // nobody bears costs the same look.
  const present = await findAccountOrDecoy(context, name?.domain ?? "", name?.username ?? "-");
  const changed = known && present !== undefined && !equalBytes(present.session_epoch, row.session_epoch);
  return changed && !again ? await unlockByPassword(context, typedName, password, undefined, true) : undefined;
}

/**
 * Tries an unlock key on an account's present key, then on all pending ones; where neither opens, on decoys until
 * 1 + S were tried.
 */
async function tryKeys(
  context: Context,
  account: AccountRow | undefined,
  cases: readonly CaseRow[],
  unlockKey: Uint8Array,
): Promise<OpenedKey[]> {
  const { lockedKey, accountId } = context.decoys.lock;
  const id = account?.id ?? accountId;
  const privateKey = await unlockPrivateKey(account?.locked_key ?? lockedKey, unlockKey, context.secret, id);
  if (privateKey) return [{ privateKey, pendingCase: undefined }];
  const opened: OpenedKey[] = [];
  let tried = 1;
  for (const row of cases.filter(isChosen)) {
    const pendingKey = await unlockPrivateKey(row.pending_locked_key, unlockKey, context.secret, id);
    if (pendingKey) opened.push({ privateKey: pendingKey, pendingCase: row });
    tried += 1;
  }
  for (; tried < 1 + context.config.trustSlots; tried++) {
    await unlockPrivateKey(lockedKey, unlockKey, context.secret, accountId);
  }
  return opened;
}

/** Whether an account's key is locked with other Argon2id parameters than new ones are. */
export function isLockedWeaker(context: Context, account: AccountRow): boolean {
  return account.parameters !== formatParameters(context.config.argon2);
}

/**
 * Checks the password of somebody who is signed in, for a step that asks for it once more.
 *
 * @returns the unlock key with the private key, or undefined if the password is wrong
 */
export async function confirmPassword(context: Context, account: AccountRow, password: string) {
  const parameters = parseParameters(account.parameters) ?? context.config.argon2;
  const unlockKey = await context.hashing.unlockKey(password, account.salt, parameters);
  const privateKey = await unlockPrivateKey(account.locked_key, unlockKey, context.secret, account.id);
  return privateKey && { unlockKey, privateKey };
}
