import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import { fromBase64url, toBase64url, uuidText } from "../protocol/bytes.js";
import { newSessionEpoch } from "../protocol/generation.js";
import { lockPrivateKey } from "../protocol/lock.js";
import { formatParameters, newSalt } from "../protocol/password.js";
import type { AccountRow } from "./account.js";
import { tellMember } from "./notices.js";
import { checkPassword, type PasswordFault } from "./password-policy.js";
import {
  endSessions,
  makeSession,
  oneMoreEnding,
  type Session,
  saveSession,
  sessionOwner,
  typedAt,
} from "./sessions.js";
import { changeState } from "./state.js";
import { confirmPassword } from "./unlock.js";

export type ChangePasswordOutcome =
  | { outcome: "changed"; cookie: string }
  | { outcome: "wrong-password" }
  | { outcome: "same" }
  | { outcome: "fault"; fault: PasswordFault };

/**
 * Locks the same key with a new password: relations survive. Every session ends, but this one goes on under a new
 * cookie.
 */
export async function changePassword(
  context: Context,
  session: Session,
  current: string,
  password: string,
): Promise<ChangePasswordOutcome> {
  const { passwordMin, domains, name: serviceName, argon2 } = context.config;
  const { username } = session.account;
  if (!(await confirmPassword(context, session.account, current))) return { outcome: "wrong-password" };
  if (password === current) return { outcome: "same" };
  const fault = checkPassword(password, passwordMin, { username, domains, serviceName });
  if (fault) return { outcome: "fault", fault };

  const salt = newSalt();
  const unlockKey = await context.hashing.unlockKey(password, salt, argon2);
  const privateKey = await session.privateKey();
  const lockedKey = await lockPrivateKey(privateKey, unlockKey, context.secret, session.account.id);
  const columns = {
    salt,
    parameters: formatParameters(argon2),
    locked_key: lockedKey,
  };
  const cookie = await goOnAlone(context, session, "password-changed", columns);
  tellMember(context, session.account, "password-changed");
  return { outcome: "changed", cookie };
}

/**
 * Ends every session, listed or not, by a new epoch; this one goes on under a new cookie.
 *
 * @param columns of the account that change with it
 * @returns the new cookie
 * @throws StaleKeyError if this session itself was ended meanwhile: it must not come back
 */
async function goOnAlone(
  context: Context,
  session: Session,
  kind: "password-changed" | "sessions-ended",
  columns: Partial<AccountRow> = {},
): Promise<string> {
  const privateKey = await session.privateKey();
  const changed = { ...columns, session_epoch: newSessionEpoch() };
  const { client } = session.payload;
  const next = makeSession(context, {
    ...sessionOwner({ ...session.account, ...changed }, privateKey),
    stage: "full",
    client,
    // The password was typed for the one, and not for the other: neither does that prolong the session.
    ...(kind === "sessions-ended" && {
      typed: typedAt(session.payload),
      ...(session.payload.endings && { endings: session.payload.endings }),
    }),
  });
  const { outcome: ended } = await changeState(context, session, async (state) => {
    const day = dayOf(context.clock());
    const ended = state.record.sessions.map((listed) => fromBase64url(listed.id) as Uint8Array);
    state.record.sessions = [{ id: toBase64url(next.row.id), client, since: day }];
    state.record.events.push({ kind, day });
    return { store: true, outcome: ended, extras: { columns: changed, session: next.row } };
  });
  await endSessions(context, [...ended, session.id]);
  return next.cookie;
}

/** Ends one listed session. */
export async function endListedSession(context: Context, session: Session, which: string): Promise<boolean> {
  const own = toBase64url(session.id);
  const { outcome: ended } = await changeState(context, session, async (state) => {
    const ending = state.record.sessions.find((listed) => listed.id !== own && listedId(listed.id) === which);
    if (!ending) return { store: false, outcome: false };
    // First of all: taken off the list before it ended, it would go on unseen if Kith were stopped in between.
    await endSessions(context, [fromBase64url(ending.id) as Uint8Array]);
    state.record.sessions = state.record.sessions.filter((listed) => listed !== ending);
    state.record.events.push({ kind: "sessions-ended", day: dayOf(context.clock()) });
    return { store: true, outcome: true };
  });
  return ended;
}

/** So often in a quarter hour may one session end others: a thief with a copied cookie could keep the owner out by that. */
const MAX_ENDINGS = 10;

/** Counts one, before it is done: of many at once none slips through. @returns false if it is one too many */
export async function takeEnding(context: Context, session: Session): Promise<boolean> {
  await saveSession(context, session, (present) => ({ endings: oneMoreEnding(context, present) }));
  return Number(session.payload.endings?.count) <= MAX_ENDINGS;
}

/** Ends every other session. @returns the cookie under which this one goes on */
export async function endOtherSessions(context: Context, session: Session): Promise<string> {
  return await goOnAlone(context, session, "sessions-ended");
}

/** The id under which a session stands in a form: a uuid that does not open its row. */
export function listedId(id: string): string {
  return uuidText((fromBase64url(id) as Uint8Array).subarray(0, 16));
}
