import { randomInt } from "node:crypto";
import { type AccountRow, genuineAccounts, isFrozenFor } from "../accounts/account.js";
import { passwordAgain } from "../accounts/page-data.js";
import { hasPresentKey, onceOf, saveOnce, saveSession, typedAt } from "../accounts/sessions.js";
import { openOwnState } from "../accounts/state.js";
import { labelOf, parseName } from "../accounts/username.js";
import { toHex } from "../protocol/bytes.js";
import { newRecoveryPhrase } from "../protocol/review.js";
import { jsonBytes, oneLine } from "../text.js";
import { notFound } from "../web/errors.js";
import type { AdminLine, FieldError, LogLine, PanelForm, PersonPanel } from "../web/pages.js";
import { field, goTo, type MemberVisit, query, show, ticked } from "../web/visit.js";
import {
  type ActOutcome,
  accountNamed,
  accountNamedUnseen,
  actOn,
  confirmAdmin,
  graft,
  handOut,
  isUndoable,
  keepRecovery,
  noteOpening,
  OPERATOR,
  openDetails,
  renewAfterRole,
  type SimpleAct,
  setRole,
  type UndoOutcome,
  undo,
  undoneAmong,
} from "./acts.js";
import { REASON_BYTES } from "./events.js";
import { genuineRows, hasRecovery, type OpenReview, openReview, presentAdmins, readerIds } from "./keys.js";
import { fingerprintText, lastOpening, listOf, namesOf, panelOf, type TreeFilter } from "./page-data.js";
import { drawTree } from "./picture.js";
import * as queries from "./queries.js";
import { isWhole, readTree, type Tree, type TreeNode } from "./tree.js";

const OPEN_MINUTES = 15;
/** A session's beginning is known to the quarter hour. */
const TYPED_MINUTES = OPEN_MINUTES + 15;
const LINES = 30;
const MAX_INVITES = 1000;

type Handler = (visit: MemberVisit) => Promise<unknown>;

/** Milliseconds that the tree is still open for in this session. */
function openFor(visit: MemberVisit): number {
  return Math.max(0, (visit.session.payload.reviewUntil ?? 0) - visit.context.clock().getTime());
}

/**
 * Whether the password was typed not long ago, at the sign-in or at the tree. Who finds a session open could else make
 * an admin of an account whose password is known, and open the tree with that.
 */
function typedLately(visit: MemberVisit): boolean {
  const since = visit.context.clock().getTime() - typedAt(visit.session.payload);
  return openFor(visit) > 0 || since < TYPED_MINUTES * 60_000;
}

/** To where the password is typed. */
const passwordFirst = (visit: MemberVisit) => goTo(visit, "/admin/tree", { kind: "wait", key: "flash.password-first" });

async function reviewOf(visit: MemberVisit): Promise<OpenReview | undefined> {
  const { context, session } = visit;
  if (!(await hasPresentKey(session))) return undefined;
  return await openReview(context, session.account, await session.privateKey());
}

/** The tree, if this session has it open; otherwise how far the reading is, or undefined. */
async function openTree(visit: MemberVisit) {
  if (openFor(visit) === 0) return undefined;
  const review = await reviewOf(visit);
  return review && { review, reading: await readTree(visit.context, review) };
}

/** `GET /admin` */
export const showAdmin = async (visit: MemberVisit) => await goTo(visit, "/admin/tree");

async function gate(visit: MemberVisit, errors: FieldError[] = []) {
  const { context } = visit;
  const [members, last, review] = await Promise.all([
    queries.countMembers(context.db),
    lastOpening(context),
    reviewOf(visit),
  ]);
  const state = review ? ("closed" as const) : ("unconfirmed" as const);
  const status = errors.length > 0 ? 422 : 200;
  return await show(visit, "admin/gate", { state, members, last }, { current: "admin", errors, status });
}

/** `GET /admin/tree` */
export const showTree = async (visit: MemberVisit) => await treePage(visit);

