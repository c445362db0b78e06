import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { kithVariant, type Patch } from "../support/variant.js";

// The suite of the writer, run against a Kith that is broken on purpose: it must say so within few changes.

const TESTS = fileURLToPath(new URL("../", import.meta.url));

function runAgainst(patches: readonly Patch[], changes: number, kinds = ""): string {
  const root = join(dirname(kithVariant(patches)), "../..");
  cpSync(TESTS, join(root, "dist-test"), { recursive: true });
  const suite = join(root, "dist-test/forgery/writer.test.js");
  const args = [suite, "--changes", String(changes), "--seed", "3", "--kinds", kinds];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
  });
  assert.notEqual(status, 0, "the suite fails");
  return stdout;
}

describe("the suite of the writer", () => {
  it("fails when tags are not looked at", () => {
    const output = runAgainst(
      [
        {
          file: "protocol/tag.js",
          from: "return equalBytes(tag, tagRow(serverSecret, table, columns));",
          to: "return true;",
        },
      ],
      30,
    );
    assert.match(output, /# accepted: [1-9]/);
  });

  it("fails when tags leave out one column", () => {
    const output = runAgainst(
      [
        {
          file: "protocol/tag.js",
          from: "for (const name of Object.keys(columns).sort())",
          to: 'for (const name of Object.keys(columns).filter((name) => name !== "role").sort())',
        },
      ],
      60,
      "a role, a state or a right is given",
    );
    assert.match(output, /# accepted: [1-9]/);
  });
});
