import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explainOnionProblem, onionOfKey, parseOnion } from "#kith/onion/onion-address.js";

// The Tor Project's own addresses, from their pages.
const REAL = [
  "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion",
  "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion",
];

describe("onion addresses", () => {
  it("real ones are taken, however they are written", () => {
    for (const onion of REAL) {
      assert.deepEqual(parseOnion(onion), { onion });
      assert.deepEqual(parseOnion(` ${onion.toUpperCase()}. `), { onion });
      assert.deepEqual(parseOnion(onion.slice(0, 56)), { onion });
    }
  });

  it("one changed letter is noticed, wherever it is", () => {
    for (let at = 0; at < 56; at++) {
      const letter = REAL[0]![at] === "a" ? "b" : "a";
      const wrong = REAL[0]!.slice(0, at) + letter + REAL[0]!.slice(at + 1);
      assert.ok("problem" in parseOnion(wrong), wrong);
    }
  });

  it("a version 2 address is refused with a message of its own, which says that it is dead", () => {
    for (const text of ["4my2dd2okjr75aho.onion", "EXPYUZZ4WQQYQHJN", "wy6zk3pmcwiyhiao.onion."]) {
      assert.deepEqual(parseOnion(text), { problem: "version-2" });
    }
    assert.match(explainOnionProblem("version-2"), /dead since 2021/);
  });

  it("whatever else is wrong has its name", () => {
    const key = onionOfKey(Buffer.alloc(32, 1));
    assert.deepEqual(parseOnion(key), { onion: key });
    assert.deepEqual(parseOnion(""), { problem: "not-an-onion" });
    assert.deepEqual(parseOnion("example.org"), { problem: "not-an-onion" });
    assert.deepEqual(parseOnion(`www.${REAL[0]}`), { problem: "not-an-onion" });
    assert.deepEqual(parseOnion(`${"1".repeat(56)}.onion`), { problem: "alphabet" });
    assert.deepEqual(parseOnion(`${REAL[0]!.slice(0, 55)}a.onion`), { problem: "version" });
    assert.deepEqual(parseOnion(`${"b".repeat(54)}ad.onion`), { problem: "checksum" });
  });
});
