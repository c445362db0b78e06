import type { Context } from "../context.js";
import { dayOf, daysBetween } from "../days.js";
import { absorbGranted, type GrantedToAll, grantedToEverybody } from "../invites/granted.js";
import { nextVersions } from "../people/people.js";
import { equalBytes, fromBase64url, toBase64url } from "../protocol/bytes.js";
import { type PrivateKey, publicHalf, readPrivateKey } from "../protocol/keypair.js";
import { lockPrivateKey } from "../protocol/lock.js";
import { formatParameters, newSalt } from "../protocol/password.js";
import type { RelationRow } from "../protocol/relation.js";
import { casesAtSignIn, isChosen, judge, openOwnCases, type Standing } from "../resets/cases.js";
import { completeReset, countFinishedCase } from "../resets/complete.js";
import { noteStopped, withAgreed } from "../resets/stopped.js";
import { forgetEvents, noteResetEnded, suspensionReason, takeEvents } from "../review/events.js";
import { noteGranter, noteLeavers, renewGrants } from "../review/keys.js";
import { makeNewKey, ownPerson } from "../trust/rekey.js";
import { type AccountRow, findOwnAccount, isFrozenFor } from "./account.js";
import { insertSession } from "./queries.js";
import { sealSecondStep, secondStepOf, useCode } from "./second-step.js";
import { isAllowed, makeSession, type Relock, type Session, sessionOwner } from "./sessions.js";
import {
  type ChangeExtras,
  MAX_TRIES,
  openState,
  type PrivateState,
  reviewList,
  StaleKeyError,
  storeState,
} from "./state.js";
import { forgetShown } from "./told.js";
import { isLockedWeaker, type Unlocked, unlockByPassword } from "./unlock.js";
import { labelOf } from "./username.js";

export type SignInOutcome =
  | { outcome: "wrong" }
  /** The password is right, but the account may not be used. */
  | { outcome: "suspended"; reason: string | undefined }
  | { outcome: "frozen" }
  /** The second step is missing; the cookie is good for nothing else. */
  | { outcome: "code-needed"; cookie: string; accountId: string }
  /** The password is that of a reset that is not ripe: nothing changed, and there is no session. */
  | { outcome: "waiting"; username: string; standing: Standing }
  | SignedIn;

/** `reset`: whether this completed one; `held`: whether somebody trusted has a new key that waits for a yes. */
export type SignedIn = { outcome: "signed-in"; cookie: string; account: AccountRow } & (
  | { reset: "no"; held: boolean }
  /** `secondStepOff`: it was lost too, and was taken off. */
  | { reset: "new-key" | "kept-key"; secondStepOff: boolean }
);

export interface Credentials {
  /** `ada` or `ada@example.org` */
  username: string;
  password: string;
  /** Family of browser, for the list of sessions. */
  client: string;
}

/** What goes on beside a sign-in, such as counting it. */
export interface Beside {
  /** Has to succeed before anything costly is begun. */
  admitted?: Promise<unknown>;
  /** Told as soon as the password has turned out to be right. */
  onRight?: () => void;
}

/**
 * Signs in: unlocks, asks for the second step, opens, regenerates, stores, starts a session.
 *
 * @param again whether this is the second go, after somebody changed password or key in between
 * @throws BusyError if too many are waiting
 * @see docs/protocol.md, "Sign-in"
 */
