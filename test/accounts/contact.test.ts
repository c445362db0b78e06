import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { startMailQueue } from "#kith/mail/queue.js";
import type { Domain } from "#kith/onion/domain.js";
import { pinDomain } from "#kith/onion/edit-map.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
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

  it("is said to get mail, before and after it is saved, where it does", async (test) => {
    const from = { KITH_MAIL_FROM: "kith@localhost" };
    const places: [NodeJS.ProcessEnv, string[]][] = [
      [{ ...from, KITH_SMTP_URL: "smtp://127.0.0.1:1" }, ["clear.example", "dark.example"]],
      [from, ["dark.example"]],
      [{ ...from, KITH_MAIL_OVER_ONION: "false" }, []],
      [{}, []],
    ];
    for (const [env, mailed] of places) {
      const { context, founder } = await openPlace({ env });
      const nour = await founder();
      // The changes are told by mail.
      const queue = await startMailQueue(context);
      test.after(() => queue.stop());
      const onion = onionOfKey(Buffer.alloc(32, 1));
      await pinDomain(context, { domain: "dark.example" as Domain, onion, port: 25 }, "nour");
      for (const domain of ["clear.example", "dark.example"]) {
        const said = `${domain}: ${JSON.stringify(env)}`;
        const isMailed = mailed.includes(domain);
        await nour.post("/account/contact", { address: `somebody@${domain}` }, "/account");
        const saved = (await nour.get("/account")).body;
        assert.equal(/Notices go to somebody@/.test(saved), isMailed, said);
        for (const page of [saved, (await nour.get("/account")).body]) {
          assert.equal(/Kith sends no mail at present/.test(page), !isMailed, said);
          assert.equal(/Kith writes there/.test(page), isMailed, said);
        }
      }
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

  it("changes five times an hour; what is refused, or is the same address, is no change", async () => {
    const limited = await openPlace({ env: { KITH_LIMITS: "" } });
    const nour = await limited.founder();
    const bea = await nour.bring("bea");
    const set = async (member: Visitor, address: string) =>
      (await member.post("/account/contact", { address }, "/account")).statusCode;
    for (let count = 1; count <= 5; count++) {
      assert.equal(await set(nour, "no address"), 422);
      assert.equal(await set(nour, `nour@number${count}.example`), 303);
      assert.equal(await set(nour, `nour@number${count}.example`), 303, "the same");
    }
    const before = await accountOf(limited.context.pool, "nour");
    for (const address of ["nour@number6.example", ""]) assert.equal(await set(nour, address), 429);
    assert.equal(await set(nour, "nour@number5.example"), 303, "the same");
    assert.deepEqual(await accountOf(limited.context.pool, "nour"), before);
    assert.equal(await set(bea, "bea@elsewhere.example"), 303, "another member is not hit");
  });
});
