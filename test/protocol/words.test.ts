import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { lengthPrefixed } from "#kith/protocol/bytes.js";
import { caseWords, suggestPassphrase, WORD_LIST } from "#kith/protocol/words.js";

describe("the four words", () => {
  it("are the first 44 bits of the hash, eleven bits a word", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uint8Array({ minLength: 20, maxLength: 20 }), (id, fingerprint) => {
        const digest = createHash("sha256")
          .update(lengthPrefixed(["kith/v1/words", id, fingerprint]))
          .digest();
        const bits = [...digest].map((byte) => byte.toString(2).padStart(8, "0")).join("");
        const expected = [0, 11, 22, 33].map((at) => WORD_LIST[Number.parseInt(bits.slice(at, at + 11), 2)]);
        assert.deepEqual([...caseWords(id, fingerprint)], expected);
      }),
    );
  });

  it("are others for another case or another pending key", () => {
    const [id, fingerprint] = [randomUUID(), randomBytes(20)];
    const words = caseWords(id, fingerprint).join(" ");
    assert.equal(caseWords(id, fingerprint).join(" "), words);
    assert.notEqual(caseWords(randomUUID(), fingerprint).join(" "), words);
    assert.notEqual(caseWords(id, randomBytes(20)).join(" "), words);
  });

  it("come from a list of 2,048 words, no two alike in their first four letters, all used", () => {
    assert.equal(WORD_LIST.length, 2048);
    assert.equal(new Set(WORD_LIST.map((word) => word.slice(0, 4))).size, 2048);
    const seen = new Set<string>();
    for (let count = 0; count < 8_000; count++)
      for (const word of caseWords(`${count}`, new Uint8Array(20))) seen.add(word);
    assert.equal(seen.size, 2048);
  });
});

describe("a suggested passphrase", () => {
  it("is six words of the list, drawn anew each time", () => {
    const suggestions = Array.from({ length: 200 }, () => suggestPassphrase());
    assert.equal(new Set(suggestions).size, 200);
    for (const suggestion of suggestions) {
      const words = suggestion.split(" ");
      assert.equal(words.length, 6);
      for (const word of words) assert.ok(WORD_LIST.includes(word));
    }
  });
});
