import { type AccountRow, findAccountByName } from "#kith/accounts/account.js";
import { listedId } from "#kith/accounts/change-password.js";
import { makeRecoveryCodes, newSecondStep, newTotpSecret, sealSecondStep } from "#kith/accounts/second-step.js";
import { openSession, type Session } from "#kith/accounts/sessions.js";
import { signIn } from "#kith/accounts/sign-in.js";
import { changeColumns, setStatus } from "#kith/accounts/suspend.js";
import type { Context } from "#kith/context.js";
import { addDays, dayNumber, dayOf } from "#kith/days.js";
import { firstAdminLink } from "#kith/invites/first-admin.js";
import { letterId, writeInvite } from "#kith/invites/letters.js";
import * as invites from "#kith/invites/queries.js";
import { redeem } from "#kith/invites/redeem.js";
import { appendTombstone } from "#kith/people/people.js";
import { fromBase64url, toBase64url } from "#kith/protocol/bytes.js";
import { linkHash } from "#kith/protocol/case.js";
import {
  encloseInvitee,
  NO_INVITER,
  newLetterNonce,
  readLetter,
  spentLetterHash,
  writeLetter,
} from "#kith/protocol/letter.js";
import { tagRow } from "#kith/protocol/tag.js";
import { proveToken } from "#kith/protocol/token.js";
import { choosePassword } from "#kith/resets/handover.js";
import { approve, help } from "#kith/resets/help.js";
import * as resets from "#kith/resets/queries.js";
import { stopResets } from "#kith/resets/stop.js";
import { actByOperator } from "#kith/review/operator.js";
import { addTrusted } from "#kith/trust/trust.js";
import { circle, enter, type Member } from "./place.js";

/** What each class of a family is tried with: its name, and what is sent. */
export type Classes = Readonly<Record<string, string>>;

/** Members of every kind that a guesser might want to tell apart. Names that are tried have seven letters. */
export interface Cast {
  /** Cookie of the helper's session. */
  helperCookie: string;
  /** Names for a wrong password. */
  anybody: Classes;
  /** Names that the helper can't help. */
  beyondHelp: Classes;
  /** Members whom the helper can help, by the slot in which the helper's row stands; nothing is chosen yet. */
  bySlot: Classes;
  links: Classes;
  letters: Classes;
  /** Names that nobody can be named by. */
  unnameable: Classes;
  /** What a form could name that belongs to another member. */
  theirs: { letter: string; session: string; reset: string };
}

const NOBODY = "nobody7";
export const PASSWORD = "a new password for a bench";

function must<Outcome extends { outcome: string }, Name extends Outcome["outcome"]>(outcome: Outcome, name: Name) {
  if (outcome.outcome !== name) throw new Error(`${outcome.outcome} rather than ${name}`);
  return outcome as Extract<Outcome, { outcome: Name }>;
}

