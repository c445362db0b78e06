import { onceOf, saveOnce, saveSession } from "../accounts/sessions.js";
import { addDays, dayOf } from "../days.js";
import { suggestPassphrase } from "../protocol/words.js";
import { memberSubject } from "../web/limits.js";
import { leaveNote, takeNote } from "../web/note.js";
import type { FieldError } from "../web/pages.js";
import { passwordProblem } from "../web/problems.js";
import { asksSuggestion, field, goTo, type MemberVisit, originOf, show, ticked, type Visit } from "../web/visit.js";
import { resetAlarm } from "./alarm.js";
import { choosePassword, findHandover, type Handover } from "./handover.js";
import { approve, type HelpOutcome, help } from "./help.js";
import { stopResets } from "./stop.js";

/** `GET /reset`: "I forgot my password". */
export async function showHow(visit: Visit) {
  return await show(visit, "resets/how", {});
}

/** `GET /help` */
export async function showHelp(visit: MemberVisit) {
  return await show(visit, "resets/help", { form: { username: "" } }, { current: "help" });
}

/**
 * `POST /help`
 *
 * Limits count what leads nowhere, and cases opened, since each is told by mail and to the admins, for the member who
 * asks; what they say is the same for every name.
 */
export async function askToHelp(visit: MemberVisit) {
  const { context, session } = visit;
  const username = field(visit, "username").trim();
  if (username === "") {
    const errors = [{ field: "username", key: "problem.username.missing" }];
    return await show(visit, "resets/help", { form: { username } }, { current: "help", status: 422, errors });
  }
  const outcome = await visit.limits.during(
    "help",
    memberSubject(session),
    () => help(context, session, username, ticked(visit, "again")),
    (came) => came === "broke" || came.outcome === "none" || hasOpened(came),
  );
  return await showHelpOutcome(visit, outcome);
}

function hasOpened(outcome: HelpOutcome): boolean {
  return outcome.outcome === "opened" || (outcome.outcome === "compare" && outcome.fresh !== undefined);
}

function linkFor(visit: Visit, secret: string): string {
  return new URL(`/handover/${secret}`, originOf(visit.context.config, visit.request)).href;
}

async function showHelpOutcome(visit: MemberVisit, outcome: HelpOutcome) {
  const current = "help" as const;
  switch (outcome.outcome) {
    case "none":
      return await show(visit, "resets/help-nothing", {}, { current });
    case "opened": {
      const { username, expiryDay: expires, rules } = outcome;
      const { threshold, waitDays } = rules;
      const link = linkFor(visit, outcome.link);
      return await show(visit, "resets/help-handover", { username, link, expires, threshold, waitDays }, { current });
    }
    case "nothing-chosen": {
      const { username, expiryDay: expires, rules } = outcome;
      const { threshold, waitDays } = rules;
      return await show(visit, "resets/help-waiting", { username, expires, threshold, waitDays }, { current });
    }
    case "compare": {
      const { username, rules } = outcome;
      const cases = outcome.cases
        .map((row) => ({
          id: row.id,
          words: row.words,
          chosen: row.choiceDay,
          agreed: row.agreed,
          threshold: rules.threshold,
          waitDays: row.waitDays,
          lostSecondStep: row.lostSecondStep,
          approved: row.approvedByMe,
        }))
        .sort((a, b) => (a.chosen < b.chosen ? -1 : a.chosen > b.chosen ? 1 : a.id < b.id ? -1 : 1));
      const fresh = outcome.fresh
        ? { link: linkFor(visit, outcome.fresh.link), expires: outcome.fresh.expiryDay }
        : null;
      return await show(visit, "resets/help-compare", { username, cases, fresh }, { current });
    }
  }
}

/** `POST /help/approve`: "they match". */
export async function agree(visit: MemberVisit) {
  const { context, session } = visit;
  const username = field(visit, "username").trim();
  const outcome = await visit.limits.during(
    "help",
    memberSubject(session),
    () => approve(context, session, username, field(visit, "case")),
    (came) => came === "broke" || came.outcome !== "agreed",
  );
  if (outcome.outcome === "none") return await show(visit, "resets/help-nothing", {}, { current: "help" });
  if (outcome.outcome === "ended") {
    const errors = [{ field: "username", key: "problem.help.case" }];
    return await show(visit, "resets/help", { form: { username } }, { current: "help", status: 422, errors });
  }
  const { agreed, threshold, chosen, earliest, waitDays } = outcome;
  const once = { username: outcome.username, agreed, threshold, chosen, earliest, waitDays };
  leaveNote(visit, session, { once });
  return await goTo(visit, "/help/agreed");
}

