import { goOnWith, readLanding } from "../accounts/page-data.js";
import type { OwnState } from "../accounts/state.js";
import { labelOf, parseName } from "../accounts/username.js";
import { memberSubject } from "../web/limits.js";
import type { FieldError } from "../web/pages.js";
import { field, goTo, type MemberVisit, show, ticked } from "../web/visit.js";
import { readAlike } from "./alike.js";
import { peopleFor, rulesFor } from "./page-data.js";
import { trustSummary } from "./statement.js";
import { addTrusted, confirmTrusted, type RulesFault, removeTrusted, setRules } from "./trust.js";

interface PeopleForm {
  username?: string;
  threshold?: string;
  waitDays?: string;
  keepKey?: boolean;
}

interface Removal {
  username: string;
  left: number;
  below: boolean;
  needsPassword: boolean;
}

async function people(
  visit: MemberVisit,
  options: { errors?: FieldError[]; form?: PeopleForm; removal?: Removal; landed?: OwnState } = {},
) {
  const state = options.landed ?? (await readAlike(visit.context, visit.session));
  const { rules, told } = state.record;
  const data = {
    people: await peopleFor(visit.context, state.trusted, told),
    rules: rulesFor(rules),
    slots: visit.context.config.trustSlots,
    isAdmin: state.account.role !== "member",
    form: {
      username: "",
      threshold: String(rules.threshold),
      waitDays: String(rules.waitDays),
      keepKey: rules.keepsKey,
      ...options.form,
    },
    removal: options.removal ?? null,
  };
  const wrong = options.errors !== undefined || options.removal !== undefined;
  return await show(visit, "trust/people", data, {
    current: "trust",
    status: wrong ? 422 : 200,
    errors: options.errors ?? [],
    inStep: options.landed ? "always" : "after-form",
  });
}

/** `GET /trust` */
export async function showPeople(visit: MemberVisit) {
  return await people(visit);
}

/** Every change counts alike, letters too: what is counted must not tell which kind it was. */
async function takeLimit(visit: MemberVisit): Promise<void> {
  await visit.limits.take("trust", memberSubject(visit.session));
}

/** As the lists show whoever was typed. */
function labelTyped({ context }: MemberVisit, typed: string): string {
  const name = parseName(typed, context.config.domains);
  return name ? labelOf(context, name) : typed;
}

/** `POST /trust` */
export async function addPerson(visit: MemberVisit) {
  const { context, session } = visit;
  const username = field(visit, "username").trim();
  const refuse = (key: string, vars: Record<string, string | number> = {}) =>
    people(visit, { form: { username }, errors: [{ field: "username", key, vars }] });
  if (username === "") return await refuse("problem.username.missing");
  await takeLimit(visit);
  const outcome = await addTrusted(context, session, username);
  const name = labelTyped(visit, username);
  switch (outcome) {
    case "added":
      return await goTo(visit, "/trust", { kind: "good", key: "flash.person-added", vars: { name } });
    case "known":
      return await refuse("problem.trust.twice", { name });
    case "self":
      return await refuse("problem.trust.self");
    case "full":
      return await refuse("problem.trust.full", { slots: context.config.trustSlots });
    case "no-room":
      return await refuse("problem.room");
    case "unknown":
      return await refuse("problem.trust.unknown", { name: username });
  }
}

/** `POST /trust/remove` */
export async function removePerson(visit: MemberVisit) {
  const username = field(visit, "username").trim();
  const password = field(visit, "current_password");
  await takeLimit(visit);
  const outcome = await removeTrusted(visit.context, visit.session, {
    username,
    confirmed: ticked(visit, "confirm"),
    password: password === "" ? undefined : password,
  });
  const name = labelTyped(visit, username);
  switch (outcome.outcome) {
    case "removed":
      if (!outcome.rekeyed) {
        return await goTo(visit, "/trust", { kind: "good", key: "flash.person-removed", vars: { name } });
      }
      // The others hold the old key, and are over.
      return await goOnWith(visit, outcome.rekeyed.cookie, "/trust", {
        kind: "good",
        key: "flash.person-removed-new-key",
        vars: { name },
      });
    case "unknown":
      return await people(visit, {
        errors: [{ field: "username", key: "problem.trust.missing", vars: { name: username } }],
      });
    case "confirm":
      return await people(visit, {
        removal: { username: name, left: outcome.left, below: true, needsPassword: outcome.needsPassword },
      });
    case "wrong-password":
      return await people(visit, {
        removal: { username: name, left: outcome.left, below: outcome.below, needsPassword: true },
        ...(password !== "" && {
          errors: [{ form: "remove", field: "current_password", key: "problem.password.wrong" }],
        }),
      });
  }
}