/** `POST /admin/tree`: opens the review key for this session, for every member to see. */
export async function unlockTree(visit: MemberVisit) {
  const { context, session } = visit;
  if (!(await passwordAgain(visit))) {
    return await gate(visit, [{ field: "current_password", key: "problem.password.wrong" }]);
  }
  if (!(await reviewOf(visit))) return await gate(visit);
  const noted = await noteOpening(context, session.account.id);
  if (noted.outcome === "not-admin") return await notFound(visit);
  await saveSession(context, session, { reviewUntil: context.clock().getTime() + OPEN_MINUTES * 60_000 });
  return await goTo(visit, "/admin/tree");
}

const EMPTY_FORM: PanelForm = { sent: "", reason: "", branch: false, what: "", inviter: "", count: "" };

function findNode(visit: MemberVisit, tree: Tree, typed: string): TreeNode | undefined {
  const name = parseName(typed, visit.context.config.domains);
  return name && tree.byName(name.domain, name.username);
}

/** Cut between characters: half of one can't stand in a link. */
const searchOf = (visit: MemberVisit) => Array.from(query(visit, "q").trim().toLowerCase()).slice(0, 80).join("");

const page = (visit: MemberVisit) => Math.min(100_000, Math.max(1, Math.trunc(Number(query(visit, "page"))) || 1));

interface Asked {
  person?: string;
  form?: PanelForm;
  errors?: FieldError[];
}

async function treePage(visit: MemberVisit, asked: Asked = {}) {
  const { context, session } = visit;
  const open = await openTree(visit);
  if (!open) return await gate(visit);
  if (!("tree" in open.reading)) {
    visit.reply.header("Refresh", "1");
    return await show(visit, "admin/reading", open.reading, { current: "admin" });
  }
  const { tree } = open.reading;
  const filter: TreeFilter = {
    q: searchOf(visit),
    month: /^\d{4}-\d{2}$/.test(query(visit, "month")) ? query(visit, "month") : "",
    domain: query(visit, "domain"),
    state: query(visit, "state"),
  };
  const person = findNode(visit, tree, asked.person ?? query(visit, "person"));
  const around = findNode(visit, tree, query(visit, "around"));
  const branch = new Set(person ? tree.branch(person) : []);
  const isCut = (node: TreeNode) => branch.has(node);
  const roots = around ? [around] : tree.roots;
  const asksRings = Math.trunc(Number(query(visit, "rings")));
  const rings = asksRings >= 1 && asksRings <= 8 ? asksRings : tree.size > 60 ? 3 : 8;
  const place = session.account.domain;
  const errors = [...(asked.errors ?? [])];
  if (!asked.errors && query(visit, "person") !== "" && !person) {
    errors.push({ field: "q", key: "problem.admin.unknown", vars: { name: query(visit, "person").slice(0, 80) } });
  }
  const data = {
    total: tree.size,
    roots: tree.roots.slice(0, 5).map((root) => labelOf(context, root)),
    minutesLeft: Math.ceil(openFor(visit) / 60_000),
    picture: drawTree(roots, place, rings, isCut, (node) => labelOf(context, node)),
    around: around ? labelOf(context, around) : null,
    up: around?.parent ? labelOf(context, around.parent) : null,
    rings,
    person: person ? panelOf(context, tree, person, session.account.id) : null,
    list: listOf(context, tree, roots, filter, page(visit), isCut, person),
    filter,
    domains: context.config.domains.length > 1 ? context.config.domains : [],
    form: asked.form ?? EMPTY_FORM,
  };
  return await show(visit, "admin/tree", data, { current: "admin", errors, status: asked.errors ? 422 : 200 });
}

