import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Patch, testsOfVariant } from "../support/variant.js";
import { HELPED_REPORTED, OTHERS_REPORTED, ROLE_NOT_TAGGED, TAGS_NOT_LOOKED_AT } from "./faults.js";

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

describe("the suite of the writer", () => {
  it("fails when tags are not looked at", () => {
    assert.match(runAgainst(TAGS_NOT_LOOKED_AT, 10), /# accepted: [1-9]/);
  });

  it("fails when tags leave out one column", () => {
    assert.match(runAgainst(ROLE_NOT_TAGGED, 25, "a role, a state or a right is given"), /# accepted: [1-9]/);
  });
});

describe("the suite of what is met of others", () => {
  it("fails when a spoilt row in people, or one that spent a letter, is reported by whoever meets it", () => {
    const output = failing(OTHERS_REPORTED, "others");
    for (const what of ["who trusts her", "who wrote it", "who invited"]) {
      assert.match(output, new RegExp(`not ok \\d+ - .*${what}`));
    }
  });

  it("fails when whoever helps reports the rows of the one who is helped", () => {
    assert.match(failing(HELPED_REPORTED, "others"), /not ok \d+ - .*who is about to help/);
  });
});
