import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BOX_OVERHEAD_BYTES, discloseBytes, encloseBytes, pad, unpad } from "#kith/protocol/box.js";
import { altered } from "../support/keys.js";

const key = () => fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("a box", () => {
  it("gives back what was put in, with the same key and context", () => {
    fc.assert(
      fc.property(
        key(),
        fc.uint8Array({ maxLength: 80 }),
        fc.array(fc.string(), { maxLength: 3 }),
        (k, text, context) => {
          const box = encloseBytes(k, text, ...context);
          assert.equal(box.length, text.length + BOX_OVERHEAD_BYTES);
          assert.deepEqual(new Uint8Array(discloseBytes(k, box, ...context)!), text);
        },
      ),
    );
  });

  it("does not open when any bit of it is another", () => {
    const k = randomBytes(32);
    const box = encloseBytes(k, randomBytes(20), "account");
    for (let at = 0; at < box.length; at++) {
      for (let bit = 0; bit < 8; bit++) assert.equal(discloseBytes(k, altered(box, at, bit), "account"), undefined);
    }
  });

  it("does not open with any bit of the key turned over", () => {
    const k = randomBytes(32);
    const box = encloseBytes(k, randomBytes(20));
    for (let at = 0; at < 32; at++) assert.equal(discloseBytes(altered(k, at, at % 8), box), undefined);
  });

  it("does not open in another context, even one that reads the same when joined", () => {
    const k = randomBytes(32);
    const box = encloseBytes(k, randomBytes(20), "ab", "c");
    for (const other of [[], ["ab"], ["abc"], ["a", "bc"], ["c", "ab"], ["ab", "c", ""], ["ab", null]]) {
      assert.equal(discloseBytes(k, box, ...other), undefined, JSON.stringify(other));
    }
  });

  it("does not open when it was cut short or made longer", () => {
    const k = randomBytes(32);
    const box = encloseBytes(k, randomBytes(20));
    for (let length = 0; length < box.length; length++)
      assert.equal(discloseBytes(k, box.subarray(0, length)), undefined);
    assert.equal(discloseBytes(k, Buffer.concat([box, Buffer.alloc(1)])), undefined);
  });

  it("holds nothing as well as something", () => {
    const k = randomBytes(32);
    const box = encloseBytes(k, new Uint8Array(0), "account");
    assert.equal(discloseBytes(k, box, "account")?.length, 0);
    assert.equal(discloseBytes(k, box, "another"), undefined);
  });

  it("is never the same twice", () => {
    const k = randomBytes(32);
    const boxes = Array.from({ length: 100 }, () => Buffer.from(encloseBytes(k, Buffer.from("same"))).toString("hex"));
    assert.equal(new Set(boxes).size, 100);
  });
});

describe("padding", () => {
  it("makes exactly the size, and is taken off without a trace", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 64, max: 300 }), (text, size) => {
        const padded = pad(text, size);
        assert.equal(padded.length, size);
        assert.deepEqual(new Uint8Array(unpad(padded)!), text);
      }),
    );
  });

  it("holds up to four bytes less than the size, and not one more", () => {
    assert.equal(pad(new Uint8Array(252), 256).length, 256);
    assert.throws(() => pad(new Uint8Array(253), 256), { code: "ERR_CLASS_OVERFLOW" });
  });

  it("is refused where anything but zeros follows, or the length lies", () => {
    assert.equal(unpad(altered(pad(Buffer.from("abc"), 20), 19)), undefined);
    assert.equal(unpad(altered(pad(Buffer.from("abc"), 20), 7)), undefined);
    assert.equal(unpad(altered(pad(Buffer.from("abc"), 20), 0, 7)), undefined, "a length beyond the end");
    for (let length = 17; length <= 24; length++) {
      const lying = pad(Buffer.alloc(16), 20);
      lying[3] = length;
      assert.equal(unpad(lying), undefined, `${length} of 16 bytes`);
    }
    assert.equal(unpad(Uint8Array.of(0, 0, 0)), undefined);
    assert.equal(unpad(new Uint8Array(4))?.length, 0);
  });

  it("reads a view into a larger buffer as it reads a copy", () => {
    const within = Buffer.concat([Buffer.from("junk"), pad(Buffer.from("abc"), 20)]).subarray(4);
    assert.equal(Buffer.from(unpad(within)!).toString(), "abc");
  });
});