async function accountsPage(visit: MemberVisit, asked: Asked = {}) {
  const { context, session } = visit;
  const [rows, readers, recovery, review] = await Promise.all([
    queries.selectAdmins(context.db),
    readerIds(context),
    hasRecovery(context),
    reviewOf(visit),
  ]);
  const adminRows = await genuineAccounts(context, rows);
  const { grants } = (await openOwnState(context, session)).record;
  const active = adminRows.filter((row) => row.role === "admin" && row.status === "active").length;
  const lines = adminRows.map((row): AdminLine => {
    const self = row.id === session.account.id;
    const standing = row.role !== "admin" ? "resting" : readers.has(row.id) ? "reader" : "unconfirmed";
    const confirmed = grants.includes(toHex(row.fingerprint)) && standing === "reader";
    return {
      username: labelOf(context, row),
      self,
      standing,
      canConfirm: !self && review !== undefined && row.status === "active" && !confirmed,
      canUnmake: row.role !== "admin" || active > 1,
      fingerprint: fingerprintText(row.fingerprint),
      key: toHex(row.fingerprint),
    };
  });
  const filter = { q: searchOf(visit), state: query(visit, "state") };
  const state = filter.state === "suspended" || filter.state === "frozen" ? filter.state : "";
  const at = page(visit);
  const names = await queries.selectNames(context.db, { begins: filter.q, state }, (at - 1) * LINES, LINES + 1);
  const typed = asked.person ?? query(visit, "person");
  const person = typed === "" ? undefined : await accountOf(visit, typed);
  const errors = [...(asked.errors ?? [])];
  if (typed !== "" && !person && !asked.errors) {
    errors.push({ field: "q", key: "problem.admin.unknown", vars: { name: typed.slice(0, 80) } });
  }
  const data = {
    admins: lines,
    reader: review !== undefined,
    recovery,
    person: person ? closedPanel(visit, person) : null,
    list: names.slice(0, LINES).map((row) => ({
      username: labelOf(context, row),
      suspended: row.status === "suspended",
      frozen: row.frozen !== "nothing",
      isAdmin: row.role !== "member",
    })),
    filter,
    page: at,
    more: names.length > LINES,
    form: asked.form ?? EMPTY_FORM,
  };
  return await show(visit, "admin/accounts", data, { current: "admin", errors, status: asked.errors ? 422 : 200 });
}

async function accountOf(
  visit: MemberVisit,
  typed: string,
  find: typeof accountNamed = accountNamed,
): Promise<AccountRow | undefined> {
  const name = parseName(typed, visit.context.config.domains);
  return name && (await find(visit.context, name));
}

function closedPanel(visit: MemberVisit, account: AccountRow): PersonPanel {
  return {
    username: labelOf(visit.context, account),
    self: account.id === visit.session.account.id,
    isAdmin: account.role !== "member",
    suspended: account.status === "suspended",
    invitingFrozen: isFrozenFor(account, "inviting"),
    signInFrozen: isFrozenFor(account, "sign-in"),
    place: null,
  };
}

/** `GET /admin/accounts` */
export const showAccounts = async (visit: MemberVisit) => await accountsPage(visit);

/** `POST /admin/tree/search`, `POST /admin/accounts/search`: leads to the page with only what is looked for. */
export const search = (path: "/admin/tree" | "/admin/accounts", to: string) => async (visit: MemberVisit) => {
  const asked = new URLSearchParams();
  for (const name of ["q", "month", "domain", "state"]) {
    const value = field(visit, name).trim();
    if (value !== "") asked.set(name, value);
  }
  return await goTo(visit, asked.size > 0 ? `${path}?${asked}#${to}` : path);
};

/** Where somebody was who acts: in the open tree, or among the accounts. */
async function refuse(visit: MemberVisit, username: string, errors: FieldError[]) {
  const all = ticked(visit, "everybody");
  const typed = {
    sent: all ? "all" : (visit.request.routeOptions.url?.split("/").at(-1) ?? ""),
    reason: field(visit, "reason"),
    branch: ticked(visit, "branch"),
    what: field(visit, "what"),
    inviter: field(visit, "inviter"),
    count: field(visit, "count"),
  };
  const asked = { person: username, form: typed, errors };
  // The form for everybody stands among the accounts only.
  if (openFor(visit) > 0 && !all) return await treePage(visit, asked);
  return await accountsPage(visit, asked);
}

async function backTo(visit: MemberVisit, username: string, key: string, vars: Record<string, string | number>) {
  const page = openFor(visit) > 0 ? "tree" : "accounts";
  const to = username ? `/admin/${page}?person=${encodeURIComponent(username)}#person` : `/admin/${page}`;
  return await goTo(visit, to, { kind: "good", key, vars });
}