export async function signIn(
  context: Context,
  credentials: Credentials,
  beside: Beside = {},
  again = false,
): Promise<SignInOutcome> {
  let unlocked = await unlockByPassword(context, credentials.username, credentials.password, beside.admitted);
  if (!unlocked) return { outcome: "wrong" };
  beside.onRight?.();
  const { account } = unlocked;
  if (account.status !== "active") {
    return { outcome: "suspended", reason: await suspensionReason(context, account.id, unlocked.privateKey) };
  }
  if (!unlocked.pendingCase && isFrozenFor(account, "sign-in")) return { outcome: "frozen" };

  if (unlocked.pendingCase) {
    const furthest = await furthestCase(context, unlocked);
    if (!furthest) return { outcome: "wrong" };
    const { standing, ...opened } = furthest;
    unlocked = { ...unlocked, ...opened };
    if (!standing.ripe) {
      // Its approvals were read after it was: a case that ended in between is not one that waits.
      const present = await findOwnAccount(context, account.id);
      const open = present ? await openOwnCases(context, present) : [];
      if (open.some((row) => row.id === opened.pendingCase.id)) {
        return { outcome: "waiting", username: labelOf(context, account), standing };
      }
      return again ? { outcome: "wrong" } : await signIn(context, credentials, {}, true);
    }
  }
  const { pendingCase } = unlocked;
  const relock = pendingCase ? undefined : await prepareRelock(context, account, credentials.password);
  if (secondStepOf(context, account) && !pendingCase?.lost_second_step) {
    const cookie = await startCodeStage(context, unlocked, credentials.client, relock);
    return { outcome: "code-needed", cookie, accountId: account.id };
  }
  const outcome = await finishSignIn(context, unlocked, { client: credentials.client, relock });
  // What the password opened was replaced meanwhile: look what it opens now, from the start, once.
  if (outcome.outcome === "wrong" && !again) return await signIn(context, credentials, {}, true);
  return outcome;
}

/**
 * The case that is furthest, of those for which this password was chosen: a second link must not hide what the first one
 * led to.
 */
async function furthestCase(context: Context, { account, privateKey, pendingCase, others }: Unlocked) {
  const opened = await Promise.all(
    [{ privateKey, pendingCase }, ...others].map(async ({ privateKey, pendingCase }) => {
      const standing = pendingCase && (await judge(context, account, pendingCase, privateKey));
      return standing ? [{ privateKey, pendingCase, standing }] : [];
    }),
  );
  const left = ({ threshold, agreed }: Standing) => Math.max(0, threshold - agreed);
  const [furthest] = opened.flat().sort(
    (
      { standing: a, pendingCase: { lost_second_step: aLost } },
      { standing: b, pendingCase: { lost_second_step: bLost } },
    ) =>
      // Of two that are ripe, the one that asks for no code: it may be lost.
      Number(b.ripe) - Number(a.ripe) || left(a) - left(b) || a.daysLeft - b.daysLeft || Number(bLost) - Number(aLost),
  );
  return furthest;
}

async function startCodeStage(
  context: Context,
  unlocked: Unlocked,
  client: string,
  relock: Relock | undefined,
): Promise<string> {
  const { cookie, row } = makeSession(context, {
    ...sessionOwner(unlocked.account, unlocked.privateKey),
    stage: "code",
    unlockKey: toBase64url(unlocked.unlockKey),
    ...(unlocked.pendingCase && { caseId: unlocked.pendingCase.id }),
    ...(relock && {
      relock: { ...relock, salt: toBase64url(relock.salt), unlockKey: toBase64url(relock.unlockKey) },
    }),
    client,
  });
  await insertSession(context.db, row);
  return cookie;
}

/**
 * The second step of a sign-in.
 *
 * @param session one of stage `code`
 * @returns `over`: the code is right, but the reset that this sign-in would complete has ended
 */
export async function confirmCode(
  context: Context,
  session: Session,
  code: string,
): Promise<SignInOutcome | { outcome: "over" }> {
  const { payload } = session;
  const account = await findOwnAccount(context, payload.accountId);
  // Since the session was opened for this request, the password may have been changed.
  if (!account || payload.stage !== "code" || !isAllowed(payload, account)) return { outcome: "wrong" };
  if (!columnsAfterCode(context, account, code)) return { outcome: "wrong" };
  const cases = await openOwnCases(context, account);
  const pendingCase = cases.filter(isChosen).find((row) => row.id === payload.caseId);
  if (payload.caseId && !pendingCase) return { outcome: "over" };
  const unlocked: Unlocked = {
    account,
    pendingCase,
    privateKey: await readPrivateKey(fromBase64url(payload.key) as Uint8Array),
    unlockKey: fromBase64url(payload.unlockKey ?? "") as Uint8Array,
    relations: [],
    others: [],
  };
  const relock = payload.relock && {
    ...payload.relock,
    salt: fromBase64url(payload.relock.salt) as Uint8Array,
    unlockKey: fromBase64url(payload.relock.unlockKey) as Uint8Array,
  };
  return await finishSignIn(context, { ...unlocked, relations: undefined }, { client: payload.client, code, relock });
}

