import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, it } from "node:test";
import { openSession } from "#kith/accounts/sessions.js";
import { changeState, openOwnState } from "#kith/accounts/state.js";
import { setStatus } from "#kith/accounts/suspend.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { openPlace, type Place, type Visitor } from "../support/app.js";
import { accountOf } from "../support/pages.js";

const SLOTS = 32;
const LETTERS = 40;
const NOTE = "n".repeat(60);
/** As long as it may be. */
const DOMAIN = ["a".repeat(63), "b".repeat(63), "c".repeat(32)].join(".");

describe("a self record as full as it gets", () => {
  let place: Place;
  let ada: Visitor;
  const people = Array.from({ length: SLOTS }, (_, number) => `${number}`.padStart(2, "0").padEnd(32, "x"));
  before(async () => {
    place = await openPlace({
      env: {
        KITH_DOMAINS: `localhost,${DOMAIN}`,
        KITH_TRUST_SLOTS: `${SLOTS}`,
        KITH_INVITES_PER_MEMBER: "40",
        KITH_ARGON2: "m=64,t=1,p=1",
      },
    });
    ada = await place.founder("ada");
    for (const name of people) {
      const letter = `/invite/${operatorLetter(place.context, "operator", DOMAIN)}`;
      assert.equal((await place.visitor().join(letter, name)).statusCode, 303);
    }
  });

  const sessionOf = async (browser: Visitor) => {
    const session = await openSession(place.context, browser.cookies.get("session") ?? "");
    assert.ok(session);
    return session;
  };
  const recordOf = async (browser: Visitor) => (await openOwnState(place.context, await sessionOf(browser))).record;
  const signInOften = async (times: number) => {
    const browsers: Visitor[] = [];
    for (let time = 1; time <= times; time++) {
      const browser = place.visitor();
      assert.equal((await browser.signIn("ada")).statusCode, 303, `sign-in ${time}`);
      browsers.push(browser);
    }
    return browsers;
  };
  /** Those in which somebody is signed in. */
  const stillIn = async (browsers: readonly Visitor[]) => {
    const statuses = await Promise.all(browsers.map(async (one) => (await one.get("/account")).statusCode));
    return browsers.filter((_, index) => statuses[index] === 200);
  };

  it("refuses one more letter or person with a sentence at the field, and opens at every sign-in", async () => {
    for (const name of people.slice(1)) assert.equal((await ada.trust(`${name}@${DOMAIN}`)).statusCode, 303, name);
    let letters = 0;
    let refused: string | undefined;
    while (letters < LETTERS && refused === undefined) {
      const answer = await ada.post("/invites", { note: NOTE }, "/invites");
      assert.ok(answer.statusCode === 303 || answer.statusCode === 422, `letter ${letters}: ${answer.statusCode}`);
      if (answer.statusCode === 422) refused = answer.body;
      else letters += 1;
    }
    const sentence = /Your list and your open letters fill the room/;
    assert.match(refused ?? "", sentence);
    assert.ok(letters >= 10, `${letters} letters beside the list`);
    const before = await accountOf(place.context.pool, "ada");
    const last = await ada.trust(`${people[0]}@${DOMAIN}`);
    assert.equal(last.statusCode, 422);
    assert.match(last.body, sentence);
    assert.match(last.body, /aria-invalid="true"/);
    assert.deepEqual(await accountOf(place.context.pool, "ada"), before, "what is refused changes nothing");

    const browsers = await signInOften(24);
    // Now there is more to tell than is kept.
    for (const username of people) await setStatus(place.context, { username, domain: DOMAIN }, "suspended");
    browsers.push(...(await signInOften(1)));
    assert.deepEqual(await stillIn(browsers), browsers.slice(-20));
    const record = await recordOf(browsers.at(-1) as Visitor);
    assert.equal(record.trusted.length, SLOTS - 1);
    assert.equal(record.openLetters.length, letters);
    assert.equal(record.sessions.length, 20);
    assert.equal(record.told.length, 9, "as many as the reserve holds of names this long");
  });

  it("takes somebody again once a letter was taken back", async () => {
    await ada.signIn();
    for (let time = 0; time < 3; time++) {
      const id = /name="invite" value="([^"]+)"/.exec((await ada.get("/invites")).body)?.[1];
      assert.ok(id);
      assert.equal((await ada.post("/invites/revoke", { invite: id }, "/invites")).statusCode, 303);
    }
    await setStatus(place.context, { username: people[0] as string, domain: DOMAIN }, "active");
    assert.equal((await ada.trust(`${people[0]}@${DOMAIN}`)).statusCode, 303);
    assert.equal((await recordOf(ada)).trusted.length, SLOTS);
  });

  it("from before there was a reserve opens at every sign-in, too, and whichever session it lists no longer is over", async () => {
    const session = await sessionOf(ada);
    await changeState(place.context, session, async (state) => {
      const { openLetters, sessions } = state.record;
      const [letter] = openLetters;
      assert.ok(letter);
      while (openLetters.length < LETTERS) {
        openLetters.push({ ...letter, nonce: randomBytes(16).toString("base64url") });
      }
      // Each of these takes two bytes.
      for (const one of openLetters) one.note = '"'.repeat(NOTE.length);
      sessions.splice(0, sessions.length - 1);
      return { store: true, outcome: undefined };
    });
    const browsers = await signInOften(25);
    const { trusted, openLetters, sessions } = await recordOf(browsers.at(-1) as Visitor);
    assert.equal(trusted.length, SLOTS);
    assert.equal(openLetters.length, LETTERS);
    assert.ok(sessions.length > 1 && sessions.length < 20, `${sessions.length} sessions`);
    assert.deepEqual(await stillIn(browsers), browsers.slice(-sessions.length));
  });
});