async function afterAct(visit: MemberVisit, outcome: ActOutcome, username: string, kind: string) {
  switch (outcome.outcome) {
    case "done":
      return await backTo(visit, username, `flash.act.${kind}`, { name: username, count: Math.max(1, outcome.count) });
    case "nothing":
      return await refuse(visit, username, [{ field: "person", key: "problem.admin.nothing" }]);
    case "not-whole":
      return await refuse(visit, username, [{ field: "person", key: "problem.admin.notWhole" }]);
    case "not-admin":
      return await notFound(visit);
  }
}

type Subjects = { root: AccountRow; username: string; ids: string[] };

/** Whom a form is about: one account, or with `branch` all who came by it. Answers itself if that can't be told. */
async function subjectsOf(visit: MemberVisit): Promise<Subjects | { answer: unknown }> {
  const typed = field(visit, "username").trim();
  if (typed === "") return { answer: await refuse(visit, "", [{ field: "q", key: "problem.username.missing" }]) };
  const branch = ticked(visit, "branch");
  // Which of a branch was named is sealed to the review key.
  const root = await accountOf(visit, typed, branch ? accountNamedUnseen : accountNamed);
  if (!root) {
    const error = { field: "q", key: "problem.admin.unknown", vars: { name: typed.slice(0, 80) } };
    return { answer: await refuse(visit, "", [error]) };
  }
  const username = labelOf(visit.context, root);
  if (!branch) return { root, username, ids: [root.id] };
  const open = await openTree(visit);
  if (!open || !("tree" in open.reading)) {
    return { answer: await goTo(visit, "/admin/tree", { kind: "wait", key: "flash.tree-first" }) };
  }
  const { tree } = open.reading;
  if (!(await isWhole(visit.context, tree))) {
    return { answer: await refuse(visit, username, [{ field: "person", key: "problem.admin.notWhole" }]) };
  }
  const node = tree.byId(root.id);
  const ids = node ? [...tree.branch(node)].map(({ id }) => id) : [root.id];
  return { root, username, ids };
}

/** Does something to members; where one of them was an admin until then, a new review key is made. */
async function renewingAfter<Outcome>(
  { context, session }: MemberVisit,
  act: () => Promise<Outcome>,
): Promise<Outcome> {
  const before = await presentAdmins(context);
  const outcome = await act();
  const stayed = new Set((await presentAdmins(context)).map(({ id }) => id));
  if (before.some(({ id }) => !stayed.has(id))) await renewAfterRole(context, session, true);
  return outcome;
}

/** Where the reason is typed on the page. */
const FORMS: Record<SimpleAct, string> = {
  suspended: "suspend",
  reinstated: "reinstate",
  "frozen-inviting": "freeze",
  "unfrozen-inviting": "unfreeze-inviting",
  "frozen-sign-in": "freeze",
  "unfrozen-sign-in": "unfreeze-sign-in",
};

/** Suspending, reinstating, freezing and unfreezing: one person, or the branch below. */
function simpleAct(kindOf: (visit: MemberVisit) => SimpleAct | undefined, needsReason: boolean): Handler {
  return async (visit) => {
    const subjects = await subjectsOf(visit);
    if ("answer" in subjects) return subjects.answer;
    const { root, username, ids } = subjects;
    const { account } = visit.session;
    const kind = kindOf(visit);
    if (!kind) return await refuse(visit, username, [{ form: "freeze", field: "inviting", key: "problem.admin.what" }]);
    const letsIn = kind === "reinstated" || kind === "unfrozen-sign-in";
    // Who is an admin again is sealed the key again by whoever once confirmed it.
    if (letsIn && root.role !== "member" && !typedLately(visit)) return await passwordFirst(visit);
    const form = FORMS[kind];
    if (ids.includes(account.id)) {
      // On the own panel there is no such form, and what lets in again needs no reason.
      const at = root.id === account.id || !needsReason ? { field: "person" } : { form, field: "reason" };
      return await refuse(visit, username, [{ ...at, key: "problem.admin.self" }]);
    }
    const reason = oneLine(field(visit, "reason"));
    if (needsReason && reason === "") {
      return await refuse(visit, username, [{ form, field: "reason", key: "problem.admin.reason" }]);
    }
    if (jsonBytes(reason) > REASON_BYTES) {
      return await refuse(visit, username, [{ form, field: "reason", key: "problem.admin.reasonLong" }]);
    }
    const act = () => actOn(visit.context, account.id, kind, root.id, ids, reason);
    return await afterAct(visit, await renewingAfter(visit, act), username, kind);
  };
}

