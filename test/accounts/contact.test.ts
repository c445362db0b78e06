import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { openColumn } from "#kith/protocol/column.js";
import { openPlace, type Place, type Visitor } from "../support/app.js";
import { accountOf } from "../support/pages.js";

/** So many bytes in UTF-8. */
const ofBytes = (bytes: number, letter: string) => {
  const room = bytes - "@e.org".length;
  const size = Buffer.byteLength(letter);
  return `${"x".repeat(room % size)}${letter.repeat(Math.floor(room / size))}@e.org`;
};

describe("the contact address", () => {
  let place: Place;
  let ada: Visitor;
  before(async () => {
    place = await openPlace();
    ada = await place.founder("ada");
  });
  const setAddress = (address: string) => ada.post("/account/contact", { address }, "/account");
  const stored = async () => {
    const { id, contact } = await accountOf(place.context.pool, "ada");
    return openColumn(place.context.secret, "contact", id as string, contact as Buffer);
  };

  it("may have 254 bytes, in any script, and is said on the next page", async () => {
    for (const letter of ["x", "ü", "ﷺ", "🦔", "\\"]) {
      const address = ofBytes(254, letter);
      assert.equal((await setAddress(address)).statusCode, 303, letter);
      assert.equal(await stored(), address);
      const page = (await ada.get("/account")).body;
      assert.match(page, /is kept\./);
      assert.match(page, /Kith sends no mail at present/, "nothing is promised without KITH_MAIL_FROM");
      assert.doesNotMatch(page, /Notices go to|Kith writes there/);
    }
  });

  it("is refused at its field where it is longer, or has control characters or white space, and nothing changes", async () => {
    const before = await accountOf(place.context.pool, "ada");
    const controls = ["\u0001", "\u001b", "\u007f", "\u0085", "\t", "\n", " ", "\u00a0", "\u2028", "\u3000"];
    for (const address of [
      ...["x", "ü", "ﷺ", "🦔"].map((letter) => ofBytes(255, letter)),
      `${"ü".repeat(200)}@e.org`,
      `${"\u0001".repeat(240)}@e.org`,
      ...controls.flatMap((control) => [`a${control}b@e.org`, `ab@e${control}e.org`]),
    ]) {
      const answer = await setAddress(address);
      assert.equal(answer.statusCode, 422, JSON.stringify(address));
      assert.match(answer.body, /That is not a mail address/);
    }
    assert.deepEqual(await accountOf(place.context.pool, "ada"), before);
  });
});
