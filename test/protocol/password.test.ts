import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toHex } from "#kith/protocol/bytes.js";
import {
  decoyParameters,
  decoySalt,
  deriveUnlockKey,
  formatParameters,
  newSalt,
  parseParameters,
} from "#kith/protocol/password.js";

const QUICK = { memoryKiB: 64, timeCost: 1, parallelism: 1 };

describe("the unlock key", () => {
  it("is Argon2id as the reference implementation computes it", async () => {
    // test.c of phc-winner-argon2, version 0x13, Argon2id. RFC 9106's own vector uses inputs that Kith has not.
    const salt = Buffer.from("somesalt");
    for (const [memoryKiB, timeCost, parallelism, password, expected] of [
      [65_536, 2, 1, "password", "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"],
      [256, 2, 1, "password", "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"],
      [256, 2, 2, "password", "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"],
      [65_536, 2, 1, "differentpassword", "0b84d652cf6b0c4beaef0dfe278ba6a80df6696281d7e0d2891b817d8c458fde"],
    ] as const) {
      const key = await deriveUnlockKey(password, salt, { memoryKiB, timeCost, parallelism });
      assert.equal(toHex(key), expected, `m=${memoryKiB},t=${timeCost},p=${parallelism}`);
    }
  });

  it("depends on password, salt and every parameter", async () => {
    const salt = newSalt();
    const keys = await Promise.all([
      deriveUnlockKey("a", salt, QUICK),
      deriveUnlockKey("b", salt, QUICK),
      deriveUnlockKey("a ", salt, QUICK),
      deriveUnlockKey("a", newSalt(), QUICK),
      deriveUnlockKey("a", salt, { ...QUICK, memoryKiB: 72 }),
      deriveUnlockKey("a", salt, { ...QUICK, timeCost: 2 }),
      deriveUnlockKey("a", salt, { ...QUICK, parallelism: 2 }),
    ]);
    for (const key of keys) assert.equal(key.length, 32);
    assert.equal(new Set(keys.map(toHex)).size, keys.length);
  });

  it("is the same for both ways of typing one character, and different where only case or width differ", async () => {
    const salt = newSalt();
    const key = async (password: string) => toHex(await deriveUnlockKey(password, salt, QUICK));
    assert.equal(await key("caf\u00e9"), await key("cafe\u0301"));
    assert.notEqual(await key("café"), await key("CAFÉ"));
    assert.notEqual(await key("abc"), await key("\uff41bc"));
    assert.equal(await key("🦔 hedgehog"), await key("🦔 hedgehog"));
  });
});

describe("salts and parameters", () => {
  it("are written and read in one way only", () => {
    fc.assert(
      fc.property(fc.nat(99_999_999), fc.nat(999), fc.nat(999), (memoryKiB, timeCost, parallelism) => {
        const parameters = { memoryKiB, timeCost, parallelism };
        assert.deepEqual(parseParameters(formatParameters(parameters)), parameters);
      }),
    );
    for (const text of [
      "",
      " m=1,t=1,p=1",
      "m=1,m=1,t=1,p=1",
      "m=1",
      "m=1,t=1",
      "t=1,m=1,p=1",
      "m=1,t=1,p=1 ",
      "m=-1,t=1,p=1",
      "m=1e9,t=1,p=1",
      "m=999999999,t=1,p=1",
    ]) {
      assert.equal(parseParameters(text), undefined, text);
    }
  });

  it("of names that nobody has are drawn in the shares in which accounts have them, each name always the same", () => {
    const secret = new Uint8Array(32).fill(7);
    const other = { ...QUICK, timeCost: 2 };
    const shares = [
      { parameters: QUICK, accounts: 3 },
      { parameters: other, accounts: 1 },
    ];
    const names = Array.from({ length: 4000 }, (_, at) => `nobody-${at}`);
    const draw = (domain: string) => names.map((name) => decoyParameters(secret, domain, name, shares));
    const drawn = draw("example.org");
    assert.ok(drawn.every((parameters) => parameters === QUICK || parameters === other));
    const share = drawn.filter((parameters) => parameters === QUICK).length / names.length;
    assert.ok(share > 0.72 && share < 0.78, `${share}`);
    assert.deepEqual(draw("example.org"), drawn);
    assert.notDeepEqual(draw("example.net"), drawn);
    assert.notDeepEqual(
      names.map((name) => decoyParameters(new Uint8Array(32), "example.org", name, shares)),
      drawn,
    );
    assert.equal(decoyParameters(secret, "example.org", "ada", []), undefined);
  });

  it("of a name that nobody has are the same at every try, and tell one name, domain and server from another", () => {
    const secret = randomBytes(32);
    const salts = [
      decoySalt(secret, "example.org", "ada"),
      decoySalt(secret, "example.org", "bea"),
      decoySalt(secret, "example.net", "ada"),
      decoySalt(secret, "example.orga", "da"),
      decoySalt(randomBytes(32), "example.org", "ada"),
    ];
    assert.deepEqual(decoySalt(secret, "example.org", "ada"), salts[0]);
    for (const salt of salts) assert.equal(salt.length, newSalt().length);
    assert.equal(new Set(salts.map(toHex)).size, salts.length);
  });
});