/** `POST /admin/accounts/suspend` */
export const suspend = simpleAct(() => "suspended", true);
/** `POST /admin/accounts/reinstate` */
export const reinstate = simpleAct(() => "reinstated", false);

function frozenWhat(visit: MemberVisit) {
  const what = field(visit, "what");
  return what === "inviting" || what === "sign-in" ? what : undefined;
}

/** `POST /admin/accounts/freeze` */
export const freeze = simpleAct((visit) => {
  const what = frozenWhat(visit);
  return what && `frozen-${what}`;
}, true);
/** `POST /admin/accounts/unfreeze` */
export const unfreeze = simpleAct((visit) => {
  const what = frozenWhat(visit);
  return what && `unfrozen-${what}`;
}, false);

/** `POST /admin/accounts/invites` */
export async function giveInvites(visit: MemberVisit) {
  const { context, session } = visit;
  const everybody = ticked(visit, "everybody");
  const count = /^\d{1,4}$/.test(field(visit, "count").trim()) ? Number(field(visit, "count")) : 0;
  const wrong: FieldError = { form: "invites", field: "count", key: "problem.admin.count", vars: { max: MAX_INVITES } };
  const good = count >= 1 && count <= MAX_INVITES;
  if (everybody) {
    if (!good) return await refuse(visit, field(visit, "username").trim(), [{ ...wrong, form: "all" }]);
    const outcome = await handOut(context, session.account.id, "everybody", count);
    if (outcome.outcome === "not-admin") return await notFound(visit);
    return await backTo(visit, "", "flash.act.invites-all", { count });
  }
  const subjects = await subjectsOf(visit);
  if ("answer" in subjects) return subjects.answer;
  if (!good) return await refuse(visit, subjects.username, [wrong]);
  const to = { root: subjects.root.id, subjects: subjects.ids };
  const outcome = await handOut(context, session.account.id, to, count);
  return await afterAct(visit, outcome, subjects.username, "invites");
}

/** `POST /admin/accounts/graft` */
export async function moveBranch(visit: MemberVisit) {
  const { context, session } = visit;
  const open = await openTree(visit);
  if (!open || !("tree" in open.reading)) {
    return await goTo(visit, "/admin/tree", { kind: "wait", key: "flash.tree-first" });
  }
  const who = await accountOf(visit, field(visit, "username").trim());
  if (!who) {
    const vars = { name: field(visit, "username").slice(0, 80) };
    return await refuse(visit, "", [{ field: "q", key: "problem.admin.unknown", vars }]);
  }
  const username = labelOf(context, who);
  if (who.id === session.account.id) {
    return await refuse(visit, username, [{ field: "person", key: "problem.admin.self" }]);
  }
  const typed = field(visit, "inviter").trim();
  const wrong = (key: string) =>
    refuse(visit, username, [{ form: "graft", field: "inviter", key, vars: { name: typed.slice(0, 80) } }]);
  const inviter = await accountOf(visit, typed, accountNamedUnseen);
  if (!inviter) return await wrong("problem.admin.unknown");
  const outcome = await graft(context, session.account.id, open.reading.tree, who.id, inviter.id);
  if (outcome.outcome === "loop") return await wrong("problem.admin.loop");
  return await afterAct(visit, outcome, username, "grafted");
}

