import { giveSession } from "../accounts/page-data.js";
import { onceOf, saveOnce, saveSession } from "../accounts/sessions.js";
import { labelOf } from "../accounts/username.js";
import { suggestPassphrase } from "../protocol/words.js";
import { readAlike } from "../trust/alike.js";
import { clientFamily } from "../web/client.js";
import { memberSubject } from "../web/limits.js";
import { leaveNote, type Note, takeNote } from "../web/note.js";
import type { FieldError, FreshLetter, Letter } from "../web/pages.js";
import { passwordProblem } from "../web/problems.js";
import { asksSuggestion, field, goTo, type MemberVisit, originOf, show, ticked, type Visit } from "../web/visit.js";
import { letterId, letterLink, revokeInvite, type WriteOutcome, writeInvite } from "./letters.js";
import { findLetter, type GoodLetter, type RedeemOutcome, redeem } from "./redeem.js";

const letterOf = (visit: Visit) => (visit.request.params as { letter: string }).letter;

async function redeemPage(
  visit: Visit,
  good: GoodLetter,
  form: { username: string; trustInviter: boolean },
  errors: FieldError[] = [],
) {
  const data = {
    letter: letterOf(visit),
    kind: good.kind,
    inviter: good.inviter ? labelOf(visit.context, good.inviter) : null,
    expires: good.expires,
    passwordMin: visit.context.config.passwordMin,
    form,
    suggestion: asksSuggestion(visit) ? suggestPassphrase() : null,
  };
  return await show(visit, "invites/redeem", data, {
    errors,
    status: errors.length > 0 ? 422 : 200,
    domain: good.domain,
  });
}

async function deadLetter(visit: Visit) {
  return await show(visit, "invites/dead", {}, { status: 404 });
}

/** `GET /invite/:letter`: never redeems, since messengers fetch previews. */
export async function showLetter(visit: Visit) {
  return await look(visit, { username: "", trustInviter: true });
}

async function look(visit: Visit, form: { username: string; trustInviter: boolean }) {
  const good = await visit.limits.during(
    "invite",
    `client ${visit.client}`,
    () => findLetter(visit.context, letterOf(visit)),
    (came) => came === undefined,
  );
  if (!good) return await deadLetter(visit);
  return await redeemPage(visit, good, form);
}

/** One good letter is not to tell of any number of names whose they are; "too busy" tells that one is free. */
function tellsOrLeadsNowhere(came: RedeemOutcome | "broke"): boolean {
  return came === "broke" || came.outcome === "dead" || (came.outcome === "fault" && came.username === "taken");
}

/** `POST /invite/:letter`; with `suggest` it only suggests a passphrase. */
export async function join(visit: Visit) {
  const { context } = visit;
  const typed = { username: field(visit, "username").trim(), trustInviter: ticked(visit, "trust_inviter") };
  if (asksSuggestion(visit)) return await look(visit, typed);
  const redeeming = {
    ...typed,
    password: field(visit, "password"),
    language: visit.lang,
    client: clientFamily(visit.request.headers["user-agent"]),
  };
  const outcome = await visit.limits.during(
    "invite",
    `client ${visit.client}`,
    () => redeem(context, letterOf(visit), redeeming),
    tellsOrLeadsNowhere,
  );
  if (outcome.outcome === "dead") return await deadLetter(visit);
  if (outcome.outcome === "fault") {
    const errors: FieldError[] = [];
    if (outcome.username) errors.push({ field: "username", key: `problem.username.${outcome.username}` });
    if (outcome.password) errors.push(passwordProblem(outcome.password));
    return await redeemPage(visit, outcome.good, typed, errors);
  }
  await giveSession(visit, outcome.cookie);
  const session = await visit.openSession(outcome.cookie);
  if (session) await saveOnce(context, session, { welcome: outcome.trusts ?? "" });
  return await goTo({ ...visit, session }, "/welcome", {
    kind: "good",
    key: "flash.joined",
    vars: { username: outcome.username },
  });
}

/** `GET /welcome`: the one screen after joining. */
export async function showWelcome(visit: MemberVisit) {
  const once = onceOf(visit.context, visit.session);
  if (once?.welcome === undefined) return await goTo(visit, "/");
  await saveSession(visit.context, visit.session, { once: undefined });
  const inviter = String(once.welcome) || null;
  return await show(visit, "accounts/welcome", { inviter, slots: visit.context.config.trustSlots });
}

