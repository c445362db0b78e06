import assert from "node:assert/strict";
import { type TOTP, URI } from "otpauth";
import { openPlace, type Place, type PlaceOptions, passwordOf, type Visitor, wordsOf } from "./app.js";

/** Members who know each other, all signed in; nobody trusts anybody yet. */
export interface Community<Name extends string> {
  place: Place;
  nour: Visitor;
  who: Record<Name, Visitor>;
}

export async function openCommunity<Name extends string>(
  names: readonly Name[],
  options: PlaceOptions = {},
): Promise<Community<Name>> {
  const place = await openPlace({ ...options, env: { KITH_INVITES_PER_MEMBER: "40", ...options.env } });
  const nour = await place.founder();
  const who = {} as Record<Name, Visitor>;
  for (const name of names) who[name] = await nour.bring(name, { trust: false });
  return { place, nour, who };
}

/** Names everybody in turn, then sets the rules. */
export async function trustAll(
  owner: Visitor,
  names: readonly string[],
  rules: { threshold: number; waitDays?: number; keepKey?: boolean } = { threshold: 1 },
): Promise<void> {
  for (const name of names) assert.equal((await owner.trust(name)).statusCode, 303, `${owner.username} trusts ${name}`);
  const extra = rules.keepKey ? { keep_key: "on", current_password: passwordOf(owner.username) } : {};
  const saved = await owner.rules(rules.threshold, rules.waitDays ?? 0, extra as Record<string, string>);
  assert.equal(saved.statusCode, 303, "the rules are taken");
}

export interface Choice {
  /** The browser in which the link was opened. */
  browser: Visitor;
  words: string[];
  body: string;
}

/** Opens a link and chooses a password there. */
export async function choose(place: Place, path: string, password: string, lost = false): Promise<Choice> {
  const browser = place.visitor();
  const done = await browser.post(path, { password, ...(lost && { lost_second_step: "on" }) }, path);
  assert.equal(done.statusCode, 200, "the password is taken");
  return { browser, words: wordsOf(done.body), body: done.body };
}

/** The whole way with one helper: until the sign-in with the new password. */
export async function letBackIn(place: Place, helper: Visitor, name: string, version = 2): Promise<Visitor> {
  const { browser, words } = await choose(place, await helper.openCase(name), passwordOf(name, version));
  assert.equal((await helper.agree(name, words)).statusCode, 303);
  assert.equal((await browser.signIn(name, passwordOf(name, version))).statusCode, 303, `${name} is back in`);
  return browser;
}

/** Codes by the secret that a page shows. */
export function totpOf(place: Place, page: string): () => string {
  const secret = /<code[^>]*>((?:[A-Z2-7]{1,4} ?)+)<\/code>/.exec(page)?.[1]?.replaceAll(" ", "");
  assert.ok(secret, "the secret is shown");
  const totp = URI.parse(`otpauth://totp/kith?secret=${secret}`) as TOTP;
  return () => totp.generate({ timestamp: place.context.clock().getTime() });
}

/** Turns the second step on, and gives codes for it at any time of this place. */
export async function turnOnSecondStep(place: Place, owner: Visitor): Promise<() => string> {
  const begun = await owner.post("/security/totp", { current_password: passwordOf(owner.username) }, "/security");
  assert.equal(begun.headers.location, "/security/totp");
  const code = totpOf(place, (await owner.get("/security/totp")).body);
  assert.equal((await owner.post("/security/totp/confirm", { code: code() }, "/security/totp")).statusCode, 303);
  return code;
}

/** The text of a page, without tags: what somebody reads. */
export function readable(html: string): string {
  const main = /<main[^>]*>(.*)<\/main>/s.exec(html)?.[1] ?? html;
  return decode(main.replaceAll(/<svg.*?<\/svg>/gs, " ").replaceAll(/<[^>]*>/g, " ")).replaceAll(/\s+/g, " ");
}

/** The entry of the navigation that is marked as the present page. */
export function currentOf(html: string): string | undefined {
  return /aria-current="page"[^>]*>\s*([^<]+?)\s*</.exec(html)?.[1];
}

/** The one sentence of what is true now. */
export function statementOf(html: string): string {
  const inner = /<p class="statement"[^>]*>(.*?)<\/p>/s.exec(html)?.[1] ?? "";
  return decode(inner.replaceAll(/<[^>]*>/g, ""))
    .replaceAll(/\s+/g, " ")
    .trim();
}

function decode(text: string): string {
  return text
    .replaceAll("&#39;", "'")
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