/** The second step as it is once this code is used up; undefined if the code is wrong, or used already. */
function columnsAfterCode(context: Context, account: AccountRow, code: string): Partial<AccountRow> | undefined {
  const step = secondStepOf(context, account);
  const used = step && useCode(context, account.id, step, code);
  return used && { second_step: sealSecondStep(context, account.id, used) };
}

type Finishing = Omit<Unlocked, "relations" | "others"> & { relations: RelationRow[] | undefined };

/** Regenerates, or completes the reset, and starts the session; again from the start if somebody was faster. */
async function finishSignIn(
  context: Context,
  unlocked: Finishing,
  { client, relock, code }: { client: string; relock: Relock | undefined; code?: string },
): Promise<SignInOutcome> {
  let { account, relations, pendingCase } = unlocked;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    // Of two sign-ins with one code at the same moment, the second finds it used.
    const secondStep = code === undefined ? {} : columnsAfterCode(context, account, code);
    if (!secondStep) return { outcome: "wrong" };
    try {
      const done = pendingCase
        ? await completeReset(context, { account, relations, pendingCase, unlocked, client, columns: secondStep })
        : await regenerateAndStart(context, {
            account,
            relations,
            unlocked,
            client,
            relock,
            columns: secondStep,
          });
      // Nobody undoes an approval or turns back the clock: somebody wrote to the database.
      if (done === "not-ripe") return { outcome: "wrong" };
      if (done !== "changed") {
        if (pendingCase) await countFinishedCase(context);
        return done;
      }
      // Somebody changed the account between reading and writing: read it again.
      const again = await findOwnAccount(context, account.id);
      if (!again || !maySignIn(again, account, pendingCase !== undefined)) return { outcome: "wrong" };
      account = again;
      relations = undefined;
      if (pendingCase) {
        const cases = await openOwnCases(context, account);
        pendingCase = cases.filter(isChosen).find((row) => row.id === pendingCase?.id);
        if (!pendingCase) return { outcome: "wrong" };
      }
    } catch (error) {
      // The password was changed, or a reset completed, while this sign-in was under way.
      if (error instanceof StaleKeyError) return { outcome: "wrong" };
      throw error;
    }
  }
  throw new Error("An account changed too often for a sign-in.");
}

/**
 * Whether a sign-in goes on with an account that changed under it: not suspended, nor frozen, and its password the same.
 * That its sessions were ended is no reason to stop: a thief with a copied cookie could keep the owner out by that.
 */
function maySignIn(now: AccountRow, before: AccountRow, completesReset: boolean): boolean {
  if (now.status !== "active") return false;
  if (equalBytes(now.session_epoch, before.session_epoch)) return true;
  return !completesReset && !isFrozenFor(now, "sign-in") && equalBytes(now.locked_key, before.locked_key);
}

