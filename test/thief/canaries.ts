import assert from "node:assert/strict";
import type { FastifyInstance } from "fastify";
import { passwordOf, Visitor, wordsOf } from "../support/app.js";
import { Needles } from "./needles.js";

/**
 * Members with unmistakable names. The canaries do nothing but join, write a letter and look; others trust them, or come
 * by their letters. The twins do the same, and nobody trusts them or comes. They join in turns, so that each canary has a
 * twin for a neighbour on its page.
 */
export const TRUSTED = ["qvxatrusted", "qvxbtrusted"];
export const INVITERS = ["qvxainviter", "qvxbinviter"];
export const TWINS = ["qvxatwinone", "qvxbtwintwo", "qvxctwinone", "qvxdtwintwo", "qvxetwinone"];
const IN_TURNS = [0, 1, 2, 3, 4]
  .flatMap((at) => [TWINS[at], [...TRUSTED, ...INVITERS][at]])
  .filter(Boolean) as string[];

/** Somebody whose every word that nobody else may know is noted. */
class Noted extends Visitor {
  constructor(
    app: FastifyInstance,
    private readonly secrets: Map<string, string>,
  ) {
    super(app);
  }

  override async request(method: "GET" | "POST", url: string, body?: string, headers: Record<string, string> = {}) {
    const [, kind, rest] = url.split("/");
    if ((kind === "invite" || kind === "handover") && rest) this.secrets.set(`${kind} ${rest}`, rest);
    const answer = await super.request(method, url, body, headers);
    for (const [name, value] of this.cookies) {
      if (name !== "language") this.secrets.set(`cookie ${name} ${value}`, value);
    }
    for (const [name, value] of new URLSearchParams(body)) {
      if (/password|note|address|reason|code/.test(name) && value.length >= 8)
        this.secrets.set(`${name} ${value}`, value);
    }
    return answer;
  }
}

/** The label of the address that somebody entered. */
export const CONTACT = "address qvxcontact@canary.example";

/**
 * Lives a life with these people.
 *
 * @param operatorLetters one for each of the canaries and twins: letters that no member wrote
 * @returns what nobody but those concerned may find anywhere, with labels
 */
export async function liveWithCanaries(
  app: FastifyInstance,
  firstLink: string,
  operatorLetters: string[],
): Promise<Map<string, string>> {
  const secrets = new Map<string, string>();
  const visitor = () => new Noted(app, secrets);
  const done = async (answer: Promise<{ statusCode: number }>, what: string) =>
    assert.equal((await answer).statusCode, 303, what);
  const nour = visitor();
  await done(nour.join(firstLink, "nour"), "nour");
  const letters = new Map<string, string>();
  for (const name of IN_TURNS) {
    const one = visitor();
    await done(one.join(operatorLetters.pop() as string, name), name);
    letters.set(name, await one.invite());
  }
  // By the letters of two of them somebody comes; those of all the others stay open.
  const bring = async (path: string, name: string) => {
    const one = visitor();
    await done(one.join(path, name, { trust: false }), name);
    return one;
  };
  const ada = await bring(letters.get(INVITERS[0] as string) as string, "ada");
  const bea = await bring(letters.get(INVITERS[1] as string) as string, "bea");
  for (const name of TRUSTED) await done(ada.trust(name), name);
  await done(bea.trust(TRUSTED[0] as string), "bea trusts a canary");
  await done(bea.trust("ada"), "bea trusts ada");
  await done(ada.trust("bea"), "ada trusts bea");
  await ada.trust("qvxzunknown");
  await done(ada.post("/trust/remove", { username: TRUSTED[1] as string, confirm: "on" }, "/trust"), "and one no more");
  await done(ada.post("/account/contact", { address: "qvxcontact@canary.example" }, "/account"), "an address");
  await done(bea.post("/invites", { note: "qvxnote for the choir" }, "/invites"), "a note");

  // Typed and wrong: names of canaries and twins alike, since whoever tries a name is no relation.
  for (const name of [...TRUSTED, ...TWINS]) {
    assert.equal((await visitor().signIn(name, "qvxwrong plum orchard")).statusCode, 422);
  }
  const path = await bea.openCase("ada");
  const locked = visitor();
  const chosen = await locked.post(path, { password: passwordOf("ada", 2) }, path);
  const words = wordsOf(chosen.body);
  assert.equal(words.length, 4);
  secrets.set("words", words.join(" "));
  await done(bea.agree("ada", words), "bea agrees");
  await done(locked.signIn("ada", passwordOf("ada", 2)), "ada is back in");
  for (const name of TRUSTED) await done(locked.trust(name), name);
  const change = { current_password: passwordOf("ada", 2), password: passwordOf("ada", 3) };
  await done(locked.post("/security/password", change, "/security"), "another password");
  await locked.signOut();
  await done(locked.signIn("ada", passwordOf("ada", 3)), "ada");
  const begun = await locked.post("/security/totp", { current_password: passwordOf("ada", 3) }, "/security");
  assert.equal(begun.statusCode, 303);
  const secret = /<code[^>]*>((?:[A-Z2-7]{1,4} ?)+)<\/code>/.exec((await locked.get("/security/totp")).body)?.[1];
  secrets.set("secret of the second step", (secret ?? "").replaceAll(" ", ""));

  await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree");
  const tree = (await nour.get("/admin/tree")).body;
  for (const name of INVITERS) assert.ok(tree.includes(name), "the tree knows who invited whom");
  const reason = "qvxreason that only she may read";
  await done(nour.post("/admin/accounts/suspend", { username: "bea", reason }, "/admin/accounts"), "bea is suspended");
  // The letter by which the first admin came was printed at the start, for whoever runs the place.
  secrets.delete(`invite ${firstLink.split("/").at(-1)}`);
  return secrets;
}

/** For names. */
export function namesToFind(): Needles {
  const needles = new Needles();
  for (const name of [...TRUSTED, ...INVITERS, ...TWINS]) needles.add(name, name);
  return needles;
}

/** For all that was noted. */
export function secretsToFind(secrets: ReadonlyMap<string, string | Uint8Array>): Needles {
  const needles = new Needles();
  for (const [label, text] of secrets) needles.add(label, text);
  return needles;
}

/** Asserts that no canary is found more often than the most frequent of the twins. */
export function assertNotAboveTwins(counts: ReadonlyMap<string, number>, where: string): void {
  const most = Math.max(...TWINS.map((name) => counts.get(name) ?? 0));
  assert.ok(most > 0, `twins are found in ${where}, so canaries would be`);
  for (const name of [...TRUSTED, ...INVITERS]) {
    assert.ok(
      (counts.get(name) ?? 0) <= most,
      `${name} is found ${counts.get(name)} times in ${where}, a twin ${most}`,
    );
  }
}
