import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dictionary } from "@zxcvbn-ts/language-common";
import { checkPassword } from "#kith/accounts/password-policy.js";
import { suggestPassphrase } from "#kith/protocol/words.js";
import { passwordOf } from "../support/app.js";

const SURROUNDINGS = { username: "ada", domains: ["kith.example.org"] as const, serviceName: "Hedgehog" };
const check = (password: string, min = 15) => checkPassword(password, min, SURROUNDINGS)?.code ?? "good";
const LIST = dictionary["passwords-common"] as string[];

describe("a new password", () => {
  it("has 15 characters or more, up to 256, and every character counts as one", () => {
    assert.equal(check("qv7 rpl zu tmw"), "too-short");
    assert.equal(check("qv7 rpl zu tmwk"), "good");
    assert.equal(check("🦔🌲🍄🪵🌰🍂🦉🌙🕸🌾🐌🪨🌧🍁"), "too-short");
    assert.equal(check("🦔🌲🍄🪵🌰🍂🦉🌙🕸🌾🐌🪨🌧🍁🌱"), "good");
    // Fifteen letters with their dots beside them are fifteen characters (NFC).
    assert.equal(check("u\u0308w\u0308".repeat(4)), "too-short");
    const long = "qv7 rpl zu tmwk ".repeat(16);
    assert.equal(check(long), "good");
    assert.equal(check(`${long}x`), "too-long");
  });

  it("may consist of anything: one kind of characters, any script, spaces at its ends", () => {
    for (const password of [
      "927350184629571",
      "QVRPLZUTMWKXBNA",
      "qvrplzutmwkxbna",
      "ἀρχὴ ἥμισυ παντός",
      "  leading and trailing  ",
      "!§$%&/()=?*+#'~",
      "schokoladenkuchen im regen",
      "correct horse battery staple",
    ]) {
      assert.equal(check(password), "good", password);
    }
  });

  it("is refused when it is one of the common ones, whatever the case and whatever stands between", () => {
    assert.ok(LIST.length > 40_000, `${LIST.length} common passwords`);
    for (const password of LIST.filter((one) => [...one].length >= 8)) {
      assert.notEqual(check(password, 8), "good", password);
      assert.notEqual(check(password.toUpperCase(), 8), "good", password);
    }
    for (const password of ["Pass-Word-1234", "i love you 1 2 3", "Q W E R T Y U I O P 1"])
      assert.equal(check(password, 8), "common", password);
  });

  it("of 15 characters or more is refused when it is put together from few of them", () => {
    for (const password of [
      "passwordpassword",
      "password123456789",
      "iloveyouprincess1",
      "Iloveyou Princess 1",
      "dragonmonkeysunshine",
      "Football.Football.2",
      "1qaz2wsx3edc4rfv",
      "qwertyuiopasdfghjkl",
      "123123123123123",
      "abcabcabcabcabc",
      "aaaaaaaaaaaaaaa",
      "letmeinletmein12",
    ]) {
      assert.equal(check(password), "common", password);
    }
    // Sentences of everyday words are what people are asked for.
    for (const password of [
      "green apple table",
      "freedom for everybody",
      "secret garden party",
      "long enough password",
    ]) {
      assert.equal(check(password), "good", password);
    }
  });

  it("is refused when it holds the username, the name of the collective or a domain", () => {
    assert.equal(check("qv7 rpl ada tmwk zu"), "contains-username");
    assert.equal(check("qv7 rpl hedgehog zu"), "contains-service");
    assert.equal(check("qv7 KITH.example.org"), "contains-service");
  });

  it("that Kith suggests is never refused, nor are those of these tests", () => {
    for (let count = 0; count < 2_000; count++) {
      const password = suggestPassphrase();
      assert.notEqual(check(password), "common", password);
    }
    for (const name of ["ada", "bea", "cem", "nour"]) assert.equal(check(passwordOf(name)), "good");
  });
});
