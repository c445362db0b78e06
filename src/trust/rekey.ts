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

/** A new keypair for an account, ready to be stored with its state. */
export interface Rekeyed {
  extras: ChangeExtras;
  /** The cookie of the session that goes on; all others end, since they hold the old key. */
  cookie: string;
}

/**
 * Makes a new keypair under the same password. The list and the record are sealed to it when the state is stored.
 *
 * @returns undefined if the password is wrong
 */
export async function rekey(
  context: Context,
  session: Session,
  state: PrivateState,
  password: string | undefined,
): Promise<Rekeyed | undefined> {
  const confirmed = password ? await confirmPassword(context, state.account, password) : undefined;
  if (!confirmed) return undefined;
  const { account } = state;
  const { privateKey, columns, person } = await makeNewKey(context, account, confirmed.unlockKey);
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
  const known = await findPerson(context, account.id);
  return {
    privateKey,
    columns: {
      locked_key: await lockPrivateKey(privateKey, unlockKey, context.secret, account.id),
      session_epoch: newSessionEpoch(),
    },
    person: { publicKey: pair.publicKey, resetMark: known?.resetMark ?? 0 },
  };
}
