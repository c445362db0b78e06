import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import {
  type AccountRow,
  findAccount,
  findAccountByName,
  findOwnAccount,
  genuineAccounts,
  isFrozenFor,
} from "../accounts/account.js";
import { letsSessionsGoOn, type Session } from "../accounts/sessions.js";
import { changeState } from "../accounts/state.js";
import type { Name } from "../accounts/username.js";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import type { Database } from "../db/schema.js";
import { grantToEverybody } from "../invites/granted.js";
import { concat, toHex, utf8, uuidBytes, uuidText } from "../protocol/bytes.js";
import { newSessionEpoch } from "../protocol/generation.js";
import type { PrivateKey } from "../protocol/keypair.js";
import { NO_INVITER } from "../protocol/letter.js";
import { sealToNobody } from "../protocol/nobody.js";
import { shuffled } from "../protocol/relation.js";
import { sealEdge } from "../protocol/review.js";
import { open, SEAL_CLASSES, seal } from "../protocol/seal.js";
import { endCases, tellEnded } from "../resets/cases.js";
import { ask } from "../seen.js";
import { type Change, changeAccounts, readAsWriter } from "./change-accounts.js";
import { sealEvents } from "./events.js";
import {
  currentReviewKey,
  genuineRows,
  makeRecovery,
  noteLeavers,
  type OpenReview,
  openReview,
  presentAdmins,
  renewGrantsLocked,
  storeRecovery,
  withTag,
} from "./keys.js";
import { nextNumber } from "./numbered.js";
import * as queries from "./queries.js";
import { isWhole, type Tree } from "./tree.js";

/** What admins do; each has its sentence in the log and on the account page. */
export const ACT_KINDS = [
  "suspended",
  "reinstated",
  "frozen-inviting",
  "unfrozen-inviting",
  "frozen-sign-in",
  "unfrozen-sign-in",
  "grafted",
  "invites",
  "invites-back",
  "made-admin",
  "unmade-admin",
  "confirmed",
  "recovery-phrase",
  "tree-opened",
] as const;
export type ActKind = (typeof ACT_KINDS)[number];

/** Who acts by the command line, and stands nowhere among the members. */
export const OPERATOR = NO_INVITER;

/** What the log says of an act besides its kind; sealed to the review key. */
export interface ActDetails {
  /** The account that was named; the others are those below it. Empty: everybody, or nobody. */
  root: string;
  /** How many accounts the act changed. */
  count: number;
  invites?: number;
  everybody?: boolean;
  /** The inviter before and after a graft. */
  from?: string;
  to?: string;
}

export type ActOutcome =
  | { outcome: "done"; count: number }
  /** All of them were so already. */
  | { outcome: "nothing" }
  /** The role was taken meanwhile. */
  | { outcome: "not-admin" }
  /** Rows are missing, or not Kith's, by which it would be known whom to act on. */
  | { outcome: "not-whole" };

/** An act that another one takes back, unless that was done already; and what opens the acts that came after it. */
export interface TakenBack {
  act: queries.ActRow;
  review: OpenReview;
}

interface Act<Refusal = never> {
  kind: ActKind;
  details: Omit<ActDetails, "count">;
  subjects: readonly string[];
  reason: string;
  undoes?: TakenBack;
  /** The recovery key that is made by it: named in the open, so that no earlier one can take its place. */
  recoveryId?: string;
  /** Looked at when the turn comes: what else speaks against it. */
  refuse?: (db: Kysely<Database>) => Promise<Refusal | undefined>;
  decide: (account: AccountRow) => Change | undefined;
  /** Done in the same transaction; false: nothing is done at all. */
  alongside?: (db: Kysely<Database>) => Promise<boolean>;
}

const IDS_PER_SEAL = Math.floor((SEAL_CLASSES.medium - 4) / 16);

/**
 * Does what an admin decided, writes it down, and leaves each member concerned a note with the reason: all of it or
 * nothing. Acts happen one after the other, and the actor must still be an admin when the turn comes.
 */
