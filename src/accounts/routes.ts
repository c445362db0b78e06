import { putBackOn } from "../anchor.js";
import type { Language } from "../config.js";
import { isMailed } from "../mail/deliver.js";
import { toBase64url, utf8 } from "../protocol/bytes.js";
import { openColumn, sealColumn } from "../protocol/column.js";
import { suggestPassphrase } from "../protocol/words.js";
import { actsOnOwnAccount } from "../review/events.js";
import { fingerprintText, lastOpening } from "../review/page-data.js";
import { hasControls } from "../text.js";
import { peopleFor, rulesFor } from "../trust/page-data.js";
import { clientFamily } from "../web/client.js";
import { clearCookie, readCookie } from "../web/cookies.js";
import { LANGUAGES } from "../web/i18n.js";
import { memberSubject, secondStepSubject, TooManyError } from "../web/limits.js";
import type { Flash } from "../web/note.js";
import type { FieldError, Tile } from "../web/pages.js";
import { passwordProblem } from "../web/problems.js";
import { field, goTo, type MemberVisit, query, sameSitePath, show, type Visit } from "../web/visit.js";
import { nameOf } from "./account.js";
import { changePassword, endListedSession, endOtherSessions, listedId, takeEnding } from "./change-password.js";
import { tellMember } from "./notices.js";
import { activityOf, giveSession, goOnWith, passwordAgain, readLanding } from "./page-data.js";
import {
  makeRecoveryCodes,
  newSecondStep,
  newTotpSecret,
  sealSecondStep,
  secondStepOf,
  totpUri,
  useCode,
} from "./second-step.js";
import { leaveSession, onceOf, saveOnce, saveSession, stillOpen } from "./sessions.js";
import { confirmCode, type SignInOutcome, signIn } from "./sign-in.js";
import { noteEvent, openOwnState } from "./state.js";
import { changeColumns } from "./suspend.js";
import { noteShown } from "./told.js";

const RECOVERY_CODES = 8;

/** `GET /` */
export async function home(visit: Visit) {
  if (visit.session) return await homeOf(visit as MemberVisit);
  return await signInPage(visit, "");
}

async function homeOf(visit: MemberVisit) {
  const { context, session } = visit;
  const { state, openSessions, treeOpened, needs, since } = await readLanding(context, session);
  const { record, account } = state;
  const putBack = putBackOn(context);
  noteShown(context, account.id, [...record.told, ...since]);
  const told = (kind: string) => record.told.filter((event) => event.kind === kind);
  const isTold = (kind: string) => [...record.told, ...since].some((event) => event.kind === kind);
  const stopped = told("reset-stopped");
  const tiles: Tile[] = [
    { kind: "invites", left: record.invitesLeft },
    { kind: "help" },
    {
      kind: "security",
      secondStep: secondStepOf(context, account) !== undefined,
      sessions: openSessions.length,
    },
    { kind: "account", contact: openColumn(context.secret, "contact", account.id, account.contact) || null },
  ];
  const data = {
    people: await peopleFor(context, state.trusted, record.told),
    rules: rulesFor(record.rules),
    slots: context.config.trustSlots,
    stopped:
      stopped.length > 0
        ? {
            agreed: [...new Set(stopped.flatMap((event) => String(event.values?.agreed).split(" ").filter(Boolean)))],
            byChange: stopped.every((event) => event.values?.by === "change"),
          }
        : null,
    departed: told("person-gone").length,
    reminder: told("list-reminder").length > 0,
    afterReset: state.trusted.length === 0 && record.events.some((event) => event.kind === "reset-completed"),
    lastSignIn: record.previousSignIn ?? null,
    listChanged: record.lastListChange,
    tiles,
    treeOpened,
    events: [
      ...(putBack ? [{ key: "event.put-back", vars: { day: putBack } }] : []),
      ...told("slots-damaged").map(() => ({ key: "event.row-refused" })),
      ...told("person-mended").map(() => ({ key: "event.person-mended" })),
      ...told("letter-used")
        .filter((event) => event.values?.username)
        .map((event) => ({ key: "event.letter-used", vars: { username: String(event.values?.username) } })),
      ...told("letter-unreadable").map(() => ({ key: "event.letter-unreadable" })),
      ...(isTold("reset-ended") ? [{ key: "event.reset-ended" }] : []),
      ...told("key-kept-off").map(() => ({ key: "event.key-kept-off" })),
      ...told("letters-granted").map((event) => ({
        key: "event.letters-granted",
        vars: { count: Number(event.values?.count) },
      })),
      ...["reinstated", "made-admin", "unmade-admin"].filter(isTold).map((kind) => ({ key: `event.${kind}` })),
      ...(account.role === "reset-admin" ? [{ key: "event.admin-unconfirmed" }] : []),
      ...needs,
    ],
  };
  return await show(visit, "accounts/home", data, { current: "home", inStep: "always" });
}

