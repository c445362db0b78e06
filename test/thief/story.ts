import assert from "node:assert/strict";
import { openPlace, type Place, passwordOf, type Visitor } from "../support/app.js";
import { choose, letBackIn, trustAll, turnOnSecondStep } from "../support/resets.js";
import { type Dump, dump } from "./dump.js";
import { KeyRing } from "./key-ring.js";

export interface Told {
  place: Place;
  ring: KeyRing;
  /** In the middle of the story: some have a new key that those who trust them have not noticed yet. */
  earlier: Dump;
  /** At the end, after those have signed in. */
  later: Dump;
}

const NAMES = [
  ...["ada", "bea", "cem", "dora", "emil", "fay", "gil", "hana", "ivo"],
  ...["juna", "kaja", "lou", "malu", "nils", "rosa"],
] as const;

/** Everything that members, their helpers and admins can have stored, in four slots each. */
export async function tellEverything(): Promise<Told> {
  const place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "40", KITH_TRUST_SLOTS: "4" } });
  const ring = new KeyRing(place);
  const nour = await place.founder();
  const who: Record<string, Visitor> = { nour };
  const person = (name: string) => who[name] as Visitor;
  for (const name of NAMES) who[name] = await nour.bring(name, { trust: false });
  who.olga = await nour.bring("olga");
  who.pia = await person("bea").bring("pia");
  for (const name of Object.keys(who)) await ring.take(name);

  // Admins: bea is one; rosa was one and left, so that a second review key took over.
  await makeAdmin(nour, "bea");
  await makeAdmin(nour, "rosa");
  await person("bea").signIn();
  await ring.takeReview("nour");
  const phrase = await makeRecovery(nour);
  await ring.takeRecovery(phrase);
  await done(nour.post("/admin/accounts/role", { username: "rosa", role: "member" }, "/admin/accounts"));
  await nour.signIn();
  await person("bea").signIn();
  await ring.takeReview("nour");
  who.sami = await nour.bring("sami", { trust: false });
  await ring.take("sami");

  // Dora is reset with a new key; ada, who trusts her, has not signed in since.
  await trustAll(person("dora"), ["emil"]);
  await trustAll(person("ada"), ["bea", "cem", "dora"]);
  await letBackIn(place, person("emil"), "dora");
  await ring.take("dora", 2);

  // Kaja keeps her key and is reset by two of three; then gil, the third, gets a new key by hand.
  await trustAll(person("kaja"), ["emil", "fay", "gil"], { threshold: 2, keepKey: true });
  const kaja = await choose(place, await person("emil").openCase("kaja"), passwordOf("kaja", 2));
  await ring.takePending("kaja");
  for (const helper of ["emil", "fay"]) await done(person(helper).agree("kaja", kaja.words));
  await done(kaja.browser.signIn("kaja", passwordOf("kaja", 2)));
  await ring.take("kaja", 2);
  await trustAll(person("gil"), ["ada", "bea"], { threshold: 2, keepKey: true });
  await done(person("gil").rules(2, 0, { current_password: passwordOf("gil") }));
  await ring.take("gil");

  // Cases in every stage: a link, a password, one approval of two, ripe but for the wait, stopped.
  await trustAll(person("lou"), ["bea"]);
  await person("bea").openCase("lou");
  await trustAll(person("malu"), ["cem"]);
  await choose(place, await person("cem").openCase("malu"), passwordOf("malu", 2));
  await ring.takePending("malu");
  await trustAll(person("nils"), ["cem", "ada"], { threshold: 2 });
  const nils = await choose(place, await person("cem").openCase("nils"), passwordOf("nils", 2));
  await done(person("cem").agree("nils", nils.words));
  await ring.takePending("nils");
  await done(person("olga").rules(1, 3));
  const olga = await choose(place, await nour.openCase("olga"), passwordOf("olga", 2));
  await done(nour.agree("olga", olga.words));
  await ring.takePending("olga");
  await trustAll(person("juna"), ["fay"]);
  await choose(place, await person("fay").openCase("juna"), passwordOf("juna", 2));
  await ring.takePending("juna");
  await done(person("juna").signIn());

  // Hana is suspended while ivo trusts her; sami is given invites; each finds a note.
  await trustAll(person("ivo"), ["hana", "juna"]);
  const reason = "She asked for it herself.";
  await done(nour.post("/admin/accounts/suspend", { username: "hana", reason }, "/admin/accounts"));
  await done(nour.post("/admin/accounts/invites", { username: "sami", count: "2" }, "/admin/accounts"));
  await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree");
  await nour.get("/admin/tree");

  await turnOnSecondStep(place, person("emil"));
  await done(person("fay").post("/account/contact", { address: "fay@example.org" }, "/account"));
  await nour.invite();
  const change = { current_password: passwordOf("pia"), password: passwordOf("pia", 2) };
  await done(person("pia").post("/security/password", change, "/security"));
  await ring.take("pia", 2);
  const { pool } = place.context;
  const earlier = await dump(pool);

  for (const name of ["ada", "ivo", "sami"]) await done(place.visitor().signIn(name));
  await done(place.visitor().signIn("kaja", passwordOf("kaja", 2)));
  const later = await dump(pool);
  return { place, ring, earlier, later };
}

async function done(answer: Promise<{ statusCode: number }>): Promise<void> {
  assert.equal((await answer).statusCode, 303);
}

async function makeAdmin(nour: Visitor, username: string): Promise<void> {
  await done(nour.post("/admin/accounts/role", { username, role: "admin" }, "/admin/accounts"));
  await done(nour.post("/admin/confirm", { username }, "/admin/accounts"));
}

async function makeRecovery(nour: Visitor): Promise<string> {
  await nour.post("/admin/recovery", { current_password: passwordOf("nour") }, "/admin/recovery");
  const shown = (await nour.get("/admin/recovery")).body;
  const list = /data-testid="recovery-phrase"[^>]*>(.*?)<\/ol>/s.exec(shown)?.[1] ?? "";
  const words = [...list.matchAll(/<li>([a-z]+)<\/li>/g)].map((match) => match[1] as string);
  assert.equal(words.length, 12);
  const asked = [...(await nour.get("/admin/recovery?ask=1")).body.matchAll(/name="word_(\d+)"/g)];
  const answers = Object.fromEntries(asked.map(([, at]) => [`word_${at}`, words[Number(at) - 1] as string]));
  await done(nour.post("/admin/recovery", { check: "on", ...answers }));
  return words.join(" ");
}
