import assert from "node:assert/strict";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { findAccountByName } from "#kith/accounts/account.js";
import { setStatus } from "#kith/accounts/suspend.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { appendTombstone } from "#kith/people/people.js";
import { actByOperator } from "#kith/review/operator.js";
import { openPlaceAtQuarter, type Place, passwordOf, Visitor } from "../support/app.js";
import { masked } from "../support/pages.js";
import { choose, letBackIn, trustAll, turnOnSecondStep } from "../support/resets.js";

/** Nobody bears this name. All names have three letters, so that pages that show one are of one length. */
export const NOBODY = "zoe";

/** Members of every kind that somebody outside might want to tell apart, and Bea, who asks. */
export interface Cast {
  place: Place;
  /** Signed in; some of the others trust her. */
  bea: Visitor;
  /** What a wrong password is tried on: how that one stands, and the name. */
  anybody: Readonly<Record<string, string>>;
  /** Whom Bea can't help, and why. */
  beyondHelp: Readonly<Record<string, string>>;
  /** Handover links that lead nowhere, by what they died of. */
  links: Readonly<Record<string, string>>;
  /** The same for letters. */
  letters: Readonly<Record<string, string>>;
}

const at = (username: string) => ({ username, domain: "localhost" });

/** Somebody by a letter of the people who run the place, whom nobody has to know. */
async function newcomer(place: Place, username: string): Promise<Visitor> {
  const visitor = place.visitor();
  const answer = await visitor.join(`/invite/${operatorLetter(place.context, "operator")}`, username);
  assert.equal(answer.statusCode, 303, `${username} joins`);
  return visitor;
}

/** A Kith with all of them; made once, since it takes a while. */
export function openCast(): Promise<Cast> {
  making ??= makeCast();
  return making;
}
let making: Promise<Cast> | undefined;

async function makeCast(): Promise<Cast> {
  const place = await openPlaceAtQuarter({ env: { KITH_INVITES_PER_MEMBER: "40", KITH_TRUSTED_PROXIES: "127.0.0.1" } });
  const { context } = place;
  const nou = await place.founder("nou");
  // These take days; everybody else comes later.
  const letters = await deadLetters(place);
  const links = await deadLinks(place);
  await nou.signIn();
  const names = ["bea", "cem", "sus", "hel", "fro", "ini", "cas", "rip", "two", "ful", "gil", "oth"] as const;
  const who = {} as Record<(typeof names)[number], Visitor>;
  for (const name of names) who[name] = await newcomer(place, name);

  // Bea was reset after Hel had named her: Hel's next sign-in holds her.
  await trustAll(who.hel, ["bea"]);
  await trustAll(who.bea, ["nou"]);
  const bea = await letBackIn(place, nou, "bea");
  await who.hel.signIn();

  for (const name of ["sus", "fro", "cas", "rip"] as const) await trustAll(who[name], ["bea", "gil"]);
  await trustAll(who.ful, ["bea", "cem", "gil", "hel", "cas", "rip", "two", "oth"]);
  await trustAll(who.oth, ["cem", "gil"]);
  await turnOnSecondStep(place, who.two);
  await choose(place, await bea.openCase("cas"), passwordOf("cas", 2));
  const { words } = await choose(place, await bea.openCase("rip"), passwordOf("rip", 2));
  await bea.agree("rip", words);
  await actByOperator(context, at("fro"), "frozen-sign-in");
  await actByOperator(context, at("ini"), "frozen-inviting");
  await setStatus(context, at("sus"), "suspended");

  return {
    place,
    bea,
    links,
    letters,
    anybody: {
      "trusts nobody": "cem",
      "nobody at all": NOBODY,
      suspended: "sus",
      "may not sign in": "fro",
      "may not invite": "ini",
      "a reset is under way": "cas",
      "a reset is ripe": "rip",
      "an admin": "nou",
      "has a second step": "two",
      "trusts eight": "ful",
      "was reset": "bea",
      "no name": "a@b",
      "a name that is reserved": "dns",
    },
    beyondHelp: {
      "trusts nobody": "cem",
      "nobody at all": NOBODY,
      suspended: "sus",
      held: "hel",
      oneself: "bea",
      "trusts others": "oth",
      "no name": "a@b",
    },
  };
}

