import assert from "node:assert/strict";
import { doDaily, doHourly } from "#kith/web/upkeep.js";
import { type Place, passwordOf, type Visitor } from "../support/app.js";
import { choose, letBackIn } from "../support/resets.js";

/**
 * What differs between two worlds. In both, the same people do the same at the same moments: each fact is only about
 * whom, or what, it was done with.
 */
export const FACTS = {
  trusted: "ada trusts bea or clementine",
  count: "dora has two trusted people or none",
  joined: "pia's inviter became her first trusted person or not",
  inviter: "dana was invited by bea or clementine",
  held: "the token of somebody whom hana trusts was refreshed or held",
  confirmed: "lou confirmed gil's new key or not",
  kept: "kaja keeps the key or not",
  helper: "malu was helped by bea or clementine, who were both signed in",
  letter: "nela wrote a letter or set her rules",
  /** A helper acts, and the helper's own sign-in shows: other people act in the two worlds. */
  visitor: "malu was helped by bea or clementine, who signed in just for it",
  /** What is public changes or does not: the member's own key. */
  restored: "kaja, let back in by two, kept the key or not",
} as const;
export type Fact = keyof typeof FACTS;
/** What is inherent, told in stories of their own: the threat model says how much it tells. */
export const APART: readonly Fact[] = ["visitor", "restored"];
/** What one story tells together. */
export const ALL_FACTS = (Object.keys(FACTS) as Fact[]).filter((fact) => !APART.includes(fact));
export type World = Record<Fact, boolean>;

const MEMBERS = [
  ...["ada", "bea", "clementine", "dora", "emil", "fay", "gil", "hana"],
  ...["ivo", "juna", "kaja", "lou", "malu", "nela"],
] as const;
type Member = (typeof MEMBERS)[number];

/** Whoever is there before the story begins. Bea and clementine are alike in everything but the name. */
export async function found(place: Place): Promise<void> {
  const nour = await place.founder();
  const who = new Map<Member, Visitor>();
  for (const name of MEMBERS) who.set(name, await nour.bring(name, { trust: false }));
  for (const [name, ...trusted] of [
    ["gil", "ivo"],
    ["malu", "bea", "clementine"],
    ["kaja", "emil", "fay"],
  ] as [Member, ...Member[]][]) {
    for (const helper of trusted) await done((who.get(name) as Visitor).trust(helper));
  }
}

async function done(answer: Promise<{ statusCode: number }>): Promise<void> {
  assert.equal((await answer).statusCode, 303);
}

