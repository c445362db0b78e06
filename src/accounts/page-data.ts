import type { Context } from "../context.js";
import { addDays } from "../days.js";
import type { RecordedEvent } from "../protocol/self-record.js";
import { openCases, waitDaysOf } from "../resets/cases.js";
import { ownCases } from "../resets/stop.js";
import { toldSince } from "../review/events.js";
import { adminNeeds, lastOpening } from "../review/page-data.js";
import { readCookie, setCookie } from "../web/cookies.js";
import { memberSubject } from "../web/limits.js";
import type { Flash } from "../web/note.js";
import type { ActivityKind, OpenReset } from "../web/pages.js";
import { field, goTo, type MemberVisit, type Visit } from "../web/visit.js";
import { replaceSession, type Session, stillOpen } from "./sessions.js";
import { openOwnState } from "./state.js";
import { confirmPassword } from "./unlock.js";

/** Resets of one's own password, as every page tells of them. Costs next to nothing while there is none. */
export async function openResets(context: Context, session: Session): Promise<OpenReset[]> {
  if ((await openCases(context, session.account)).length === 0) return [];
  const [cases, state] = await Promise.all([ownCases(context, session), openOwnState(context, session)]);
  const { threshold, waitDays } = state.record.rules;
  // Whoever helps has a link of their own as well: while a password is chosen in one, those without are not worth telling.
  const chosen = cases.filter((own) => own.chosen);
  return (chosen.length > 0 ? chosen : cases).map((own) => {
    const wait = waitDaysOf({ waitDays }, own.lostSecondStep);
    return {
      began: own.openedDay,
      chosen: own.choiceDay ?? null,
      agreed: own.agreed,
      threshold,
      earliest: own.choiceDay ? addDays(own.choiceDay, wait) : null,
    };
  });
}

/**
 * What the pages read on which a sign-in lands, needed or not: the same for all of them, since the database counts what
 * is read, and must not tell that somebody trusted has a new key.
 */
export async function readLanding(context: Context, session: Session) {
  const state = await openOwnState(context, session);
  const [openSessions, treeOpened, needs, since] = await Promise.all([
    stillOpen(context, session, state.record.sessions),
    lastOpening(context),
    session.account.role === "admin" ? adminNeeds(context, session) : [],
    session.privateKey().then((key) => toldSince(context, session.account.id, key, state.record)),
  ]);
  return { state, openSessions, treeOpened, needs, since };
}

const KINDS = new Set<string>([
  "joined",
  "signed-in",
  "password-changed",
  "reset-stopped",
  "reset-completed",
  "reset-ended",
  "person-added",
  "person-removed",
  "person-confirmed",
  "rules-changed",
  "letter-written",
  "letter-revoked",
  "letter-used",
  "sessions-ended",
  "second-step-on",
  "second-step-off",
  "recovery-codes",
  "contact-changed",
  "language-changed",
] satisfies ActivityKind[]);

/** The activity list: newest first, the same thing on the same day told once, with how often. */
export function activityOf(events: readonly RecordedEvent[]): { kind: ActivityKind; day: string; times: number }[] {
  const list: { kind: ActivityKind; day: string; times: number }[] = [];
  for (const { kind, day } of [...events].reverse()) {
    const same = list.find((line) => line.kind === kind && line.day === day);
    if (same) same.times += 1;
    else if (KINDS.has(kind)) list.push({ kind: kind as ActivityKind, day, times: 1 });
  }
  return list;
}

/** Gives this browser a new session, in place of the one that it may have had. */
export async function giveSession({ context, request, reply }: Visit, cookie: string): Promise<void> {
  await replaceSession(context, readCookie(context.config, request, "session"));
  setCookie(context.config, reply, "session", cookie);
}

/** This session goes on under a new cookie, on another page; whoever made it has ended the old one. */
export async function goOnWith(visit: MemberVisit, cookie: string, path: string, flash: Flash): Promise<unknown> {
  setCookie(visit.context.config, visit.reply, "session", cookie);
  const session = await visit.openSession(cookie);
  if (session) await visit.limits.carry(memberSubject(visit.session), memberSubject(session));
  return await goTo({ ...visit, session }, path, flash);
}

/**
 * Whether the own password, typed again as `current_password`, is right; wrong ones count for the member.
 *
 * @param isTold whether what follows is told by mail: then right ones count as well, since anybody may have typed the
 * address, and other members' notices wait behind it
 */
export async function passwordAgain(visit: MemberVisit, isTold = false): Promise<boolean> {
  const { context, session } = visit;
  const confirmed = await visit.limits.during(
    "sign-in",
    memberSubject(session),
    () => confirmPassword(context, session.account, field(visit, "current_password")),
    (came) => came !== "broke" && (isTold || came === undefined),
  );
  return confirmed !== undefined;
}
