import { hasMembers } from "../accounts/account.js";
import { checkPassword } from "../accounts/password-policy.js";
import { openSession, type Session } from "../accounts/sessions.js";
import { signIn } from "../accounts/sign-in.js";
import { setStatus } from "../accounts/suspend.js";
import type { Context } from "../context.js";
import { Failure } from "../failure.js";
import { operatorLetter, writeInvite } from "../invites/letters.js";
import { redeem } from "../invites/redeem.js";
import { suggestPassphrase } from "../protocol/words.js";
import { choosePassword } from "../resets/handover.js";
import { approve, help } from "../resets/help.js";
import { addTrusted, setRules } from "../trust/trust.js";

/** Somebody of the cast, who can sign in. */
export interface CastMember {
  username: string;
  password: string;
  /** What there is to see with this account. */
  about: string;
}

/** The reset that is under way at the end of the story. */
export interface OpenReset {
  username: string;
  /** Waits for one more yes. */
  newPassword: string;
  words: readonly string[];
  /** Who can give it. */
  missing: string;
}

export interface Story {
  cast: CastMember[];
  reset: OpenReset;
}

/** Who came by whose invite, and what there is to see with each. */
const CAST = [
  { username: "ada", by: undefined, about: "admin; any 2 of bea, cem and dora can let ada back in, after 3 days" },
  { username: "bea", by: "ada", about: "helps dora: has agreed already" },
  { username: "cem", by: "ada", about: "can help dora: compare the words, agree; keeps the key in a reset" },
  { username: "dora", by: "ada", about: "forgot this password; signing in with it stops the reset" },
  { username: "emil", by: "bea", about: "trusts gil, who has a new key since: asked at the next sign-in" },
  { username: "fine", by: "bea", about: "trusts nobody yet" },
  { username: "gil", by: "cem", about: "was let back in by hana today, and is asked to name people again" },
  { username: "hana", by: "cem", about: "has invites that nobody has used yet" },
  { username: "ivo", by: "emil", about: "suspended" },
  { username: "juno", by: "hana", about: "trusts ivo, who is suspended: told at the next sign-in" },
] as const;

type Username = (typeof CAST)[number]["username"];

/** Whom each trusts, beside what is told further down. */
const TRUSTS: Partial<Record<Username, readonly Username[]>> = {
  ada: ["bea", "cem", "dora"],
  bea: ["ada", "emil"],
  cem: ["ada", "dora", "hana"],
  dora: ["bea", "cem", "emil"],
  emil: ["bea", "gil", "juno"],
  gil: ["hana"],
  hana: ["cem", "fine"],
  juno: ["hana", "ivo"],
};

const CLIENT = "Firefox";

/**
 * Fills an empty database with ten people: who trusts whom, rules, invites, one reset that is done and one under way.
 * Passwords are drawn anew each time: a demo that somebody forgot on the open net must not be anybody's.
 *
 * @throws Failure if there are members already
 */
export async function tellStory(context: Context): Promise<Story> {
  if (await hasMembers(context.db)) throw new Failure("there are members already: the demo wants an empty database");
  const { trustSlots } = context.config;
  if (trustSlots < 2) throw new Failure("the demo's people trust two others each: set KITH_TRUST_SLOTS to 2 or more");
  const sessions = new Map<Username, Session>();
  const passwords = new Map<Username, string>();
  for (const { username, by } of CAST) {
    const letter = by === undefined ? operatorLetter(context, "first-admin") : await letterBy(context, as(by));
    passwords.set(username, newPassword(context, username));
    sessions.set(username, await join(context, letter, username, passwords.get(username) as string));
  }
  function as(username: Username): Session {
    return sessions.get(username) as Session;
  }

  for (const [username, people] of Object.entries(TRUSTS)) {
    for (const person of people) {
      // With few slots, the last ones of a list find no room.
      expect(await addTrusted(context, as(username as Username), person), "added", "full");
    }
  }
  const rules = async (username: Username, threshold: number, waitDays: number, keepsKey: boolean) => {
    const password = passwords.get(username);
    const saved = await setRules(context, as(username), { threshold, waitDays, keepsKey, password });
    expect(saved.outcome, "saved");
  };
  await rules("ada", 2, 3, false);
  await rules("cem", 2, 0, true);
  await rules("dora", 2, 0, false);
  await rules("emil", 1, 7, false);
  for (const note of ["the new neighbour", "for the reading group"]) await writeInvite(context, as("hana"), note);

  // Gil forgot the password and is let back in.
  const gil = await forget(context, as("hana"), "gil");
  expect((await approve(context, as("hana"), "gil", gil.caseId)).outcome, "agreed");
  expect((await signIn(context, { username: "gil", password: gil.password, client: CLIENT })).outcome, "signed-in");
  passwords.set("gil", gil.password);

  expect(await setStatus(context, { username: "ivo", domain: context.config.domains[0] }, "suspended"), "done");

  // Dora forgot hers. Bea has agreed, Cem has not yet.
  const dora = await forget(context, as("bea"), "dora");
  expect((await approve(context, as("bea"), "dora", dora.caseId)).outcome, "agreed");
  return {
    cast: CAST.map(({ username, about }) => ({ username, about, password: passwords.get(username) as string })),
    reset: { username: "dora", newPassword: dora.password, words: dora.words, missing: "cem" },
  };
}

/** A letter by a member, or the operator's where members may write none. */
async function letterBy(context: Context, session: Session): Promise<string> {
  const written = await writeInvite(context, session, "");
  return written.outcome === "written" ? written.letter : operatorLetter(context, "operator");
}

async function join(context: Context, letter: string, username: Username, password: string): Promise<Session> {
  const { language } = context.config;
  // Each names people as the story tells, not simply who invited them.
  const joined = await redeem(context, letter, { username, password, trustInviter: false, language, client: CLIENT });
  const session = joined.outcome === "joined" ? await openSession(context, joined.cookie) : undefined;
  if (!session) throw new Failure(`the demo's ${username} could not join`);
  return session;
}

/** The helper opens a case and hands the link over; the one who forgot chooses a password. */
async function forget(context: Context, helper: Session, username: Username) {
  const opened = await help(context, helper, username, false);
  if (opened.outcome !== "opened") throw unexpected(opened.outcome);
  const password = newPassword(context, username);
  const chosen = await choosePassword(context, opened.link, password, false);
  if (chosen.outcome !== "chosen") throw unexpected(chosen.outcome);
  const compared = await help(context, helper, username, false);
  const found = compared.outcome === "compare" ? compared.cases[0] : undefined;
  if (!found) throw unexpected(compared.outcome);
  return { password, words: chosen.words, caseId: found.id };
}

/** A passphrase that the rules accept, whatever they are set to. */
function newPassword(context: Context, username: string): string {
  const { passwordMin, domains, name: serviceName } = context.config;
  for (let words = 5; ; words++) {
    const password = suggestPassphrase(words).slice(0, 256);
    if (!checkPassword(password, passwordMin, { username, domains, serviceName })) return password;
    if (words > 60) throw new Failure("no password for the demo satisfies the rules: try another KITH_NAME");
  }
}

function expect(outcome: string, ...expected: string[]): void {
  if (!expected.includes(outcome)) throw unexpected(outcome);
}

function unexpected(outcome: string): Failure {
  return new Failure(`the demo could not be told to its end (${outcome}): start again with an empty database`);
}
