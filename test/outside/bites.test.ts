import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { testsOfVariant } from "../support/variant.js";
import { KEPT, LEAKS, type Leak } from "./leaks.js";

/** Runs a suite in a Kith that has all these leaks. @returns the sentences that failed */
async function failing(leaks: readonly Leak[], suite: string): Promise<string[]> {
  const script = join(testsOfVariant(leaks.map(({ patch }) => patch)), `outside/${suite}.test.js`);
  // A test runner of its own, that reports to nobody but us.
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
  const report = await new Promise<string>((resolve) => {
    execFile(process.execPath, ["--test-reporter=tap", script], { env, maxBuffer: 1 << 26 }, (_error, out) =>
      resolve(out),
    );
  });
  assert.match(report, /^# tests [1-9]/m, "the suite ran");
  return [...report.matchAll(/^ {4}not ok \d+ - (.*)$/gm)].map((match) => match[1] as string);
}

describe("leaks that are put in on purpose are noticed:", () => {
  for (const [suite, leaks] of [
    ["outside", LEAKS],
    ["caching", KEPT],
  ] as const) {
    it(leaks.map(({ what }) => what).join("; "), async () => {
      const noticed = leaks.flatMap(({ noticedBy }) => noticedBy);
      assert.deepEqual((await failing(leaks, suite)).sort(), [...new Set(noticed)].sort());
    });
  }
});