async function signInPage(visit: Visit, username: string, errors: FieldError[] = []) {
  const next = sameSitePath(query(visit, "next")) ?? null;
  return await show(
    visit,
    "accounts/sign-in",
    { form: { username }, next, lost: query(visit, "lost") !== "" },
    {
      errors,
      status: errors.length > 0 ? 422 : 200,
    },
  );
}

/** `GET /sign-in` */
export async function showSignIn(visit: Visit) {
  if (visit.session) return await goTo(visit, "/");
  return await signInPage(visit, "");
}

/** `POST /sign-in` */
export async function postSignIn(visit: Visit) {
  const { context } = visit;
  const username = field(visit, "username").trim();
  const password = field(visit, "password");
  const missing: FieldError[] = [];
  if (username === "") missing.push({ field: "username", key: "problem.username.missing" });
  if (password === "") missing.push({ field: "password", key: "problem.password.missing" });
  if (missing.length > 0) return await signInPage(visit, username, missing);
  // Counted beforehand, so that many guesses at once don't all slip through; given back unless it was a wrong guess.
  const subjects = [`client ${visit.client}`, `client ${visit.client} on ${username.toLowerCase()}`];
  let givenBack: Promise<void> | undefined;
  const giveBack = () => {
    givenBack ??= visit.limits.giveBack("sign-in", ...subjects);
    givenBack.catch(() => undefined);
  };
  const client = clientFamily(visit.request.headers["user-agent"]);
  const admitted = visit.limits.take("sign-in", ...subjects);
  const outcome = await signIn(context, { username, password, client }, { admitted, onRight: giveBack }).catch(
    async (error: unknown) => {
      if (!(error instanceof TooManyError)) giveBack();
      await givenBack?.catch(() => undefined);
      throw error;
    },
  );
  await givenBack;
  return await answerSignIn(visit, outcome, () =>
    signInPage(visit, username, [{ field: "username", key: "problem.signIn" }]),
  );
}

async function answerSignIn(visit: Visit, outcome: SignInOutcome, wrong: () => Promise<unknown>): Promise<unknown> {
  switch (outcome.outcome) {
    case "wrong":
      return await wrong();
    case "suspended":
      return await show(
        { ...visit, session: undefined },
        "accounts/suspended",
        { kind: "suspended", reason: outcome.reason ?? null },
        { status: 403 },
      );
    case "frozen":
      return await show(
        { ...visit, session: undefined },
        "accounts/suspended",
        { kind: "frozen", reason: null },
        { status: 403 },
      );
    case "waiting": {
      const { words, agreed, threshold, choiceDay: chosen, earliest, daysLeft } = outcome.standing;
      const data = { username: outcome.username, words, agreed, threshold, chosen, earliest, daysLeft };
      return await show({ ...visit, session: undefined }, "accounts/sign-in-waiting", data);
    }
    case "code-needed": {
      await giveSession(visit, outcome.cookie);
      const next = sameSitePath(query(visit, "next"));
      return await goTo(visit, `/sign-in/code${next ? `?next=${encodeURIComponent(next)}` : ""}`);
    }
    case "signed-in": {
      await giveSession(visit, outcome.cookie);
      if (outcome.reset !== "no") {
        const session = await visit.openSession(outcome.cookie);
        const { username } = outcome.account;
        const key = outcome.reset === "kept-key" ? "flash.back-in-kept" : "flash.back-in";
        const off = outcome.secondStepOff ? "-no-code" : "";
        return await goTo({ ...visit, session }, "/", { kind: "good", key: `${key}${off}`, vars: { username } });
      }
      // Where somebody wanted to go comes first: else the log would tell that the question about a new key came instead.
      const next = sameSitePath(query(visit, "next"));
      return await goTo(visit, next && !next.startsWith("/sign-in") ? next : outcome.held ? "/trust/confirm" : "/");
    }
  }
}