/** Somebody who comes from an address of their own. */
export class Client extends Visitor {
  constructor(
    readonly instance: FastifyInstance,
    readonly address: string,
    as?: Visitor,
  ) {
    super(instance);
    for (const [name, value] of as?.cookies ?? []) this.cookies.set(name, value);
  }
  override request(method: "GET" | "POST", url: string, body?: string, headers: Record<string, string> = {}) {
    return super.request(method, url, body, { ...headers, "x-forwarded-for": this.address });
  }
}

async function deadLetters(place: Place): Promise<Record<string, string>> {
  const { context } = place;
  const letters: Record<string, string> = {};
  const write = async (why: string, inviter: Visitor): Promise<string> => {
    const path = await inviter.invite();
    letters[why] = path;
    return path;
  };
  const [eva, ivy, gus] = [await newcomer(place, "eva"), await newcomer(place, "ivy"), await newcomer(place, "gus")];
  const old = await write("run out", eva);
  letters.altered = old.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
  letters.unknown = `/invite/${"A".repeat(86)}`;
  place.days(context.config.inviteDays + 1);
  for (const visitor of [eva, ivy, gus]) await visitor.signIn();
  assert.equal((await place.visitor().join(await write("used", eva), "new")).statusCode, 303);
  await write("taken back", eva);
  const open = /name="invite" value="([^"]+)"/.exec((await eva.get("/invites")).body)?.[1] as string;
  assert.equal((await eva.post("/invites/revoke", { invite: open }, "/invites")).statusCode, 303);
  await write("of somebody suspended", eva);
  await write("of somebody frozen", ivy);
  await write("of somebody gone", gus);
  for (const path of Object.values(letters).slice(-3)) assert.equal((await place.visitor().get(path)).statusCode, 200);
  await setStatus(context, at("eva"), "suspended");
  await actByOperator(context, at("ivy"), "frozen-inviting");
  const gone = await findAccountByName(context, "localhost", "gus");
  assert.ok(gone);
  await appendTombstone(context, gone.id, gone.people_version + 1);
  return letters;
}

async function deadLinks(place: Place): Promise<Record<string, string>> {
  const links: Record<string, string> = {};
  const [kim, lee, pia] = [await newcomer(place, "kim"), await newcomer(place, "lee"), await newcomer(place, "pia")];
  await trustAll(kim, ["pia"]);
  await trustAll(lee, ["pia"]);
  const open = async (why: string, username = "kim"): Promise<string> => {
    const path = await pia.openCase(username, true);
    links[why] = path;
    return path;
  };
  await open("replaced");
  await choose(place, await open("used"), passwordOf("kim", 2));
  await open("stopped");
  await kim.post("/resets/stop", {}, "/trust");
  await open("ended by a sign-in");
  await kim.signIn();
  const old = await open("run out");
  links.altered = old.replace(/.$/, (last) => (last === "A" ? "E" : "A"));
  links.unknown = `/handover/${"A".repeat(43)}`;
  place.days(45);
  await pia.signIn();
  const path = await open("of somebody suspended", "lee");
  assert.equal((await place.visitor().get(path)).statusCode, 200);
  await setStatus(place.context, at("lee"), "suspended");
  return links;
}

/** Where a page repeats what was typed: in its field, or in sentences too. */
type Repeated = "field" | "sentences";

/** What a guesser sees of an answer, without the form's token and what was typed. */
export function seen(answer: LightMyRequestResponse, typed = "", repeated: Repeated = "field") {
  const { "set-cookie": cookies, date: _date, ...headers } = answer.headers;
  const lines = [cookies ?? []]
    .flat()
    .map((line) => line.replace(/=([^;]*)/, (_all, value) => `=${"x".repeat(value.length)}`));
  const name = repeated === "field" ? `value="${typed}"` : new RegExp(`\\b${typed}\\b`, "gi");
  const page = typed === "" ? masked(answer.body) : masked(answer.body).replaceAll(name, "typed");
  return { status: answer.statusCode, headers, cookies: lines, page, bytes: Buffer.byteLength(answer.body) };
}

/** Sends the same to each of them, and sees that all answers are one. @returns that answer */
export async function assertAlike(
  classes: Readonly<Record<string, string>>,
  send: (target: string) => Promise<LightMyRequestResponse>,
  repeated?: Repeated,
) {
  const answers: [string, ReturnType<typeof seen>][] = [];
  for (const [why, target] of Object.entries(classes)) answers.push([why, seen(await send(target), target, repeated)]);
  assert.ok(answers.length > 2);
  const [, first] = answers[0] as (typeof answers)[number];
  for (const [why, answer] of answers) assert.deepEqual(answer, first, why);
  return first;
}
