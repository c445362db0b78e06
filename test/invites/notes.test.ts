import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { openPlace, type Place, textOf, type Visitor } from "../support/app.js";
import { accountOf } from "../support/pages.js";

describe("the note of a letter", () => {
  let place: Place;
  let ada: Visitor;
  before(async () => {
    place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "40" } });
    ada = await place.founder("ada");
  });
  const write = (note: string) => ada.post("/invites", { note }, "/invites");

  it("takes at most 60 bytes of the self record", async () => {
    for (const note of ["x".repeat(60), "ü".repeat(30), '"'.repeat(30), "\\".repeat(30), "🦔".repeat(15)]) {
      assert.equal((await write(note)).statusCode, 303, note);
      assert.ok(textOf((await ada.get("/invites")).body, "invite-link"), "the letter is shown");
    }
    const before = await accountOf(place.context.pool, "ada");
    for (const note of ["x".repeat(61), "ü".repeat(31), '"'.repeat(31), "\\".repeat(60), "🦔".repeat(16)]) {
      const answer = await write(note);
      assert.equal(answer.statusCode, 422, note);
      assert.match(answer.body, /The note is too long/);
      assert.match(answer.body, /aria-invalid="true"/);
    }
    assert.deepEqual(await accountOf(place.context.pool, "ada"), before);
  });

  it("is one line: with a control character it is refused at its field, and nothing changes", async () => {
    const before = await accountOf(place.context.pool, "ada");
    for (const note of ["a\nb", "a\tb", "a\u0001b", "a\u001bb", "a\u007fb", "a\u0085b", "\u0001".repeat(60)]) {
      const answer = await write(note);
      assert.equal(answer.statusCode, 422, JSON.stringify(note));
      assert.match(answer.body, /Write it on one line/);
    }
    assert.deepEqual(await accountOf(place.context.pool, "ada"), before);
    assert.equal((await write(" for ben\n")).statusCode, 303, "before and after it they don't count");
    assert.match((await ada.get("/invites")).body, /for ben</);
  });
});
