import { randomUUID } from "node:crypto";
import type { AccountRow } from "../accounts/account.js";
import { sealSecondStep, secondStepOf } from "../accounts/second-step.js";
import { endSessions } from "../accounts/sessions.js";
import { noteSignIn, type SignedIn } from "../accounts/sign-in.js";
import { openState, type PrivateState, relationsOf, reviewList, storeState } from "../accounts/state.js";
import { forgetShown } from "../accounts/told.js";
import type { Unlocked } from "../accounts/unlock.js";
import type { Context } from "../context.js";
import { dayOf, weekOf } from "../days.js";
import { type GrantedToAll, grantedToEverybody, noteGrantedToAll } from "../invites/granted.js";
import { equalBytes, fromBase64url } from "../protocol/bytes.js";
import { openEscrow } from "../protocol/escrow.js";
import { newSessionEpoch } from "../protocol/generation.js";
import { fingerprintOf, type PrivateKey, publicHalf, readPrivateKey } from "../protocol/keypair.js";
import { lockPrivateKey } from "../protocol/lock.js";
import type { RelationRow } from "../protocol/relation.js";
import { newSelfRecord } from "../protocol/self-record.js";
import { type ChosenCase, judge } from "./cases.js";
import { countCase } from "./queries.js";

/**
 * Completes a ripe reset: the pending password becomes the account's, in one statement with everything else.
 *
 * If the key is kept and k shares open the escrow, the old key is locked with the new password, and the list,
 * letters and power to help survive. Otherwise the pending key becomes the account's, with S empty rows.
 *
 * @returns `"changed"` if the account was changed meanwhile, `"not-ripe"` if the case does not stand as it did
 */
export async function completeReset(
  context: Context,
  input: {
    account: AccountRow;
    relations: RelationRow[] | undefined;
    pendingCase: ChosenCase;
    unlocked: Pick<Unlocked, "privateKey" | "unlockKey">;
    client: string;
    columns: Partial<AccountRow>;
  },
): Promise<SignedIn | "changed" | "not-ripe"> {
  const { account, pendingCase, client } = input;
  const { privateKey: pendingKey, unlockKey } = input.unlocked;
  const standing = await judge(context, account, pendingCase, pendingKey);
  if (!standing?.ripe) return "not-ripe";
  const relations = input.relations ?? (await relationsOf(context, account.id));
  const day = dayOf(context.clock());
  const grantedToAll = await grantedToEverybody(context);

  // What an admin's key opens must not pass to those who help: an admin's is never kept.
  const keeps = standing.keepsKey && account.role === "member";
  const oldKey = keeps ? await joinShares(account, standing.shares) : undefined;
  const key = oldKey ?? pendingKey;
  const state: PrivateState = oldKey
    ? await openState(context, account, oldKey, relations)
    : freshState(context, account, pendingKey, relations, day, grantedToAll);
  const endedSessions = state.record.sessions.map((session) => fromBase64url(session.id) as Uint8Array);
  state.record.sessions = [];
  forgetShown(context, account.id, state.record);
  reviewList(context, state);
  state.record.events.push({ kind: "reset-completed", day });

  const columns: Partial<AccountRow> = {
    ...input.columns,
    locked_key: oldKey
      ? await lockPrivateKey(oldKey, unlockKey, context.secret, account.id)
      : pendingCase.pending_locked_key,
    session_epoch: newSessionEpoch(),
    // A stolen password is no use any more; being an admin belongs to one fingerprint.
    frozen: account.frozen === "both" ? "inviting" : account.frozen === "sign-in" ? "nothing" : account.frozen,
    role: account.role === "admin" ? "reset-admin" : account.role,
    ...(pendingCase.lost_second_step && { second_step: sealSecondStep(context, account.id, undefined) }),
  };
  const session = noteSignIn(context, state, { ...account, ...columns } as AccountRow, key, client, day, grantedToAll);
  const stored = await storeState(context, state, {
    columns,
    privateKey: key,
    person: { publicKey: publicHalf(key), resetMark: "another" },
    session: session.row,
    completesReset: true,
  });
  if (!stored) return "changed";
  await endSessions(context, endedSessions);
  return {
    outcome: "signed-in",
    cookie: session.cookie,
    account: stored,
    reset: oldKey ? "kept-key" : "new-key",
    secondStepOff: pendingCase.lost_second_step && secondStepOf(context, account) !== undefined,
  };
}

/** @returns the account's present private key, or undefined if these shares do not give it back */
async function joinShares(account: AccountRow, shares: readonly Uint8Array[]): Promise<PrivateKey | undefined> {
  const bytes = await openEscrow(account.escrow, shares, account.id, account.generation);
  const key = bytes && (await readPrivateKey(bytes));
  return key && equalBytes(fingerprintOf(key), account.fingerprint) ? key : undefined;
}

/** An account whose list can't be opened any more: nobody trusted, no letters. */
function freshState(
  context: Context,
  account: AccountRow,
  pendingKey: PrivateKey,
  relations: readonly RelationRow[],
  day: string,
  grantedToAll: GrantedToAll,
): PrivateState {
  const record = newSelfRecord(day, 0);
  // A reset does not refill: invites that were granted before stay spent.
  record.grantedSeen = account.granted;
  noteGrantedToAll(record, grantedToAll);
  // A writer may have added rows or taken some: S there are from now on.
  const rowIds = Array.from({ length: context.config.trustSlots }, (_, index) => relations[index]?.id ?? randomUUID());
  return { account, privateKey: pendingKey, rowIds, record, trusted: [], damagedSlots: 0, forgedSlots: 0 };
}

export async function countFinishedCase(context: Context): Promise<void> {
  await countCase(context.db, weekOf(dayOf(context.clock())), "finished");
}
