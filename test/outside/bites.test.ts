import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { testsOfVariant } from "../support/variant.js";
import { LEAKS } from "./leaks.js";

/** Runs the suites in a Kith that has all the leaks. @returns the sentences that failed */
async function failing(): Promise<string[]> {
  const script = join(testsOfVariant(LEAKS.map(({ patch }) => patch)), "outside/outside.test.js");
  // A test runner of its own, that reports to nobody but us.
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
  const report = await new Promise<string>((resolve) => {
    execFile(process.execPath, ["--test-reporter=tap", script], { env, maxBuffer: 1 << 26 }, (_error, out) =>
      resolve(out),
    );
  });
  assert.match(report, /^# pass [1-9]/m, "what is not broken passes");
  return [...report.matchAll(/^ {4}not ok \d+ - (.*)$/gm)].map((match) => match[1] as string);
}

describe("the guesser outside", () => {
  it(`notices leaks that are put in on purpose: ${LEAKS.map(({ what }) => what).join("; ")}`, async () => {
    const noticed = LEAKS.flatMap(({ noticedBy }) => noticedBy);
    assert.deepEqual((await failing()).sort(), [...new Set(noticed)].sort());
  });
});
