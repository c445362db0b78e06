import { randomBytes } from "node:crypto";
import type { AccountRow } from "../accounts/account.js";
import { makeSession, type Session, sessionOwner } from "../accounts/sessions.js";
import type { ChangeExtras, PrivateState } from "../accounts/state.js";
import { confirmPassword } from "../accounts/unlock.js";
import type { Context } from "../context.js";
import { dayOf, monthStart } from "../days.js";
import { findPerson } from "../people/people.js";
import { toBase64url } from "../protocol/bytes.js";
import { newSessionEpoch } from "../protocol/generation.js";
import { makeKeypair, readPrivateKey } from "../protocol/keypair.js";
import { lockPrivateKey } from "../protocol/lock.js";
import { takeEvents } from "../review/events.js";

/** A new keypair for an account, ready to be stored with its state. */
export interface Rekeyed {
  extras: ChangeExtras;
  /** The cookie of the session that goes on; all others end, since they hold the old key. */
  cookie: string;
}

/** A new keypair that may be taken, or left. */
export type NewKey = Awaited<ReturnType<typeof makeNewKey>>;

/**
 * Checks the password and makes a new keypair under it; nothing is changed yet. Always the same work, whether the
 * password is right, wrong or missing.
 *
 * @returns undefined if the password is wrong or missing
 */
export async function prepareRekey(
  context: Context,
  account: AccountRow,
  password: string | undefined,
): Promise<NewKey | undefined> {
  const confirmed = await confirmPassword(context, account, password ?? "");
  const made = await makeNewKey(context, account, confirmed?.unlockKey ?? randomBytes(32));
  return confirmed && made;
}

/** Makes a new keypair the account's: the list and the record are sealed to it when the state is stored. */
export async function rekey(context: Context, session: Session, state: PrivateState, made: NewKey): Promise<Rekeyed> {
  const { account } = state;
  const { privateKey, columns } = made;
  const person = await ownPerson(context, account, made.publicKey);
  // Sealed to the key that goes: nobody could read them later.
  await takeEvents(context, account.id, state.privateKey, state.record);
  const { client } = session.payload;
  const next = makeSession(context, {
    ...sessionOwner({ ...account, ...columns }, privateKey),
    stage: "full",
    client,
  });
  state.record.sessions = [{ id: toBase64url(next.row.id), client, since: dayOf(context.clock()) }];
  return { cookie: next.cookie, extras: { columns, privateKey, person, session: next.row } };
}

/** A new keypair for an account, locked with the unlock key it has; every session ends. */
export async function makeNewKey(context: Context, account: AccountRow, unlockKey: Uint8Array) {
  const pair = await makeKeypair(account.id, monthStart(context.clock()));
  const privateKey = await readPrivateKey(pair.privateKey);
  return {
    privateKey,
    publicKey: pair.publicKey,
    columns: {
      locked_key: await lockPrivateKey(privateKey, unlockKey, context.secret, account.id),
      session_epoch: newSessionEpoch(),
    },
  };
}

/** What others are to see of an account from now on: a new key, but no reset, if it can be told that there was none. */
export async function ownPerson(
  context: Context,
  account: AccountRow,
  publicKey: Uint8Array,
): Promise<NonNullable<ChangeExtras["person"]>> {
  const person = await findPerson(context, account.id);
  return { publicKey, resetMark: person && person.status !== "forged" ? person.resetMark : "another" };
}