/** `POST /admin/accounts/role` */
export async function changeRole(visit: MemberVisit) {
  const { context, session } = visit;
  const who = await accountOf(visit, field(visit, "username").trim());
  const role = field(visit, "role");
  if (!who) {
    const vars = { name: field(visit, "username").slice(0, 80) };
    return await refuse(visit, "", [{ field: "q", key: "problem.admin.unknown", vars }]);
  }
  const username = labelOf(context, who);
  if (role !== "admin" && role !== "member") {
    return await refuse(visit, username, [{ field: "person", key: "problem.admin.role" }]);
  }
  const only = (key: string) => refuse(visit, username, [{ field: "q", key }]);
  if (!(await reviewOf(visit))) return await only("problem.admin.notReader");
  if (role === "admin" && !typedLately(visit)) return await passwordFirst(visit);
  if (who.status !== "active" && role === "admin") return await only("problem.admin.suspendedAdmin");
  const outcome = await setRole(context, session.account.id, who.id, role);
  if (outcome.outcome === "last") return await only("problem.admin.last");
  if (outcome.outcome !== "done") return await afterAct(visit, outcome, username, "");
  const key = role === "admin" ? "flash.act.made-admin" : "flash.act.unmade-admin";
  if (who.id === session.account.id) return await goTo(visit, "/", { kind: "good", key: "flash.act.left-admin" });
  await renewAfterRole(context, session, role === "member");
  return await goTo(visit, "/admin/accounts", { kind: "good", key, vars: { name: username } });
}

/** `POST /admin/confirm` */
export async function confirm(visit: MemberVisit) {
  if (!(await reviewOf(visit)))
    return await accountsPage(visit, { errors: [{ field: "q", key: "problem.admin.notReader" }] });
  if (!typedLately(visit)) return await passwordFirst(visit);
  const who = await accountOf(visit, field(visit, "username").trim());
  const username = who ? labelOf(visit.context, who) : field(visit, "username").slice(0, 80);
  const outcome = who
    ? await confirmAdmin(visit.context, visit.session, who.id, field(visit, "fingerprint"))
    : "not-an-admin";
  switch (outcome) {
    case "confirmed":
      return await goTo(visit, "/admin/accounts", {
        kind: "good",
        key: "flash.act.confirmed",
        vars: { name: username },
      });
    case "lost-role":
      return await notFound(visit);
    case "not-a-reader":
      return await accountsPage(visit, { errors: [{ field: "q", key: "problem.admin.notReader" }] });
    case "other-key":
      return await accountsPage(visit, {
        errors: [{ field: "q", key: "problem.admin.otherKey", vars: { name: username } }],
      });
    case "not-an-admin":
      return await accountsPage(visit, {
        errors: [{ field: "q", key: "problem.admin.notAdmin", vars: { name: username } }],
      });
  }
}

/** `GET /admin/log` */
export const showLog = async (visit: MemberVisit) => await logPage(visit);

async function logPage(visit: MemberVisit, errors: FieldError[] = []) {
  const { context } = visit;
  const at = page(visit);
  const stored = await queries.selectActs(context.db, (at - 1) * LINES, LINES + 1);
  const rows = genuineRows(context, "admin_acts", stored.slice(0, LINES));
  const review = openFor(visit) > 0 ? await reviewOf(visit) : undefined;
  const undone = await undoneAmong(
    context,
    context.db,
    rows.map(({ id }) => id),
  );
  const details = new Map(
    review ? await Promise.all(rows.map(async (row) => [row.id, await openDetails(review, row)] as const)) : [],
  );
  const ids = [...details.values()].flatMap((one) => (one ? [one.root, one.to ?? ""] : []));
  const names = await namesOf(context, [...rows.map((row) => row.actor_id), ...ids]);
  const lines = rows.map((row): LogLine => {
    const detail = details.get(row.id);
    return {
      id: row.id,
      by: row.actor_id === OPERATOR ? null : (names.get(row.actor_id) ?? "?"),
      kind: row.kind,
      day: row.day,
      ...(detail && {
        about: {
          name: names.get(detail.root) ?? null,
          count: detail.count,
          invites: detail.invites ?? 0,
          everybody: detail.everybody === true,
          to: detail.to ? (names.get(detail.to) ?? null) : null,
        },
      }),
      undone: undone.has(row.id),
      undo: detail !== undefined && isUndoable(row.kind) && !undone.has(row.id),
    };
  });
  const data = { open: review !== undefined, lines, page: at, more: stored.length > LINES };
  return await show(visit, "admin/log", data, { current: "admin", errors, status: errors.length > 0 ? 422 : 200 });
}

