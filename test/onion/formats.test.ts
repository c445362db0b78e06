import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Domain } from "#kith/onion/domain.js";
import { readCdb, writeCdb } from "#kith/onion/formats/cdb.js";
import { EXPORT_FORMATS, guessFormat, readList, writeList } from "#kith/onion/formats/formats.js";
import { onionOfKey } from "#kith/onion/onion-address.js";

const [A, B, C] = [1, 2, 3].map((byte) => onionOfKey(Buffer.alloc(32, byte))) as [
  ReturnType<typeof onionOfKey>,
  ReturnType<typeof onionOfKey>,
  ReturnType<typeof onionOfKey>,
];
const DEAD = "4my2dd2okjr75aho.onion";

const entry = (domain: string, ...targets: [onion: typeof A, port: number][]) => ({
  domain: domain as Domain,
  source: "pinned" as const,
  fallback: false,
  note: "",
  targets: targets.map(([onion, port], priority) => ({ onion, port, priority, weight: 0, virtual: "10.192.0.1" })),
});
const MAP = [entry("a.example", [A, 25]), entry("b.example", [B, 2525]), entry("c.example", [A, 25], [C, 26])];

describe("lists of onions", () => {
  it("each format that is written is recognised and read back the same", () => {
    for (const format of EXPORT_FORMATS) {
      const file = Buffer.from(writeList(format, MAP));
      assert.equal(guessFormat(file), format);
      const { entries, refused } = readList(format, file);
      assert.deepEqual(refused, [], format);
      assert.deepEqual(
        entries.map(({ domain, targets }) => ({ domain, targets })),
        MAP.map(({ domain, targets }) => ({ domain, targets: targets.map(({ virtual, ...rest }) => rest) })),
        format,
      );
    }
  });

  it("the texts are what Exim and Postfix read", () => {
    assert.equal(writeList("exim-txt", MAP), `a.example ${A}\nb.example ${B}::2525\nc.example ${A}:${C}::26\n`);
    assert.equal(
      writeList("postfix", MAP),
      `a.example smtptor:[${A}]:25\nb.example smtptor:[${B}]:2525\nc.example smtptor:[${A}]:25, [${C}]:26\n`,
    );
  });

  it("of the community's map the good entries are taken, the others named by line", () => {
    const text = `# A static mapping
---
'${DEAD}':
  - 'calyx.example'
'${A.toUpperCase()}':
  - 'A.Example'
  - "b.example"   # and a comment
  -
  - ~
'${B}':
  - a.example
  - b_d.example
'${C}': null
${C}:
nonsense
'${B}': ['c.example', d.example]
`;
    assert.equal(guessFormat(Buffer.from(text)), "yml");
    const { entries, refused } = readList("yml", Buffer.from(text));
    assert.deepEqual(
      entries.map(({ line, domain, targets }) => [line, domain, targets[0].onion]),
      [
        [6, "a.example", A],
        [7, "b.example", A],
        [16, "c.example", B],
        [16, "d.example", B],
      ],
    );
    assert.deepEqual(
      refused.map(({ line, domain }) => [line, domain]),
      [
        [4, "calyx.example"],
        [8, undefined],
        [9, undefined],
        [11, "a.example"],
        [12, "b_d.example"],
        [13, undefined],
        [14, undefined],
        [15, undefined],
      ],
    );
    assert.match(refused[0]!.reason, /version 2/);
    assert.match(refused[3]!.reason, /line 6 with another onion/);
  });

  it("a flat file with every kind of mistake is taken without them", () => {
    const text = `# comment
a.example ${A}
b.example: ${B}:2525
a.example ${A}
c.example ${DEAD}
d.example
e.example ${A}:70000
1.2.3 ${A}
f.example example.org
`;
    const { entries, refused } = readList("exim-txt", Buffer.from(text));
    assert.deepEqual(
      entries.map(({ domain, targets }) => [domain, targets[0].port]),
      [
        ["a.example", 25],
        ["b.example", 2525],
      ],
    );
    assert.deepEqual(
      refused.map(({ line }) => line),
      [4, 5, 6, 7, 8, 9],
    );
  });

  it("lines may end as on an old Macintosh, and long rows of blanks take no time", () => {
    const blanks = " #".repeat(30_000);
    const file = Buffer.from(`a.example ${A}\r${blanks}\rb.example ${B}`);
    const { entries, refused } = readList("exim-txt", file);
    assert.deepEqual(refused, []);
    assert.deepEqual(
      entries.map(({ domain }) => domain),
      ["a.example", "b.example"],
    );
  });

  it("a Postfix table may leave the port out and go on on the next line", () => {
    const text = `a.example smtptor:[${A}]\nb.example\n  smtptor:[${B}]:2525\nc.example smtp:[mail.example.org]\nd.example\n`;
    const { entries, refused } = readList("postfix", Buffer.from(text));
    assert.deepEqual(
      entries.map(({ domain, line }) => [domain, line]),
      [
        ["a.example", 1],
        ["b.example", 2],
      ],
    );
    assert.deepEqual(
      refused.map(({ line }) => line),
      [4, 5],
    );
  });

  it("a note is one line of at most 500 characters; an entry with another one is named by its line", () => {
    const noted = (note: string, index: number) => ({ domain: `d${index}.example`, onion: A, note });
    const good = ["", 'Ask "Bea" \\o/', "🦔".repeat(500)];
    const bad = ["\u0000", "a\u0001", "two\nlines", "\t", "\u007f", "\u0085", "x".repeat(501), "🦔".repeat(501)];
    const list = [...good, ...bad].map(noted);
    const { entries, refused } = readList("json", Buffer.from(JSON.stringify(list, undefined, 1)));
    assert.deepEqual(
      entries.map(({ note }) => note),
      good,
    );
    assert.deepEqual(
      refused.map(({ line, domain }) => [line, domain]),
      bad.map((_, index) => [3 + 5 * (good.length + index), `d${good.length + index}.example`]),
    );
    assert.match(refused[0]!.reason, /control characters/);
    assert.match(refused.at(-1)!.reason, /500 characters/);
  });

  it("JSON may be short, and names the line of what is wrong", () => {
    const text = `[
  {"domain": "a.example", "onion": "${A}", "port": 26},
  {"domain": "b.example", "onion": null},
  {"onion": "${A}"},
  {"domain": "c.example", "onion": "${DEAD}"},
  {"domain": "d.example", "onion": "${B}", "port": "25"}
]`;
    const { entries, refused } = readList("json", Buffer.from(text));
    assert.deepEqual(
      entries.map(({ domain, targets, line }) => [line, domain, targets[0].port]),
      [[2, "a.example", 26]],
    );
    assert.deepEqual(
      refused.map(({ line, domain }) => [line, domain]),
      [
        [3, "b.example"],
        [3, undefined],
        [5, "c.example"],
        [6, "d.example"],
      ],
    );
    for (const broken of ["{}", "[", "null"]) assert.throws(() => readList("json", Buffer.from(broken)), SyntaxError);
  });

  it("a cdb that ends too early is refused as a whole", () => {
    const whole = writeCdb([{ key: Buffer.from("a.example"), value: Buffer.from(A) }]);
    assert.equal([...readCdb(whole)].length, 1);
    assert.throws(() => [...readCdb(whole.subarray(0, 2047))], RangeError);
    assert.throws(() => [...readCdb(whole.subarray(0, 2060))], RangeError);
  });

  it("a cdb that is cut off between two records, has something after it, or is all zeros is no shorter map, but none", () => {
    const records = ["a.example", "b.example"].map((key) => ({ key: Buffer.from(key), value: Buffer.from(A) }));
    const whole = writeCdb(records);
    const recordBytes = 8 + 9 + A.length;
    for (const [what, file] of Object.entries({
      "after a record": whole.subarray(0, 2048 + recordBytes),
      "after all records": whole.subarray(0, 2048 + 2 * recordBytes),
      "before its last slot": whole.subarray(0, -8),
      "with more after it": Buffer.concat([whole, Buffer.alloc(8)]),
      zeros: Buffer.alloc(4096),
    })) {
      assert.throws(() => [...readCdb(file)], RangeError, what);
    }
    assert.deepEqual([...readCdb(whole)], records);
    assert.deepEqual([...readCdb(writeCdb([]))], []);
    // Where an empty table would stand says nothing.
    for (let at = 0; at < 2048; at += 8) if (whole.readUInt32LE(at + 4) === 0) whole.writeUInt32LE(0, at);
    assert.deepEqual([...readCdb(whole)], records);
  });
});