async function regenerateAndStart(
  context: Context,
  input: {
    account: AccountRow;
    relations: RelationRow[] | undefined;
    unlocked: Pick<Unlocked, "privateKey" | "unlockKey">;
    client: string;
    relock: Relock | undefined;
    columns: Partial<AccountRow>;
  },
): Promise<SignedIn | "changed"> {
  const { account, client } = input;
  const { privateKey } = input.unlocked;
  const [state, { cases, ranOut }] = await Promise.all([
    openState(context, account, privateKey, input.relations),
    // As they are now: since the password was checked one may have been opened, chosen or agreed to.
    casesAtSignIn(context, account),
  ]);
  const stopped = await withAgreed(context, state, cases);
  const day = dayOf(context.clock());
  forgetShown(context, account.id, state.record);
  reviewList(context, state);
  const [grantedToAll, seenEvents] = await Promise.all([
    grantedToEverybody(context),
    takeEvents(context, account.id, privateKey, state.record),
    noteGranter(context, account, privateKey, state.record),
  ]);
  const hasLeft = await noteLeavers(context, account, state.record);
  remindOfList(state, day);
  noteStopped(context, state, stopped, "sign-in");
  if (ranOut) noteResetEnded(state.record, day);
  const newKey = await endKeeping(context, state, input.unlocked.unlockKey);
  const mended = newKey ? undefined : await mendPerson(context, state, day);
  const key = newKey?.privateKey ?? privateKey;
  const columns = {
    ...input.columns,
    ...newKey?.columns,
    ...(await relockColumns(context, account, key, input.relock)),
  };
  const session = noteSignIn(context, state, { ...account, ...columns } as AccountRow, key, client, day, grantedToAll);
  const extras: ChangeExtras = {
    columns,
    session: session.row,
    ...(newKey && { privateKey: key, person: await ownPerson(context, account, newKey.publicKey) }),
    ...(mended && { person: mended }),
  };
  const stored = await storeState(context, state, extras);
  if (!stored) return "changed";
  await forgetEvents(context, seenEvents);
  await renewGrants(context, stored, key, state.record.grants, hasLeft);
  return {
    outcome: "signed-in",
    cookie: session.cookie,
    account: stored,
    reset: "no",
    held: state.trusted.some((trusted) => trusted.standing === "new-key"),
  };
}

/** Writes the sign-in into the record and makes its session. */
export function noteSignIn(
  context: Context,
  state: PrivateState,
  account: AccountRow,
  privateKey: PrivateKey,
  client: string,
  day: string,
  grantedToAll: GrantedToAll,
) {
  const { record } = state;
  const session = makeSession(context, { ...sessionOwner(account, privateKey), stage: "full", client });
  record.sessions.push({ id: toBase64url(session.row.id), client, since: day });
  record.events.push({ kind: "signed-in", day });
  record.previousSignIn = record.lastSignIn;
  record.lastSignIn = day;
  absorbGranted(record, account.granted, grantedToAll, day);
  return session;
}

/**
 * Who has become an admin does not keep the key any longer, and gets a new one: what an admin may do must not pass to
 * k people who help, nor to an old backup and k who once did.
 */
async function endKeeping(context: Context, state: PrivateState, unlockKey: Uint8Array) {
  const { account, record } = state;
  if (account.role === "member" || !record.rules.keepsKey) return undefined;
  record.rules = { ...record.rules, keepsKey: false };
  record.sessions = [];
  record.told.push({ kind: "key-kept-off", day: dayOf(context.clock()) });
  return await makeNewKey(context, account, unlockKey);
}

/** If others do not see the account as it is, the next version is made, and the owner is told. */
async function mendPerson(context: Context, { account, privateKey, record }: PrivateState, day: string) {
  const next = (await nextVersions(context, [account])).get(account.id);
  if (!next?.isDamaged && !next?.isStandIn) return undefined;
  record.told.push({ kind: "person-mended", day });
  record.events.push({ kind: "person-mended", day });
  return await ownPerson(context, account, publicHalf(privateKey));
}

const LIST_REMINDER_DAYS = 182;

/** Once in half a year: is the list still right? */
function remindOfList({ record, trusted }: PrivateState, day: string): void {
  if (trusted.length === 0 || daysBetween(record.listConfirmed, day) < LIST_REMINDER_DAYS) return;
  record.listConfirmed = day;
  record.told.push({ kind: "list-reminder", day });
}

/** Makes ready to lock the key anew, if the configured Argon2id parameters are not those it is locked with. */
async function prepareRelock(context: Context, account: AccountRow, password: string): Promise<Relock | undefined> {
  if (!isLockedWeaker(context, account)) return undefined;
  const salt = newSalt();
  const unlockKey = await context.hashing.unlockKey(password, salt, context.config.argon2);
  return { salt, parameters: formatParameters(context.config.argon2), unlockKey };
}

async function relockColumns(
  context: Context,
  account: AccountRow,
  privateKey: PrivateKey,
  relock: Relock | undefined,
): Promise<Partial<AccountRow>> {
  if (!relock) return {};
  const { unlockKey, ...columns } = relock;
  return { ...columns, locked_key: await lockPrivateKey(privateKey, unlockKey, context.secret, account.id) };
}