const UNDO_PROBLEMS: Partial<Record<UndoOutcome["outcome"], string>> = {
  last: "problem.admin.last",
  self: "problem.admin.self",
  "not-whole": "problem.admin.notWhole",
};

/** `POST /admin/log/undo` */
export async function undoAct(visit: MemberVisit) {
  const { context, session } = visit;
  const open = await openTree(visit);
  if (!open || !("tree" in open.reading)) {
    return await goTo(visit, "/admin/tree", { kind: "wait", key: "flash.tree-first" });
  }
  const { review } = open;
  const { tree } = open.reading;
  const id = field(visit, "act");
  const known = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
  const outcome = known
    ? await renewingAfter(visit, () => undo(context, session.account.id, review, tree, id))
    : { outcome: "unknown" as const };
  if (outcome.outcome === "not-admin") return await notFound(visit);
  if (outcome.outcome === "done") return await goTo(visit, "/admin/log", { kind: "good", key: "flash.act.undone" });
  const { outcome: why } = outcome;
  return await logPage(visit, [{ field: "log", key: UNDO_PROBLEMS[why] ?? "problem.admin.undo" }]);
}

async function recoveryPage(visit: MemberVisit, errors: FieldError[] = [], asking = false) {
  const { context, session } = visit;
  const once = onceOf(context, session);
  const phrase = typeof once?.phrase === "string" ? once.phrase.split(" ") : null;
  const reader = (await reviewOf(visit)) !== undefined;
  const state = reader ? ((await hasRecovery(context)) ? "set" : "none") : "unconfirmed";
  const ask = phrase && (asking || query(visit, "ask") !== "") ? String(once?.ask).split(" ").map(Number) : null;
  const data = { state, words: phrase, ask } as const;
  return await show(visit, "admin/recovery", data, {
    current: "admin",
    errors,
    status: errors.length > 0 ? 422 : 200,
  });
}

/** `GET /admin/recovery` */
export const showRecovery = async (visit: MemberVisit) => await recoveryPage(visit);

/** Three of the twelve words, to see that they were written down. */
function threePlaces(): string {
  const places = Array.from({ length: 12 }, (_, index) => index + 1);
  return Array.from({ length: 3 }, () => places.splice(randomInt(places.length), 1)[0] as number)
    .sort((a, b) => a - b)
    .join(" ");
}

/** `POST /admin/recovery`: draws a phrase, or checks three of its words and keeps the key that it opens. */
export async function makeRecovery(visit: MemberVisit) {
  const { context, session } = visit;
  if (!(await reviewOf(visit))) return await recoveryPage(visit);
  const once = onceOf(context, session);
  const isChecked = field(visit, "check") !== "";
  if (isChecked && session.payload.once?.phrase !== undefined && once === undefined) {
    return await goTo(visit, "/admin/recovery", { kind: "wait", key: "flash.recovery-late" });
  }
  if (!isChecked || typeof once?.phrase !== "string") {
    if (!(await passwordAgain(visit))) {
      return await recoveryPage(visit, [{ field: "current_password", key: "problem.password.wrong" }]);
    }
    await saveOnce(context, session, { phrase: newRecoveryPhrase(), ask: threePlaces() });
    return await goTo(visit, "/admin/recovery");
  }
  const words = once.phrase.split(" ");
  const asked = String(once.ask).split(" ").map(Number);
  const wrong = asked.filter((place) => field(visit, `word_${place}`).trim().toLowerCase() !== words[place - 1]);
  if (wrong.length > 0) {
    const errors = wrong.map((place) => ({ field: `word_${place}`, key: "problem.admin.word", vars: { place } }));
    return await recoveryPage(visit, errors, true);
  }
  const kept = await keepRecovery(context, session.account, await session.privateKey(), once.phrase);
  if (kept.outcome !== "done") return await recoveryPage(visit);
  await saveSession(context, session, { once: undefined });
  return await goTo(visit, "/admin/recovery", { kind: "good", key: "flash.recovery-kept" });
}