/** `GET /sign-in/code` */
export async function showCode(visit: Visit, errors: FieldError[] = []) {
  if (visit.anySession?.payload.stage !== "code") return await goTo(visit, "/sign-in");
  const next = sameSitePath(query(visit, "next")) ?? null;
  return await show(visit, "accounts/sign-in-code", { next }, { errors, status: errors.length > 0 ? 422 : 200 });
}

/** `POST /sign-in/code` */
export async function postCode(visit: Visit) {
  const half = visit.anySession;
  if (half?.payload.stage !== "code") return await goTo(visit, "/sign-in");
  const code = field(visit, "code").trim();
  if (code === "") return await showCode(visit, [{ field: "code", key: "problem.code.missing" }]);
  const [client, member] = [`client ${visit.client}`, secondStepSubject(visit.context, half)];
  await visit.limits.take("sign-in", client);
  // Whoever comes here has the password, and may come from any number of addresses.
  const isLast = await visit.limits.take("code", member).catch(async (error: unknown) => {
    // Nothing was tried.
    await visit.limits.giveBack("sign-in", client);
    throw error;
  });
  const outcome = await confirmCode(visit.context, half, code);
  if (outcome.outcome === "wrong") {
    if (isLast) tellMember(visit.context, half.account, "codes-wrong");
  } else {
    await Promise.all([visit.limits.giveBack("sign-in", client), visit.limits.giveBack("code", member)]);
  }
  if (outcome.outcome === "over") {
    await leaveSession(visit.context, half.cookie);
    return await goTo(visit, "/sign-in");
  }
  return await answerSignIn(visit, outcome, () =>
    showCode(visit, [{ field: "code", key: "problem.code.wrongAtSignIn" }]),
  );
}

/** `POST /sign-out` */
export async function signOut(visit: Visit) {
  await leaveSession(visit.context, readCookie(visit.context.config, visit.request, "session"));
  for (const name of ["session", "visit"] as const) clearCookie(visit.context.config, visit.reply, name);
  // Nor in the browser's memory of pages, for whoever presses "back" (browsers heed it on secure connections).
  visit.reply.header("Clear-Site-Data", '"cache"');
  return await goTo({ ...visit, session: undefined }, "/sign-in");
}

async function securityPage(visit: MemberVisit, errors: FieldError[] = []) {
  const { context, session } = visit;
  const state = await openOwnState(context, session);
  const step = secondStepOf(context, state.account);
  const own = toBase64url(session.id);
  const data = {
    passwordMin: context.config.passwordMin,
    suggestion: query(visit, "suggest") ? suggestPassphrase() : null,
    secondStep: step
      ? { state: "on" as const, since: step.since, codesLeft: step.recovery.length, codesTotal: RECOVERY_CODES }
      : { state: "off" as const },
    services: null,
    sessions: (await stillOpen(context, session, state.record.sessions)).reverse().map((listed) => {
      const [browser = "unknown", device] = listed.client.split(" ");
      return {
        id: listedId(listed.id),
        browser: browser === "unknown" ? null : browser,
        phone: device === "phone",
        since: listed.since,
        current: listed.id === own,
      };
    }),
    activity: activityOf(state.record.events),
  };
  return await show(visit, "accounts/security", data, {
    current: "security",
    errors,
    status: errors.length > 0 ? 422 : 200,
  });
}

/** `GET /security` */
export async function showSecurity(visit: MemberVisit) {
  return await securityPage(visit);
}

/** `POST /security/password` */
export async function postPassword(visit: MemberVisit) {
  const { context, session } = visit;
  const outcome = await visit.limits.during(
    "sign-in",
    memberSubject(session),
    () => changePassword(context, session, field(visit, "current_password"), field(visit, "password")),
    // A change is told by mail.
    (came) => came !== "broke" && (came.outcome === "wrong-password" || came.outcome === "changed"),
  );
  const refuse = (error: FieldError) => securityPage(visit, [error]);
  switch (outcome.outcome) {
    case "wrong-password":
      return await refuse({ form: "password", field: "current_password", key: "problem.password.wrong" });
    case "same":
      return await refuse({ form: "password", field: "password", key: "problem.password.same" });
    case "fault":
      return await refuse(passwordProblem(outcome.fault, "password"));
    case "changed":
      return await goOnWith(visit, outcome.cookie, "/security", { kind: "good", key: "flash.password-changed" });
  }
}