export async function makeCast(context: Context): Promise<Cast> {
  const domain = context.config.domains[0];
  const named = (username: string) => ({ username, domain });
  const accountOf = async (username: string): Promise<AccountRow> => {
    const account = await findAccountByName(context, domain, username);
    if (!account) throw new Error(username);
    return account;
  };
  const trusts = async (member: Member, ...usernames: string[]) => {
    for (const username of usernames) {
      const outcome = await addTrusted(context, member.session, username);
      if (outcome !== "added") throw new Error(`${member.username} and ${username}: ${outcome}`);
    }
  };
  const signedIn = async (username: string, password: string): Promise<Session> => {
    const { cookie } = must(await signIn(context, { username, password, client: "Firefox" }), "signed-in");
    const session = await openSession(context, cookie);
    if (!session) throw new Error(username);
    return session;
  };
  /** Opens a case and returns its link. */
  const linkFor = async (by: Session, username: string) => must(await help(context, by, username, true), "opened").link;

  const link = await firstAdminLink(context);
  const letter = new URL(link as string).pathname.split("/").pop() as string;
  const first = { username: "admin07", password: PASSWORD, trustInviter: false, language: "en", client: "Firefox" };
  must(await redeem(context, letter, first), "joined");

  // The helper is reset after somebody has named her, who holds her from then on.
  const before = await enter(context, "helper7");
  const friend = await enter(context, "friend7");
  const holding = await enter(context, "holding");
  await trusts(holding, "helper7");
  await trusts(before, "friend7");
  await agreedReset(context, friend.session, "helper7");
  const helper = await signedIn("helper7", PASSWORD);
  await signedIn("holding", holding.password);

  const plain = await enter(context, "plain07");
  const suspended = await enter(context, "suspen7");
  const frozen = await enter(context, "frozen7");
  const opened = await enter(context, "opened7");
  const ripe = await enter(context, "ripened");
  const second = await enter(context, "second7");
  for (const member of [suspended, frozen, opened, ripe]) await trusts(member, "helper7");
  const [eight, besieged, ...others] = (await circle(context)) as [Member, Member, ...Member[]];
  for (const { session } of [eight, ...others]) {
    await choosePassword(context, await linkFor(session, besieged.username), PASSWORD, false);
  }
  await setStatus(context, named("suspen7"), "suspended");
  await choosePassword(context, await linkFor(helper, "opened7"), PASSWORD, false);
  await agreedReset(context, helper, "ripened");
  await actByOperator(context, named("frozen7"), "frozen-sign-in");
  const codes = makeRecoveryCodes(second.session.account.id);
  const step = newSecondStep(context, newTotpSecret(), codes.hashes);
  await changeColumns(context, second.session.account.id, {
    second_step: sealSecondStep(context, second.session.account.id, step),
  });

  return {
    helperCookie: helper.cookie,
    anybody: {
      "trusts nobody": plain.username,
      unknown: NOBODY,
      suspended: suspended.username,
      "may not sign in": frozen.username,
      "reset under way": opened.username,
      "reset ripe": ripe.username,
      "eight resets": besieged.username,
      admin: first.username,
      "second step": second.username,
      "trusts eight": eight.username,
      "was reset": helper.account.username,
      "no name": "_noname",
    },
    beyondHelp: {
      "not trusting": plain.username,
      "trusts others": eight.username,
      unknown: NOBODY,
      suspended: suspended.username,
      held: holding.username,
      oneself: helper.account.username,
      "no name": "_noname",
    },
    bySlot: await matchedAtEachSlot(context, helper),
    links: await deadLinks(context, helper),
    letters: await deadLetters(context, plain.session.account.id),
    unnameable: { unknown: NOBODY, suspended: suspended.username, reserved: "support" },
    theirs: await thingsOf(plain.session),
  };

  async function thingsOf(session: Session): Promise<Cast["theirs"]> {
    const { letter } = must(await writeInvite(context, session, ""), "written");
    const nonce = readLetter(context.secret, letter)?.nonce as Uint8Array;
    const open = { nonce: toBase64url(nonce), note: "", written: "", expires: "" };
    const { rows } = await context.pool.query("select id from reset_cases limit 1");
    return { letter: letterId(open), session: listedId(toBase64url(session.id)), reset: rows[0].id };
  }

  /** A reset of this member, up to where it is ripe. */
  async function agreedReset(context: Context, by: Session, username: string): Promise<void> {
    await choosePassword(context, await linkFor(by, username), PASSWORD, false);
    const { cases } = must(await help(context, by, username, false), "compare");
    must(await approve(context, by, username, cases[0]?.id as string), "agreed");
  }

  /** Members until the helper's row was seen in each place in which the database returns it. */
  async function matchedAtEachSlot(context: Context, helper: Session): Promise<Classes> {
    const found: Record<string, string> = {};
    const slots = context.config.trustSlots;
    for (let count = 10; Object.keys(found).length < slots && count < 100; count++) {
      const member = await enter(context, `slots${count}`);
      await trusts(member, "helper7");
      const rows = await resets.selectRelations(context.db, member.session.account.id);
      const match = await proveToken(await helper.privateKey(), rows, slots);
      const place = `slot ${rows.findIndex((row) => row.id === match?.row.id) + 1}`;
      if (found[place]) continue;
      found[place] = member.username;
      await linkFor(helper, member.username);
    }
    return Object.fromEntries(Object.entries(found).sort());
  }

  async function deadLinks(context: Context, helper: Session): Promise<Classes> {
    const links: Record<string, string> = { unknown: "A".repeat(43) };
    for (const [index, why] of ["used", "run out", "stopped", "suspended"].entries()) {
      const member = await enter(context, `links0${index}`);
      await trusts(member, "helper7");
      const text = await linkFor(helper, member.username);
      links[why] = text;
      if (why === "used") await choosePassword(context, text, PASSWORD, false);
      if (why === "stopped") await stopResets(context, member.session);
      if (why === "suspended") await setStatus(context, named(member.username), "suspended");
      if (why === "run out") await endYesterday(context, text);
    }
    return links;
  }

  /** As a row looks that nobody has swept yet. */
  async function endYesterday(context: Context, text: string): Promise<void> {
    const row = await resets.selectCaseByLink(
      context.db,
      linkHash(fromBase64url(text) as Uint8Array),
      context.decoys.case,
    );
    const { tag: _tag, ...columns } = { ...row, expiry_day: addDays(dayOf(context.clock()), -1) };
    await resets.updateCase(context.db, row, { ...columns, tag: tagRow(context.secret, "reset_cases", columns) });
  }

  async function deadLetters(context: Context, inviterId: string): Promise<Classes> {
    const today = dayNumber(dayOf(context.clock()));
    const write = (from: string, expiryDay = today + 10, nonce = newLetterNonce()) =>
      writeLetter(context.secret, { kind: "member", nonce, inviterId: from, expiryDay, domainNumber: 0 });
    const spent = async (inviteeId: string) => {
      const nonce = newLetterNonce();
      const row = { nonce_hash: spentLetterHash(nonce), invitee: encloseInvitee(nonce, inviteeId) };
      await invites.insertSpent(context.db, row);
      return write(inviterId, today + 10, nonce);
    };
    const frozen = await enter(context, "writer1");
    await actByOperator(context, named("writer1"), "frozen-inviting");
    const gone = await accountOf((await enter(context, "writer2")).username);
    await appendTombstone(context, gone.id, gone.people_version + 1);
    return {
      unknown: "A".repeat(86),
      used: await spent(inviterId),
      "taken back": await spent(NO_INVITER),
      "run out": write(inviterId, today - 1),
      "inviter suspended": write((await accountOf("suspen7")).id),
      "inviter frozen": write(frozen.session.account.id),
      "inviter gone": write(gone.id),
    };
  }
}