async function perform<Refusal extends { outcome: string } = never>(
  context: Context,
  actorId: string,
  act: Act<Refusal>,
): Promise<ActOutcome | Refusal> {
  const now = context.clock();
  const actor = actorId === OPERATOR ? undefined : await findOwnAccount(context, actorId);
  const note = {
    kind: act.kind,
    day: dayOf(now),
    by: actor?.username ?? "",
    reason: act.reason,
    at: now.getTime(),
    ...(act.details.invites !== undefined && { count: act.details.invites }),
  };
  const events = await sealEvents(context, act.subjects, note);
  let ids: string[] = [];
  let number = 0;
  let ended: AccountRow[] = [];
  const outcome = await context.db.transaction().execute(async (db): Promise<ActOutcome | Refusal> => {
    await queries.lockReview(db);
    if (actorId !== OPERATOR && !(await isAdmin(context, db, actorId))) return { outcome: "not-admin" };
    if (act.undoes && (await undoneAmong(context, db, [act.undoes.act.id])).size > 0) return { outcome: "nothing" };
    const refusal = await act.refuse?.(db);
    if (refusal) return refusal;
    const since = act.undoes ? await concernedSince(context, db, act.undoes) : new Set();
    if (!since) return { outcome: "not-whole" };
    // In any order: that of a branch would show its shape in the log, hundred by hundred.
    const changed = await changeAccounts(context, db, shuffled(act.subjects), (account) =>
      since.has(account.id) ? undefined : act.decide(account),
    );
    if (act.alongside ? !(await act.alongside(db)) : changed.length === 0) return { outcome: "nothing" };
    ids = changed.map(({ id }) => id);
    if (act.kind === "suspended") ended = await endCases(context, db, ids);
    const details = { ...act.details, count: act.alongside ? Math.max(ids.length, 1) : ids.length };
    const undoes = act.undoes?.act.id ?? act.recoveryId ?? NO_INVITER;
    number = await writeDown(context, db, { actorId, kind: act.kind, details, ids, undoes }, [
      ...ids.flatMap((id) => events.get(id) ?? []),
    ]);
    return { outcome: "done", count: ids.length };
  });
  // Committed: from now on a lower one is noticed.
  context.seen.acts = Math.max(number, context.seen.acts);
  await readAsWriter(context, ids);
  tellEnded(context, ended, "stopped");
  return outcome;
}

