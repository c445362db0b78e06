import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  ByteReader,
  equalBytes,
  fromBase64url,
  lengthPrefixed,
  type Part,
  shortText,
  toBase64url,
  toHex,
  uint16,
  uuidBytes,
  uuidText,
} from "#kith/protocol/bytes.js";

const part = (): fc.Arbitrary<Part> =>
  fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.string({ maxLength: 6 }), fc.integer(), fc.boolean(), fc.constant(null));

/** What a part says: text and number stand in their bytes, only "absent" is something else. */
const meaning = (parts: readonly Part[]) =>
  JSON.stringify(
    parts.map((one) =>
      one === null ? null : [...(one instanceof Uint8Array ? one : Buffer.from(String(one), "utf8"))],
    ),
  );

describe("length-prefixed parts", () => {
  it("of two different lists are different bytes", () => {
    fc.assert(
      fc.property(fc.array(part(), { maxLength: 5 }), fc.array(part(), { maxLength: 5 }), (a, b) => {
        assert.equal(equalBytes(lengthPrefixed(a), lengthPrefixed(b)), meaning(a) === meaning(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it("differ wherever a part boundary moves", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 8 }), fc.nat(8), fc.nat(8), (text, one, other) => {
        const cut = (at: number) => [text.slice(0, at % (text.length + 1)), text.slice(at % (text.length + 1))];
        const same = meaning(cut(one)) === meaning(cut(other));
        assert.equal(equalBytes(lengthPrefixed(cut(one)), lengthPrefixed(cut(other))), same);
      }),
    );
  });

  it("tell absent from empty, and one list from a longer one", () => {
    const lists: Part[][] = [
      [],
      [null],
      [""],
      [null, null],
      ["", ""],
      ["", null],
      [null, ""],
      [new Uint8Array(0), "a"],
    ];
    const encoded = lists.map((list) => toHex(lengthPrefixed(list)));
    assert.equal(new Set(encoded).size, lists.length);
  });

  it("are exactly these bytes", () => {
    assert.equal(
      toHex(lengthPrefixed(["ä", null, Uint8Array.of(7), 12, true])),
      ["0100000002c3a4", "00", "010000000107", "01000000023132", "010000000474727565"].join(""),
    );
  });

  it("does not depend on where in its buffer a part lies", () => {
    const whole = Buffer.from("xxabcxx");
    assert.deepEqual(lengthPrefixed([whole.subarray(2, 5)]), lengthPrefixed([Uint8Array.from([97, 98, 99])]));
  });
});

describe("bytes", () => {
  it("are equal only if every byte and the length are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ maxLength: 6 }), (a, b) => {
        assert.equal(equalBytes(a, b), toHex(a) === toHex(b));
        assert.ok(equalBytes(a, Uint8Array.from(a)));
      }),
    );
  });

  it("survive base64url, and only its one spelling is read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = toBase64url(bytes);
        assert.match(text, /^[A-Za-z0-9_-]*$/);
        assert.deepEqual(new Uint8Array(fromBase64url(text)!), bytes);
      }),
    );
    for (const other of ["AA==", "A A", "AB", "+/8", "AAé", "A"]) assert.equal(fromBase64url(other), undefined, other);
  });

  it("survive the text form of a uuid", () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        assert.equal(uuidBytes(uuid).length, 16);
        assert.equal(uuidText(uuidBytes(uuid)), uuid);
      }),
    );
  });

  it("are read back field by field, and never beyond the end", () => {
    fc.assert(
      fc.property(fc.nat(65535), fc.string({ maxLength: 60 }), (number, text) => {
        const reader = new ByteReader(Buffer.concat([uint16(number), shortText(text)]));
        assert.equal(reader.uint16(), number);
        assert.equal(reader.shortText(), Buffer.from(text, "utf8").toString("utf8"));
        assert.throws(() => reader.byte(), { code: "ERR_ENCODING" });
      }),
    );
  });

  it("refuse what does not fit its field", () => {
    for (const number of [-1, 65536, 1.5, Number.NaN]) assert.throws(() => uint16(number), { code: "ERR_PARAMETER" });
    assert.equal(shortText("x".repeat(255)).length, 256);
    assert.throws(() => shortText("x".repeat(256)), { code: "ERR_CLASS_OVERFLOW" });
    assert.throws(() => shortText("ä".repeat(128)), { code: "ERR_CLASS_OVERFLOW" });
  });
});
