import assert from "node:assert/strict";
import { casesOf, countOf, type Place, passwordOf, textOf, Visitor, wordsOf } from "./app.js";

/** The main way, over HTTP: join, trust, forget the password, be let back in, and be trusted again. */
export async function tellNewcomer(place: Place): Promise<void> {
  const nour = await place.founder();
  const bea = await nour.bring("bea");
  const ada = await nour.bring("ada", { trust: false });
  assert.equal(countOf((await bea.get("/trust")).body, "trusted"), 1, "the inviter is bea's first trusted person");
  assert.equal(countOf((await ada.get("/trust")).body, "trusted"), 0, "ada unticked it");

  assert.equal((await ada.trust("bea")).statusCode, 303);
  assert.equal((await bea.trust("ada")).statusCode, 303);
  assert.match((await ada.get("/trust")).body, /bea/);
  await ada.signOut();

  // Bea was signed in all the time: her key fits ada's present tokens.
  const path = await bea.openCase("ada");
  const locked = new Visitor(place.app);
  const page = await locked.get(path);
  assert.equal(page.statusCode, 200);
  const done = await locked.post(path, { password: passwordOf("ada", 2) }, path);
  assert.equal(done.statusCode, 200);
  const words = wordsOf(done.body);
  assert.equal(words.length, 4);
  assert.equal((await locked.get(path)).statusCode, 404, "the link is dead");

  const waiting = await locked.signIn("ada", passwordOf("ada", 2));
  assert.equal(waiting.statusCode, 200, "nobody agreed yet");
  assert.deepEqual(wordsOf(waiting.body), words);
  assert.ok(!locked.cookies.has("session"));

  const compare = await bea.help("ada");
  assert.deepEqual(
    casesOf(compare.body).map((one) => one.words),
    [words],
  );
  const agreed = await bea.agree("ada", words);
  assert.equal(agreed.statusCode, 303);
  assert.equal((await bea.get("/help/agreed")).statusCode, 200);

  const back = await locked.signIn("ada", passwordOf("ada", 2));
  assert.equal(back.statusCode, 303);
  assert.match((await locked.get("/")).body, /You are back in, ada/);
  assert.equal(countOf((await locked.get("/trust")).body, "trusted"), 0, "asked to name people again");
  assert.equal((await new Visitor(place.app).signIn("ada", passwordOf("ada"))).statusCode, 422, "the old password");

  // Whoever trusts ada is asked at the next sign-in; until the yes, ada can't help.
  assert.equal(textOf((await locked.help("bea")).body, "handover-link"), undefined);
  await bea.signOut();
  const landing = await bea.signIn("bea");
  assert.equal(landing.headers.location, "/trust/confirm");
  assert.match((await bea.get("/trust/confirm")).body, /keep trusting ada/);
  assert.equal(textOf((await locked.help("bea")).body, "handover-link"), undefined);
  assert.equal((await bea.post("/trust/confirm", { username: "ada" }, "/trust")).statusCode, 303);
  assert.ok(textOf((await locked.help("bea")).body, "handover-link"), "ada can help again");
}