/** Which of these acts were taken back, as rows tell it that are Kith's. */
export async function undoneAmong(
  context: Context,
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<Set<string>> {
  const rows = genuineRows(context, "admin_acts", await queries.selectTakingBack(db, ids));
  return new Set(rows.map(({ undoes }) => undoes));
}

async function isAdmin(context: Context, db: Kysely<Database>, id: string): Promise<boolean> {
  const account = await findOwnAccount({ ...context, db }, id);
  return account?.role === "admin" && letsSessionsGoOn(account);
}

async function writeDown(
  context: Context,
  db: Kysely<Database>,
  act: { actorId: string; kind: ActKind; details: ActDetails; ids: readonly string[]; undoes: string },
  events: readonly queries.EventRow[],
): Promise<number> {
  const key = await currentReviewKey(context, db);
  const toKey = async (bytes: Uint8Array) =>
    key ? await seal(key.public_key, bytes, "medium") : await sealToNobody(context.nobody, "medium");
  const id = randomUUID();
  const row = withTag(context, "admin_acts", {
    id,
    number: await nextNumber(context, db, "admin_acts"),
    actor_id: act.actorId,
    kind: act.kind,
    day: dayOf(context.clock()),
    undoes: act.undoes,
    sealed: await toKey(utf8(JSON.stringify(act.details))),
  });
  const persons: queries.ActPersonsRow[] = [];
  for (let at = 0; at < act.ids.length; at += IDS_PER_SEAL) {
    const sealed = await toKey(concat(...act.ids.slice(at, at + IDS_PER_SEAL).map(uuidBytes)));
    persons.push(withTag(context, "admin_act_persons", { id: randomUUID(), act_id: id, sealed }));
  }
  await queries.insertAct(db, row, persons, events);
  return row.number;
}

/** Opens what an act was about. */
export async function openDetails(review: OpenReview, act: queries.ActRow): Promise<ActDetails | undefined> {
  for (const { privateKey } of review.keys) {
    const text = await open(privateKey, act.sealed);
    if (text) return JSON.parse(Buffer.from(text).toString("utf8")) as ActDetails;
  }
  return undefined;
}

/** Whom an act changed; undefined if rows of them are missing. */
async function openPersons(
  context: Context,
  review: OpenReview,
  act: queries.ActRow,
  db: Kysely<Database> = context.db,
): Promise<string[] | undefined> {
  const ids: string[] = [];
  const rows = genuineRows(context, "admin_act_persons", await queries.selectActPersons(db, act.id));
  for (const row of rows) {
    for (const { privateKey } of review.keys) {
      const bytes = await open(privateKey, row.sealed);
      for (let at = 0; bytes && at < bytes.length; at += 16) ids.push(uuidText(bytes.subarray(at, at + 16)));
      if (bytes) break;
    }
  }
  const details = await openDetails(review, act);
  return ids.length === (details?.everybody ? 0 : details?.count) ? ids : undefined;
}

/**
 * Whom later acts changed in the same respect. An act that was taken back counts for nobody for whom it was, and neither
 * does the one that took it back.
 *
 * @returns undefined if acts are missing, or rows of whom they changed
 */
async function concernedSince(
  context: Context,
  db: Kysely<Database>,
  { act, review }: TakenBack,
): Promise<ReadonlySet<string> | undefined> {
  const concerned = new Set<string>();
  const kind = act.kind as ActKind;
  // Invites are counted: each act adds its own number.
  if (kind === "invites" || kind === "invites-back") return concerned;
  const kinds = [kind, INVERSE[kind] ?? kind];
  const all = genuineRows(context, "admin_acts", await queries.selectLaterActs(db, act.number));
  if (all.length < Math.max(all[0]?.number ?? 0, context.seen.acts) - act.number) return undefined;
  const later = all.filter((one) => kinds.includes(one.kind as ActKind));
  const among = new Set(later.map(({ id }) => id));
  const takenBack = new Map<string, ReadonlySet<string>>();
  // Newest first: whether an act stands is known before the one that it takes back.
  for (const one of later) {
    const { id, undoes } = one;
    const persons = await openPersons(context, review, one, db);
    if (!persons) return undefined;
    const standing = persons.filter((person) => !takenBack.get(id)?.has(person));
    if (among.has(undoes)) takenBack.set(undoes, new Set(standing));
    else for (const person of standing) concerned.add(person);
  }
  return concerned;
}

const withFreeze = {
  nothing: ["inviting", "sign-in"],
  inviting: ["inviting", "both"],
  "sign-in": ["both", "sign-in"],
  both: ["both", "both"],
} as const;
const withoutFreeze = {
  nothing: ["nothing", "nothing"],
  inviting: ["nothing", "inviting"],
  "sign-in": ["sign-in", "nothing"],
  both: ["sign-in", "inviting"],
} as const;

/** What each act changes of one account. A new epoch ends its sessions for good, whatever is taken back. */
const DECISIONS: Partial<Record<ActKind, (account: AccountRow) => Change | undefined>> = {
  suspended: ({ status }) =>
    status === "active" ? { status: "suspended", session_epoch: newSessionEpoch() } : undefined,
  reinstated: ({ status }) => (status === "suspended" ? { status: "active" } : undefined),
  "frozen-inviting": ({ frozen }) => differing(frozen, withFreeze[frozen][0]),
  "unfrozen-inviting": ({ frozen }) => differing(frozen, withoutFreeze[frozen][0]),
  "frozen-sign-in": ({ frozen }) => {
    const change = differing(frozen, withFreeze[frozen][1]);
    return change && { ...change, session_epoch: newSessionEpoch() };
  },
  "unfrozen-sign-in": ({ frozen }) => differing(frozen, withoutFreeze[frozen][1]),
  "made-admin": ({ role }) => (role === "member" ? { role: "admin" } : undefined),
  "unmade-admin": ({ role }) => (role === "member" ? undefined : { role: "member" }),
};

function differing(before: AccountRow["frozen"], frozen: AccountRow["frozen"]): Change | undefined {
  return before === frozen ? undefined : { frozen };
}

export type SimpleAct =
  | "suspended"
  | "reinstated"
  | "frozen-inviting"
  | "unfrozen-inviting"
  | "frozen-sign-in"
  | "unfrozen-sign-in";

/** Suspends, reinstates, freezes or unfreezes an account, or all of a branch. */
export async function actOn(
  context: Context,
  actorId: string,
  kind: SimpleAct,
  root: string,
  subjects: readonly string[],
  reason: string,
): Promise<ActOutcome> {
  const decide = DECISIONS[kind] as (account: AccountRow) => Change | undefined;
  return await perform(context, actorId, { kind, details: { root }, subjects, reason, decide });
}

/** The account of a name, as the command line and the admins' forms mean it. */
export async function accountNamed(context: Context, name: Name): Promise<AccountRow | undefined> {
  return await findAccountByName(context, name.domain, name.username);
}

/** The same where nobody may learn whom an admin named: it leaves no trace in the database's files. */
export async function accountNamedUnseen(context: Context, name: Name): Promise<AccountRow | undefined> {
  const asked = ask(context);
  const row = await queries.selectByNameUnmarked(context.db, name);
  return row && (await genuineAccounts(context, [row], context.db, asked))[0];
}

/** Hands out invites: a counter that each member absorbs at the next sign-in. */
export async function handOut(
  context: Context,
  actorId: string,
  to: { root: string; subjects: readonly string[] } | "everybody",
  count: number,
): Promise<ActOutcome> {
  if (to === "everybody") {
    return await perform(context, actorId, {
      kind: "invites",
      details: { root: "", invites: count, everybody: true },
      subjects: [],
      reason: "",
      decide: () => undefined,
      alongside: async (db) => {
        await grantToEverybody(context, db, count);
        return true;
      },
    });
  }
  return await perform(context, actorId, {
    kind: "invites",
    details: { root: to.root, invites: count },
    subjects: to.subjects,
    reason: "",
    decide: ({ granted }) => ({ granted: granted + count }),
  });
}

export type GraftOutcome = ActOutcome | { outcome: "loop" };

/** Moves a branch: from now on the account counts as invited by another, or by nobody. */
export async function graft(
  context: Context,
  actorId: string,
  tree: Tree,
  who: string,
  inviter: string,
  undoes?: TakenBack,
): Promise<GraftOutcome> {
  if (!(await isWhole(context, tree))) return { outcome: "not-whole" };
  const node = tree.byId(who);
  if (!node) return { outcome: "nothing" };
  if (inviter === who) return { outcome: "loop" };
  const target = tree.byId(inviter);
  if (target && (target === node || tree.path(target).includes(node))) return { outcome: "loop" };
  const from = node.parent?.id ?? NO_INVITER;
  if (from === inviter) return { outcome: "nothing" };
  const key = await currentReviewKey(context);
  if (!key) return { outcome: "nothing" };
  const edge = await sealEdge(key.public_key, { inviteeId: who, inviterId: inviter, month: node.month ?? "1970-01" });
  return await perform(context, actorId, {
    kind: "grafted",
    details: { root: who, from, to: inviter },
    subjects: [who],
    reason: "",
    ...(undoes && { undoes }),
    decide: () => ({ edge }),
  });
}

export type RoleOutcome = ActOutcome | { outcome: "last" };

/** Makes or unmakes an admin. The review key only follows when an admin confirms the fingerprint. */
export async function setRole(
  context: Context,
  actorId: string,
  who: string,
  role: "admin" | "member",
  undoes?: TakenBack,
): Promise<RoleOutcome> {
  const kind = role === "admin" ? "made-admin" : "unmade-admin";
  const decide = DECISIONS[kind] as (account: AccountRow) => Change | undefined;
  const refuse = async (db: Kysely<Database>) => {
    if (role === "admin") return undefined;
    const able = (await presentAdmins(context, db)).filter((admin) => !isFrozenFor(admin, "sign-in"));
    const isLast = able.length === 1 && able[0]?.id === who;
    return isLast ? ({ outcome: "last" } as const) : undefined;
  };
  return await perform(context, actorId, {
    kind,
    details: { root: who },
    subjects: [who],
    reason: "",
    ...(undoes && { undoes }),
    refuse,
    decide,
  });
}

/** Gives a role back that rests since a reset, on the word of whoever runs the place. The review key only follows when an admin confirms the fingerprint. */
export async function giveRoleBack(context: Context, who: string): Promise<ActOutcome> {
  return await perform(context, OPERATOR, {
    kind: "confirmed",
    details: { root: who },
    subjects: [who],
    reason: "",
    decide: ({ role }) => (role === "reset-admin" ? { role: "admin" } : undefined),
  });
}

export type ConfirmOutcome = "confirmed" | "not-a-reader" | "not-an-admin" | "other-key" | "lost-role";

/**
 * "I have asked: this is the key": the present key of another admin may have the review key from now on. The click is
 * kept in the record of the one who clicked; a role that rested after a reset is back.
 *
 * @param asked the fingerprint that the page showed, in hexadecimal; empty: not said
 */
export async function confirmAdmin(
  context: Context,
  session: Session,
  who: string,
  asked = "",
): Promise<ConfirmOutcome> {
  const privateKey = await session.privateKey();
  if (!(await openReview(context, session.account, privateKey))) return "not-a-reader";
  const target = await findAccount(context, who);
  if (!target || target.role === "member" || target.status !== "active" || target.id === session.account.id) {
    return "not-an-admin";
  }
  const fingerprint = toHex(target.fingerprint);
  if (asked !== "" && asked !== fingerprint) return "other-key";
  const act = await perform(context, session.account.id, {
    kind: "confirmed",
    details: { root: who },
    subjects: [who],
    reason: "",
    // Only the key that was looked at: whoever was reset meanwhile is asked about again.
    decide: (account) =>
      toHex(account.fingerprint) === fingerprint && account.role !== "member" ? { role: "admin" } : undefined,
  });
  if (act.outcome === "not-admin") return "lost-role";
  if (act.outcome === "nothing") return "not-an-admin";
  const { outcome: grants, account } = await changeState(context, session, async ({ record }) => {
    if (!record.grants.includes(fingerprint)) record.grants.push(fingerprint);
    return { store: true, outcome: record.grants };
  });
  session.account = account;
  await renewFor(context, session, grants);
  return "confirmed";
}

/**
 * Seals the review key anew once a role was given or taken. Whoever left could read what is sealed so far; what comes
 * now goes to a new key, because of the act, whatever grants there are: a writer may have taken the leaver's away.
 */
export async function renewAfterRole(context: Context, session: Session, isTaken: boolean): Promise<void> {
  const { outcome, account } = await changeState(context, session, async ({ account, record }) => {
    const hasLeft = await noteLeavers(context, account, record);
    return { store: true, outcome: { grants: record.grants, hasLeft } };
  });
  session.account = account;
  await renewFor(context, session, outcome.grants, isTaken || outcome.hasLeft);
}

/** Seals the review key anew to whom this admin confirmed; where somebody left, a new one takes over. */
async function renewFor(context: Context, session: Session, grants: readonly string[], hasLeft = false): Promise<void> {
  const privateKey = await session.privateKey();
  await context.db.transaction().execute(async (db) => {
    await queries.lockReview(db);
    await renewGrantsLocked(context, db, session.account, privateKey, grants, hasLeft);
  });
}

/** An act that is about nobody. */
const ABOUT_NOBODY = { details: { root: "" }, subjects: [], reason: "", decide: () => undefined };

/** Writes down that the tree was opened, for every member to see. */
export async function noteOpening(context: Context, actorId: string): Promise<ActOutcome> {
  return await perform(context, actorId, { ...ABOUT_NOBODY, kind: "tree-opened", alongside: async () => true });
}

/** Stores a recovery key under a phrase that was written down, and writes it down. */
export async function keepRecovery(
  context: Context,
  admin: AccountRow,
  privateKey: PrivateKey,
  phrase: string,
): Promise<ActOutcome> {
  const recovery = await makeRecovery(context, phrase);
  if (!recovery) return { outcome: "nothing" };
  const alongside = async (db: Kysely<Database>) => await storeRecovery(context, db, admin, privateKey, recovery);
  return await perform(context, admin.id, {
    ...ABOUT_NOBODY,
    kind: "recovery-phrase",
    recoveryId: recovery.id,
    alongside,
  });
}

const INVERSE: Partial<Record<ActKind, ActKind>> = {
  suspended: "reinstated",
  reinstated: "suspended",
  "frozen-inviting": "unfrozen-inviting",
  "unfrozen-inviting": "frozen-inviting",
  "frozen-sign-in": "unfrozen-sign-in",
  "unfrozen-sign-in": "frozen-sign-in",
  "made-admin": "unmade-admin",
  "unmade-admin": "made-admin",
  invites: "invites-back",
  "invites-back": "invites",
  grafted: "grafted",
};

/** Whether an act of this kind can be taken back. */
export function isUndoable(kind: string): boolean {
  return kind in INVERSE;
}

export type UndoOutcome = ActOutcome | { outcome: "loop" | "last" | "self" | "unknown" };

/**
 * Takes an act back, for exactly those whom it changed, each as far as nothing else was done since. Nobody
 * takes back what concerns oneself, but for invites.
 */
export async function undo(
  context: Context,
  actorId: string,
  review: OpenReview,
  tree: Tree,
  actId: string,
): Promise<UndoOutcome> {
  const row = await queries.selectAct(context.db, actId);
  const [act] = row ? genuineRows(context, "admin_acts", [row]) : [];
  const details = act && (await openDetails(review, act));
  const kind = act && INVERSE[act.kind as ActKind];
  if (!act || !details || !kind) return { outcome: "unknown" };
  const { root } = details;
  const undoes = { act, review };
  if (kind === "grafted" && root === actorId) return { outcome: "self" };
  if (kind === "grafted") return await graft(context, actorId, tree, root, details.from ?? NO_INVITER, undoes);
  if (kind === "made-admin") return await setRole(context, actorId, root, "admin", undoes);
  if (kind === "unmade-admin" && root === actorId) return { outcome: "self" };
  if (kind === "unmade-admin") return await setRole(context, actorId, root, "member", undoes);
  const subjects = await openPersons(context, review, act);
  if (!subjects) return { outcome: "not-whole" };
  if (kind === "invites" || kind === "invites-back") {
    const count = (kind === "invites" ? 1 : -1) * (details.invites ?? 0);
    const everybody = details.everybody === true;
    return await perform(context, actorId, {
      kind,
      details: {
        root,
        ...(details.invites !== undefined && { invites: details.invites }),
        ...(everybody && { everybody }),
      },
      subjects,
      reason: "",
      undoes,
      decide: ({ granted }) => ({ granted: Math.max(0, granted + count) }),
      ...(everybody && {
        alongside: async (db: Kysely<Database>) => {
          await grantToEverybody(context, db, count);
          return true;
        },
      }),
    });
  }
  const decide = DECISIONS[kind] as (account: AccountRow) => Change | undefined;
  const refuse = async (db: Kysely<Database>) => {
    if (!subjects.includes(actorId)) return undefined;
    if ((await concernedSince(context, db, undoes))?.has(actorId)) return undefined;
    const self = await findOwnAccount({ ...context, db }, actorId);
    return self && decide(self) ? ({ outcome: "self" } as const) : undefined;
  };
  return await perform(context, actorId, { kind, details: { root }, subjects, reason: "", undoes, refuse, decide });
}