/** `GET /help/agreed`: once, right after agreeing; nothing of it stays. */
export async function showAgreed(visit: MemberVisit) {
  const { once } = takeNote(visit, visit.session);
  if (!once?.chosen) return await goTo(visit, "/help");
  const data = {
    username: String(once.username),
    agreed: Number(once.agreed),
    threshold: Number(once.threshold),
    chosen: String(once.chosen),
    earliest: String(once.earliest),
    waitDays: Number(once.waitDays),
  };
  return await show(visit, "resets/help-agreed", data, { current: "help" });
}

/** `GET /admin/cases`: numbers only. For admins; to others it is not there. */
export async function showAlarm(visit: MemberVisit) {
  return await show(visit, "admin/cases", await resetAlarm(visit.context), { current: "admin" });
}

async function handoverPage(visit: Visit, secret: string, handover: Handover, errors: FieldError[] = []) {
  const { rules } = handover;
  const data = {
    username: handover.username,
    name: handover.name,
    secret,
    passwordMin: visit.context.config.passwordMin,
    threshold: rules.threshold,
    waitDays: rules.waitDays,
    earliest: addDays(dayOf(visit.context.clock()), rules.waitDays),
    form: { lostSecondStep: ticked(visit, "lost_second_step") },
    suggestion: asksSuggestion(visit) ? suggestPassphrase() : null,
  };
  return await show(visit, "resets/handover", data, { errors, status: errors.length > 0 ? 422 : 200 });
}

async function deadLink(visit: Visit) {
  return await show(visit, "resets/dead", {}, { status: 404 });
}

const secretOf = (visit: Visit) => (visit.request.params as { secret: string }).secret;

/** `GET /handover/:secret`: never changes anything, since messengers fetch previews. */
export async function showHandover(visit: Visit) {
  const handover = await visit.limits.during(
    "handover",
    `client ${visit.client}`,
    () => findHandover(visit.context, secretOf(visit)),
    (came) => came === undefined,
  );
  if (!handover) return await deadLink(visit);
  return await handoverPage(visit, secretOf(visit), handover);
}

/** `POST /handover/:secret`; with `suggest` it only suggests a passphrase. */
export async function choose(visit: Visit) {
  if (asksSuggestion(visit)) return await showHandover(visit);
  const secret = secretOf(visit);
  const outcome = await visit.limits.during(
    "handover",
    `client ${visit.client}`,
    () => choosePassword(visit.context, secret, field(visit, "password"), ticked(visit, "lost_second_step")),
    (came) => came !== "broke" && came.outcome === "dead",
  );
  if (outcome.outcome === "dead") return await deadLink(visit);
  if (outcome.outcome === "fault") {
    return await handoverPage(visit, secret, outcome.handover, [passwordProblem(outcome.fault)]);
  }
  const { username, words, rules, earliest, waitDays } = outcome;
  const chosen = dayOf(visit.context.clock());
  const { threshold } = rules;
  return await show(visit, "resets/handover-done", {
    username,
    words,
    agreed: 0,
    threshold,
    chosen,
    earliest,
    waitDays,
  });
}

/** `POST /resets/stop`: from a session that is still open. */
export async function stop(visit: MemberVisit) {
  const { count, agreed } = await stopResets(visit.context, visit.session);
  await saveOnce(visit.context, visit.session, { stopped: count, agreed: agreed.join(" ") });
  return await goTo(visit, "/resets/stopped");
}

/** `GET /resets/stopped`: once, right after stopping: who had agreed. */
export async function showStopped(visit: MemberVisit) {
  const once = onceOf(visit.context, visit.session);
  if (once?.stopped === undefined) return await goTo(visit, "/");
  await saveSession(visit.context, visit.session, { once: undefined });
  const agreed = String(once.agreed).split(" ").filter(Boolean);
  return await show(visit, "resets/stopped", { count: Number(once.stopped), agreed });
}
