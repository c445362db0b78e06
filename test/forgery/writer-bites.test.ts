import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { shuffled } from "#kith/protocol/relation.js";
import { numberArgument } from "../support/arguments.js";
import { type Patch, testsOfVariant } from "../support/variant.js";
import { HELPED_REPORTED, NOTHING_INSPECTED, OTHERS_REPORTED, ROLE_NOT_TAGGED, TAGS_NOT_LOOKED_AT } from "./faults.js";

// The suite of the writer, run against a Kith that is broken on purpose: it must say so within few changes.

function runAgainst(patches: readonly Patch[], changes: number, kinds = ""): string {
  return failing(patches, "writer", ["--changes", String(changes), "--seed", "3", "--kinds", kinds]);
}

function failing(patches: readonly Patch[], suite: string, args: readonly string[] = []): string {
  const file = join(testsOfVariant(patches), `forgery/${suite}.test.js`);
  const { stdout, status } = spawnSync(process.execPath, [file, ...args], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
  });
  assert.notEqual(status, 0, "the suite fails");
  return stdout;
}

/** `npm run test:forgery` runs all of them, `npm test` one of each suite, another each time. */
const ALL = numberArgument("all", 0) === 1;

function some<T>(bites: readonly T[]): readonly T[] {
  return ALL ? bites : shuffled(bites).slice(0, 1);
}

/** Where nothing stops them, every second change of this kind is accepted; of ten of all kinds, sometimes none. */
const RISE = "a role, a state or a right is given";

describe("the suite of the writer fails", () => {
  for (const [when, patches, changes, kinds, said] of some<[string, readonly Patch[], number, string, RegExp]>([
    ["tags are not looked at", TAGS_NOT_LOOKED_AT, 25, RISE, /# accepted: [1-9]/],
    ["tags leave out one column", ROLE_NOT_TAGGED, 25, RISE, /# accepted: [1-9]/],
    ["no tag is inspected", NOTHING_INSPECTED, 10, "", /# accepted: 0; unnoticed without a reason: [1-9]/],
  ])) {
    it(`when ${when}`, () => {
      assert.match(runAgainst(patches, changes, kinds), said);
    });
  }
});

describe("the suite of what is met of others fails", () => {
  const met = ["who trusts her", "who wrote it", "who invited"];
  for (const [when, patches, whose] of some<[string, readonly Patch[], readonly string[]]>([
    ["a spoilt row in people, or one that spent a letter, is reported by whoever meets it", OTHERS_REPORTED, met],
    ["whoever helps reports the rows of the one who is helped", HELPED_REPORTED, ["who is about to help"]],
  ])) {
    it(`when ${when}`, () => {
      const output = failing(patches, "others");
      for (const what of whose) assert.match(output, new RegExp(`not ok \\d+ - .*${what}`));
    });
  }
});
