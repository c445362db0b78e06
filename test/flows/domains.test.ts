import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { operatorLetter } from "#kith/invites/letters.js";
import { csrfOf, openPlace, type Place, passwordOf, Visitor, wordsOf } from "../support/app.js";
import { letBackIn, readable } from "../support/resets.js";

// Two domains, and on both a member of the same name: whoever is meant is written and typed with the domain.

describe("members of two domains", () => {
  let place: Place;
  let nour: Visitor;
  let ada: Visitor;
  let bea: Visitor;
  /** bea@second.example */
  let other: Visitor;

  async function joinSecond(username: string): Promise<Visitor> {
    const visitor = new Visitor(place.app);
    const letter = `/invite/${operatorLetter(place.context, "operator", "second.example")}`;
    const page = (await visitor.get(letter)).body;
    assert.match(page, /@second\.example/, "the letter's page says of which domain the name will be");
    assert.equal(
      (await visitor.join(letter, username, { password: passwordOf(`${username} of the second`) })).statusCode,
      303,
    );
    return visitor;
  }
  const listed = async (visitor: Visitor) =>
    [...(await visitor.get("/trust")).body.matchAll(/data-testid="trusted" data-username="([^"]*)"/g)].map(
      (match) => match[1],
    );
  /** Sends the first form with this button as it stands on the page. */
  async function press(visitor: Visitor, html: string, action: string, holding: string) {
    const form = [...html.matchAll(/<form[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/gs)].find(
      ([, to, inner]) => to === action && inner?.includes(holding),
    );
    assert.ok(form, `${action} with ${holding}`);
    const fields = [...(form[2] as string).matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
    return await visitor.request(
      "POST",
      action,
      new URLSearchParams(fields.map(([, name, value]) => [name as string, value as string])).toString(),
    );
  }

  before(async () => {
    place = await openPlace({ env: { KITH_DOMAINS: "first.example,second.example", KITH_INVITES_PER_MEMBER: "40" } });
    nour = await place.founder();
    ada = await nour.bring("ada", { trust: false });
    bea = await nour.bring("bea", { trust: false });
    other = await joinSecond("bea");
  });

  it("are listed by names that tell them apart, and removed by the button beside the name", async () => {
    assert.equal((await ada.trust("bea@second.example")).statusCode, 303);
    assert.equal((await ada.trust("bea")).statusCode, 303);
    assert.deepEqual(await listed(ada), ["bea", "bea@second.example"]);
    const card = readable((await ada.get("/trust/card")).body);
    assert.match(card, /bea@second\.example/);
    const page = (await ada.get("/trust")).body;
    assert.equal((await press(ada, page, "/trust/remove", "bea@second.example")).statusCode, 303);
    assert.deepEqual(await listed(ada), ["bea"]);
  });

  it("type their own name with the domain, and their card says so", async () => {
    assert.equal((await other.trust("ada")).statusCode, 303);
    assert.match(readable((await other.get("/trust/card")).body), /bea@second\.example/);
    const own = passwordOf("bea of the second");
    assert.equal((await new Visitor(place.app).signIn("bea@second.example", own)).statusCode, 303);
    assert.equal((await new Visitor(place.app).signIn("bea", own)).statusCode, 422);
  });

  it("are let back in by the forms as the pages give them", async () => {
    const link = await ada.openCase("bea@second.example");
    const browser = place.visitor();
    const choosing = (await browser.get(link)).body;
    assert.match(choosing, /autocomplete="username" value="bea@second\.example"/);
    const fresh = passwordOf("bea of the second", 2);
    const words = wordsOf((await browser.post(link, { password: fresh }, link)).body);
    // As after an hour: from the name typed in full, with the buttons of the page that comes.
    const compare = (await ada.help("bea@second.example")).body;
    assert.deepEqual(wordsOf(compare), words);
    const agreed = await press(ada, compare, "/help/approve", 'name="case"');
    assert.equal(agreed.statusCode, 303);
    assert.match(readable((await ada.get("/help/agreed")).body), /bea@second\.example/);
    assert.equal((await browser.signIn("bea@second.example", fresh)).statusCode, 303);
    assert.equal(
      (await new Visitor(place.app).signIn("bea")).statusCode,
      303,
      "the other bea's password is hers still",
    );
  });

  it("with a new key are confirmed by the button that names them, and by no other", async () => {
    const dora = await nour.bring("dora", { trust: false });
    await dora.trust("bea");
    await dora.trust("bea@second.example");
    await bea.signIn("bea");
    await bea.trust("nour");
    const backIn = new Visitor(place.app);
    const second = passwordOf("bea of the second", 2);
    assert.equal((await backIn.signIn("bea@second.example", second)).statusCode, 303);
    await backIn.trust("ada");
    await letBackIn(place, nour, "bea");
    const link = await ada.openCase("bea@second.example", true);
    const browser = place.visitor();
    const third = passwordOf("bea of the second", 3);
    await ada.agree("bea@second.example", wordsOf((await browser.post(link, { password: third }, link)).body));
    assert.equal((await browser.signIn("bea@second.example", third)).statusCode, 303);

    const again = new Visitor(place.app);
    assert.equal((await again.signIn("dora")).headers.location, "/trust/confirm");
    const page = (await again.get("/trust/confirm")).body;
    assert.equal((await press(again, page, "/trust/confirm", "bea@second.example")).statusCode, 303);
    const left = readable((await again.get("/trust/confirm")).body);
    assert.doesNotMatch(left, /bea@second\.example/);
    assert.match(left, /bea/);
    assert.ok(csrfOf(page));
  });

  it("who invited somebody, and who came, are told with the domain", async () => {
    const inviter = await joinSecond("nour");
    const letter = await inviter.invite();
    const newcomer = new Visitor(place.app);
    assert.match(readable((await newcomer.get(letter)).body), /nour@second\.example/i);
    const joined = await newcomer.join(letter, "emil");
    assert.equal(joined.statusCode, 303, readable(joined.body));
    assert.match(readable((await newcomer.get("/welcome")).body), /nour@second\.example/);
    await inviter.get("/");
    assert.match(readable((await inviter.get("/invites")).body), /emil@second\.example/);
  });
});