async function letters(
  visit: MemberVisit,
  options: { errors?: FieldError[]; typed?: string; fresh?: FreshLetter; note?: Note } = {},
) {
  const { record } = await readAlike(visit.context, visit.session);
  const open: Letter[] = record.openLetters.map((letter) => ({
    id: letterId(letter),
    note: letter.note,
    state: "open" as const,
    expires: letter.expires,
  }));
  const past: Letter[] = record.pastLetters.map((letter) => {
    const { note, outcome, month, name } = letter;
    if (outcome === "used") return { id: "", note, state: "came" as const, month, username: name || null };
    return outcome === "expired"
      ? { id: "", note, state: "expired" as const, expires: month }
      : { id: "", note, state: outcome };
  });
  const data = {
    left: record.invitesLeft,
    fresh: options.fresh ?? null,
    letters: [...open.reverse(), ...past.reverse()],
    form: { note: options.typed ?? "" },
  };
  const errors = options.errors ?? [];
  return await show(visit, "invites/list", data, {
    current: "invites",
    errors,
    status: errors.length > 0 ? 422 : 200,
    inStep: options.fresh ? "always" : "after-form",
    ...(options.note && { note: options.note }),
  });
}

/** The letter that was just written, as far as the browser still brings it along. */
function freshLetter(visit: MemberVisit, { once }: Note): FreshLetter | undefined {
  if (once?.letter === undefined) return undefined;
  const link = letterLink(originOf(visit.context.config, visit.request), String(once.letter));
  return { link, note: String(once.note), expires: String(once.expires) };
}

/** `GET /invites` */
export async function showInvites(visit: MemberVisit) {
  const note = takeNote(visit, visit.session);
  const fresh = freshLetter(visit, note);
  if (!fresh || note.once?.shown !== undefined) return await letters(visit);
  // The link is shown here this once; the card, which is one click away, can still be printed after it.
  return await letters(visit, { fresh, note: { once: { ...note.once, shown: 1 } } });
}

/** `GET /invites/card`: the letter just written, on paper. */
export async function showLetterCard(visit: MemberVisit) {
  const note = takeNote(visit, visit.session);
  const fresh = freshLetter(visit, note);
  // Not sent elsewhere: no other page that is told as this one answers so.
  if (!fresh) return await letters(visit);
  await readAlike(visit.context, visit.session);
  return await show(visit, "invites/card", fresh, { current: "invites", note });
}

function problemOf(outcome: Exclude<WriteOutcome, { outcome: "written" }>): FieldError {
  const at = { field: "note" };
  switch (outcome.outcome) {
    case "none-left":
      return { ...at, key: "problem.invites.none" };
    case "too-many-open":
      return { ...at, key: "problem.invites.open", vars: { count: outcome.count } };
    case "no-room":
      return { ...at, key: "problem.room" };
    case "note-too-long":
      return { ...at, key: "problem.invites.note" };
    case "note-no-line":
      return { ...at, key: "problem.invites.noteLine" };
    case "too-young":
      return { ...at, key: "problem.invites.young", vars: { count: outcome.days } };
    case "frozen":
      return { ...at, key: "problem.invites.frozen" };
  }
}

/** `POST /invites`: the link is shown once, on the page that follows. Counted as a change of the list is. */
export async function write(visit: MemberVisit) {
  const { context, session } = visit;
  const typed = field(visit, "note");
  await visit.limits.take("trust", memberSubject(session));
  const outcome = await writeInvite(context, session, typed);
  if (outcome.outcome !== "written") return await letters(visit, { typed, errors: [problemOf(outcome)] });
  const { letter, note, expires } = outcome;
  leaveNote(visit, session, { once: { letter, note, expires } });
  return await goTo(visit, "/invites");
}

/** `POST /invites/revoke` */
export async function revoke(visit: MemberVisit) {
  await visit.limits.take("trust", memberSubject(visit.session));
  const outcome = await revokeInvite(visit.context, visit.session, field(visit, "invite"));
  const isDead = outcome === "revoked";
  // Always with a sentence: the page after it is in step then, whatever had become of the letter.
  const flash = { kind: isDead ? "good" : "wait", key: isDead ? "flash.letter-revoked" : "flash.letter-over" } as const;
  return await goTo(visit, "/invites", flash);
}