const QUARTER_HOUR_SECONDS = 15 * 60;

/** `POST /security/sessions/end` */
export async function postEndSessions(visit: MemberVisit) {
  if (!(await takeEnding(visit.context, visit.session))) throw new TooManyError(QUARTER_HOUR_SECONDS);
  if (field(visit, "all") !== "") {
    const cookie = await endOtherSessions(visit.context, visit.session);
    return await goOnWith(visit, cookie, "/security", { kind: "good", key: "flash.sessions-ended" });
  }
  const ended = await endListedSession(visit.context, visit.session, field(visit, "session"));
  return await goTo(visit, "/security", ended ? { kind: "good", key: "flash.session-ended" } : undefined);
}

/** `POST /security/totp`: begins to set up the second step; where it is on, makes new recovery codes. */
export async function postTotp(visit: MemberVisit) {
  const { context, session } = visit;
  if (!(await passwordAgain(visit, true))) {
    return await securityPage(visit, [{ form: "totp", field: "current_password", key: "problem.password.wrong" }]);
  }
  const step = secondStepOf(context, session.account);
  if (!step) {
    await saveOnce(context, session, { totpSecret: newTotpSecret() });
    return await goTo(visit, "/security/totp");
  }
  const { codes, hashes } = makeRecoveryCodes(session.account.id);
  const stored = await noteEvent(context, session, "recovery-codes", (account) => {
    // A code may have been used since: it stays used.
    const present = secondStepOf(context, account);
    return present && { second_step: sealSecondStep(context, account.id, { ...present, recovery: hashes }) };
  });
  if (!stored) return await goTo(visit, "/security");
  tellMember(context, session.account, "second-step-changed");
  await saveOnce(context, session, { codes: codes.join(" ") });
  return await goTo(visit, "/security/recovery-codes");
}

/** The secret of the second step that is being set up. */
function secretInSetUp({ context, session }: MemberVisit): string | undefined {
  const totpSecret = onceOf(context, session)?.totpSecret;
  return typeof totpSecret === "string" ? totpSecret : undefined;
}

/** What to say to whoever was setting it up and is too late; nothing to who was not. */
function setUpNote({ session }: MemberVisit): Flash | undefined {
  return session.payload.once?.totpSecret === undefined ? undefined : { kind: "wait", key: "flash.totp-late" };
}

/** `GET /security/totp`: the secret for the app, until a first code was typed. */
export async function showTotp(visit: MemberVisit, errors: FieldError[] = []) {
  const secret = secretInSetUp(visit);
  if (!secret) return await goTo(visit, "/security", setUpNote(visit));
  const data = {
    uri: totpUri(secret, nameOf(visit.session.account), visit.context.config.name),
    secret: (secret.match(/.{1,4}/g) ?? []).join(" "),
  };
  const status = errors.length > 0 ? 422 : 200;
  return await show(visit, "accounts/totp-setup", data, { current: "security", errors, status });
}

/** `POST /security/totp/confirm` */
export async function postTotpConfirm(visit: MemberVisit) {
  const { context, session } = visit;
  const secret = secretInSetUp(visit);
  if (!secret) return await goTo(visit, "/security", setUpNote(visit));
  const code = field(visit, "code").trim();
  if (code === "") return await showTotp(visit, [{ field: "code", key: "problem.code.missing" }]);
  const { codes, hashes } = makeRecoveryCodes(session.account.id);
  const step = useCode(context, session.account.id, newSecondStep(context, secret, hashes), code);
  if (!step) return await showTotp(visit, [{ field: "code", key: "problem.code.wrong" }]);
  // One that was turned on from elsewhere meanwhile stays.
  const stored = await noteEvent(context, session, "second-step-on", (account) =>
    secondStepOf(context, account) ? undefined : { second_step: sealSecondStep(context, account.id, step) },
  );
  if (!stored) return await goTo(visit, "/security", setUpNote(visit));
  tellMember(context, session.account, "second-step-changed");
  await saveOnce(context, session, { codes: codes.join(" ") });
  return await goTo(visit, "/security/recovery-codes", { kind: "good", key: "flash.totp-on" });
}