const RULE_PROBLEMS: Record<RulesFault, string> = {
  threshold: "problem.rules.threshold",
  nobody: "problem.rules.nobody",
  wait: "problem.rules.wait",
  "keep-needs-two": "problem.rules.keepAlone",
  "kept-needs-two": "problem.rules.keptYet",
  "keep-admin": "problem.rules.keepAdmin",
};

/** `POST /trust/rules` */
export async function saveRules(visit: MemberVisit) {
  const typed = {
    threshold: field(visit, "threshold").trim(),
    waitDays: field(visit, "wait_days").trim(),
    keepKey: ticked(visit, "keep_key"),
  };
  const password = field(visit, "current_password");
  await takeLimit(visit);
  const whole = (text: string) => (/^\d{1,4}$/.test(text) ? Number(text) : Number.NaN);
  const outcome = await setRules(visit.context, visit.session, {
    threshold: whole(typed.threshold),
    waitDays: whole(typed.waitDays),
    keepsKey: typed.keepKey,
    password: password === "" ? undefined : password,
  });
  switch (outcome.outcome) {
    case "saved":
      if (!outcome.rekeyed) return await goTo(visit, "/trust", { kind: "good", key: "flash.rules-saved" });
      return await goOnWith(visit, outcome.rekeyed.cookie, "/trust", {
        kind: "good",
        key: "flash.rules-saved-new-key",
      });
    case "fault":
      return await people(visit, {
        form: typed,
        errors: [{ field: outcome.field, key: RULE_PROBLEMS[outcome.code], vars: { count: outcome.max } }],
      });
    case "wrong-password": {
      const key = password === "" ? "problem.rules.password" : "problem.password.wrong";
      return await people(visit, { form: typed, errors: [{ form: "rules", field: "current_password", key }] });
    }
  }
}

/** `GET /trust/confirm`: where a sign-in lands when somebody trusted has a new key. */
export async function showConfirm(visit: MemberVisit) {
  const { state } = await readLanding(visit.context, visit.session);
  const list = (await peopleFor(visit.context, state.trusted, [])).filter((person) => person.standing === "new-key");
  // Not sent on: the log would tell that somebody had this page open.
  if (list.length === 0) return await people(visit, { landed: state });
  return await show(visit, "trust/confirm", { people: list }, { current: "trust", inStep: "always" });
}

const CONFIRM_PROBLEMS = {
  unknown: "problem.trust.missing",
  counts: "problem.trust.counts",
  "other-key": "problem.trust.otherKey",
};

/** `POST /trust/confirm` */
export async function confirmPerson(visit: MemberVisit) {
  const username = field(visit, "username").trim();
  const name = labelTyped(visit, username);
  await takeLimit(visit);
  const outcome = await confirmTrusted(visit.context, visit.session, username, field(visit, "fingerprint"));
  if (outcome !== "confirmed") {
    const key = CONFIRM_PROBLEMS[outcome];
    return await people(visit, { errors: [{ field: "username", key, vars: { name: username } }] });
  }
  return await goTo(visit, "/trust", { kind: "good", key: "flash.person-confirmed", vars: { name } });
}

/** `GET /trust/card`: for the drawer, with those only who are there to be rung. */
export async function showCard(visit: MemberVisit) {
  const state = await readAlike(visit.context, visit.session);
  const list = await peopleFor(visit.context, state.trusted, []);
  const rules = rulesFor(state.record.rules);
  const { counting, held, able } = trustSummary(list, rules);
  const there = list.filter((person) => counting.includes(person) || held.includes(person));
  const data = { people: there.map((person) => person.username), able, rules };
  return await show(visit, "trust/card", data, { current: "trust" });
}
