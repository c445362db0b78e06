import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Domain } from "#kith/onion/domain.js";
import { readCdb } from "#kith/onion/formats/cdb.js";
import { writeList } from "#kith/onion/formats/formats.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { need } from "../support/need.js";
import { temporaryDirectory } from "../support/temporary.js";

const { cdb, skip } = need("cdb");
const ROWS = 100_000;
const bytesOf = (file: string) => [...readCdb(readFileSync(file))].flatMap(({ key, value }) => [key, value]);

describe("the map as a cdb, read by tinycdb", { skip }, () => {
  it("answers every one of 100,000 keys as the file does that tinycdb made of the same text", () => {
    const directory = temporaryDirectory();
    const onions = Array.from({ length: 500 }, (_, index) => {
      const key = Buffer.alloc(32);
      key.writeUInt32BE(index);
      return onionOfKey(key);
    });
    const entries = Array.from({ length: ROWS }, (_, index) => ({
      domain: `${"x".repeat(index % 40)}d${index}.example` as Domain,
      source: "pinned" as const,
      fallback: false,
      note: "",
      targets: [
        {
          onion: onions[index % 500]!,
          port: index % 7 === 0 ? 2525 : 25,
          priority: 0,
          weight: 0,
          virtual: "10.192.0.1",
        },
      ],
    }));
    const [ours, theirs, flat] = ["ours", "theirs", "flat"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(ours, writeList("cdb", entries));
    writeFileSync(flat, writeList("exim-txt", entries));
    execFileSync(cdb, ["-c", "-m", theirs, flat]);
    const dump = (file: string) => execFileSync(cdb, ["-d", "-m", file], { maxBuffer: 2 ** 28 }).toString();
    assert.equal(dump(ours), dump(theirs));
    // The dump reads the records alone; the hash tables are what a look-up goes through. tinycdb's own statistics
    // walk all of them and tell how far each key lies from where it is looked for first.
    const statistics = (file: string) => execFileSync(cdb, ["-s", file]).toString();
    assert.equal(statistics(ours), statistics(theirs));
    for (let index = 0; index < ROWS; index += 500) {
      const { domain } = entries[index]!;
      const ask = (file: string) => execFileSync(cdb, ["-q", file, domain]).toString();
      assert.equal(ask(ours), ask(theirs), domain);
      assert.ok(ask(ours).startsWith(onions[index % 500]!), domain);
    }
    assert.throws(() => execFileSync(cdb, ["-q", ours, "absent.example"], { stdio: "pipe" }));
    assert.deepEqual(Buffer.concat(bytesOf(theirs)), Buffer.concat(bytesOf(ours)));
  });

  it("is read from what tinycdb made, also of one domain or of none", () => {
    for (const domains of [[], ["a.example"]]) {
      const file = join(temporaryDirectory(), "theirs");
      execFileSync(cdb, ["-c", "-m", file], { input: domains.map((domain) => `${domain} onion\n`).join("") });
      assert.deepEqual(
        [...readCdb(readFileSync(file))].map(({ key, value }) => `${key} ${value}`),
        domains.map((domain) => `${domain} onion`),
      );
    }
  });
});