/** `GET /security/recovery-codes`: once. */
export async function showRecoveryCodes(visit: MemberVisit) {
  const codes = onceOf(visit.context, visit.session)?.codes;
  if (typeof codes !== "string") return await goTo(visit, "/security");
  await saveSession(visit.context, visit.session, { once: undefined });
  return await show(visit, "accounts/recovery-codes", { codes: codes.split(" ") }, { current: "security" });
}

/** `POST /security/totp/remove` */
export async function postTotpRemove(visit: MemberVisit) {
  const { context, session } = visit;
  if (!(await passwordAgain(visit, true))) {
    return await securityPage(visit, [{ form: "off", field: "current_password", key: "problem.password.wrong" }]);
  }
  const stored = await noteEvent(
    context,
    session,
    "second-step-off",
    (account) => secondStepOf(context, account) && { second_step: sealSecondStep(context, account.id, undefined) },
  );
  if (stored) tellMember(context, session.account, "second-step-changed");
  return await goTo(visit, "/security", { kind: "good", key: "flash.totp-off" });
}

async function accountPage(visit: MemberVisit, address: string | undefined, errors: FieldError[] = []) {
  const { context, session } = visit;
  const { account } = session;
  const stored = openColumn(context.secret, "contact", account.id, account.contact) ?? "";
  const { record } = await openOwnState(context, session);
  const acts = await actsOnOwnAccount(context, account.id, await session.privateKey(), record);
  const data = {
    language: visit.lang,
    contact: { address: address ?? stored },
    mailed: await isMailed(context, address ?? stored),
    treeOpened: await lastOpening(context),
    acts: acts.map(({ kind, day, by, reason, count }) => ({ kind, day, by, reason, count: count ?? 0 })),
    ownKey: account.role === "member" ? null : fingerprintText(account.fingerprint),
    canExport: false,
    canDelete: false,
  };
  return await show(visit, "accounts/account", data, {
    current: "account",
    errors,
    status: errors.length > 0 ? 422 : 200,
  });
}

/** `GET /account` */
export async function showAccount(visit: MemberVisit) {
  return await accountPage(visit, undefined);
}

/** `POST /account/language` */
export async function postLanguage(visit: MemberVisit) {
  const language = LANGUAGES.find((known) => known === field(visit, "language"));
  if (!language) return await accountPage(visit, undefined, [{ field: "language", key: "problem.language" }]);
  await changeColumns(visit.context, visit.session.account.id, { language });
  return await goTo(visit, "/account", { kind: "good", key: "flash.language-saved" });
}

/** The longest address that mail is carried to, in bytes (RFC 5321, 4.5.3.1.3). */
const ADDRESS_BYTES = 254;

function isAddress(text: string): boolean {
  if (utf8(text).length > ADDRESS_BYTES || hasControls(text)) return false;
  // No address in brackets: a mail server that took it would connect to any machine in its network.
  return /^[^\s@<>,;"]+@[^\s@<>,;"[\]]+\.[^\s@<>,;".[\]]+$/.test(text);
}

/** `POST /account/contact`: where notices go; empty: nowhere. */
export async function postContact(visit: MemberVisit) {
  const { context, session } = visit;
  const address = field(visit, "address").trim();
  const wrong = (key: string) => accountPage(visit, address, [{ field: "address", key }]);
  if (address !== "" && !isAddress(address)) return await wrong("problem.contact.address");
  if (address.toLowerCase() === nameOf(session.account)) return await wrong("problem.contact.own");
  const before = session.account;
  if (address !== openColumn(context.secret, "contact", before.id, before.contact)) {
    // Each one is told by mail, to an address that anybody may have typed.
    await visit.limits.take("contact", memberSubject(session));
    const contact = sealColumn(context.secret, "contact", before.id, address);
    await noteEvent(context, session, "contact-changed", () => ({ contact }));
    // Where notices went so far: whoever holds a stolen session can't turn them away unseen.
    tellMember(context, before, "contact-changed");
  }
  if (address === "") return await goTo(visit, "/account", { kind: "good", key: "flash.contact-removed" });
  const key = (await isMailed(context, address)) ? "flash.contact-saved" : "flash.contact-kept";
  return await goTo(visit, "/account", { kind: "good", key, vars: { address } });
}

export function languageOf(visit: Pick<Visit, "session">): Language | undefined {
  return LANGUAGES.find((known) => known === visit.session?.account.language);
}