/** Tells one story and calls `pause` in the middle and at the end. */
export async function tell(
  place: Place,
  world: World,
  facts: readonly Fact[],
  pause: (moment: 1 | 2) => Promise<void>,
): Promise<void> {
  const tells = (...wanted: Fact[]) => wanted.some((fact) => facts.includes(fact));
  const who = new Map<string, Visitor>();
  const person = (name: Member | "nour" | "pia" | "dana") => who.get(name) as Visitor;
  async function signIn(name: Member | "nour"): Promise<Visitor> {
    const visitor = who.get(name) ?? place.visitor();
    who.set(name, visitor);
    const answer = await visitor.signIn(name);
    assert.equal(answer.statusCode, 303, name);
    await visitor.get(String(answer.headers.location));
    return visitor;
  }
  for (const name of ["bea", "clementine"] as const) await signIn(name);

  if (tells("trusted")) {
    const ada = await signIn("ada");
    const answer = await ada.trust(world.trusted ? "bea" : "clementine");
    assert.equal(answer.statusCode, 303);
    await ada.get(String(answer.headers.location));
  }
  if (tells("count")) {
    const dora = await signIn("dora");
    await done(dora.trust("emil"));
    const remove = (username: string) => dora.post("/trust/remove", { username, confirm: "on" }, "/trust");
    await done(world.count ? dora.trust("fay") : remove("emil"));
    await done(world.count ? dora.rules(1) : dora.trust("fay"));
    await done(world.count ? dora.rules(1) : remove("fay"));
  }
  if (tells("kept")) {
    const kaja = await signIn("kaja");
    const keep = { current_password: passwordOf("kaja"), ...(world.kept && { keep_key: "on" }) };
    await done(kaja.rules(2, 0, keep as Record<string, string>));
  }
  if (tells("joined")) {
    const nour = await signIn("nour");
    who.set("pia", await nour.bring("pia", { trust: world.joined }));
    await person("pia").get("/welcome");
  }
  if (tells("held")) await done((await signIn("hana")).trust(world.held ? "gil" : "juna"));
  if (tells("confirmed")) await done((await signIn("lou")).trust("gil"));
  if (tells("inviter")) {
    const letters = { bea: await person("bea").invite(), clementine: await person("clementine").invite() };
    const dana = place.visitor();
    await done(dana.join(letters[world.inviter ? "bea" : "clementine"], "dana"));
    await dana.get("/welcome");
    who.set("dana", dana);
    await person("bea").get("/invites");
    await person("bea").invite();
  }
  if (tells("letter")) {
    const nela = await signIn("nela");
    // From a page that is neither's: here nobody takes time to read one, and the log would tell how long it took.
    if (world.letter) await done(nela.post("/invites", { note: "for ben" }, "/help"));
    else await done(nela.post("/trust/rules", { threshold: "1", wait_days: "0" }, "/help"));
    await nela.get(world.letter ? "/invites" : "/trust");
  }
  if (tells("held", "confirmed")) await letBackIn(place, await signIn("ivo"), "gil");
  await pause(1);
  await doHourly(place.context);
  await doDaily(place.context);
  // Another quarter hour, as far as it is real time: whose session goes on must not show.
  place.advance(15 * 60_000);

  if (tells("held")) {
    await person("hana").signOut();
    await signIn("hana");
  }
  if (tells("confirmed")) {
    const lou = person("lou");
    await lou.signOut();
    await signIn("lou");
    await done(world.confirmed ? lou.post("/trust/confirm", { username: "gil" }, "/trust") : lou.rules(1));
  }
  if (tells("inviter")) {
    await person("clementine").get("/invites");
    await person("clementine").invite();
  }
  if (tells("joined", "inviter")) {
    const nour = await signIn("nour");
    await done(nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree"));
    await nour.get("/admin/tree");
  }
  // They leave old rows on pages that others share: whoever reads one next clears them away, in the log.
  for (const [name, fact] of [
    ["ada", "trusted"],
    ["dora", "count"],
    ["kaja", "kept"],
    ["nela", "letter"],
  ] as const) {
    if (!tells(fact)) continue;
    await person(name).signOut();
    await signIn(name);
  }
  if (tells("helper", "visitor")) {
    const name = (tells("visitor") ? world.visitor : world.helper) ? "bea" : "clementine";
    const helper = tells("visitor") ? await signIn(name) : person(name);
    const { browser, words } = await choose(place, await helper.openCase("malu"), passwordOf("malu", 2));
    await done(helper.agree("malu", words));
    await helper.get("/help/agreed");
    await done(helper.signOut());
    await done(browser.signIn("malu", passwordOf("malu", 2)));
  }
  if (tells("restored")) {
    const kaja = await signIn("kaja");
    const keep = { current_password: passwordOf("kaja"), ...(world.restored && { keep_key: "on" }) };
    await done(kaja.rules(2, 0, keep as Record<string, string>));
    const [emil, fay] = [await signIn("emil"), await signIn("fay")];
    const { browser, words } = await choose(place, await emil.openCase("kaja"), passwordOf("kaja", 2));
    for (const helper of [emil, fay]) await done(helper.agree("kaja", words));
    await done(browser.signIn("kaja", passwordOf("kaja", 2)));
  }
  if (tells("joined")) await done(person("pia").signIn());
  if (tells("inviter")) await done(person("dana").signIn());
  await pause(2);
}
