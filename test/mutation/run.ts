import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import { lendServer } from "../support/database.js";
import { TEST_FILES_VARIABLE } from "./runner.js";

/** For each folder of src/, the folders or files of test/ that try it in one process. */
const TESTS: Record<string, readonly string[]> = {
  protocol: ["protocol"],
  resets: ["resets", "flows/help.test.js"],
  trust: ["trust", "flows/trust.test.js", "flows/sign-in.test.js", "resets"],
};
/** Percent. */
const LEAST_KILLED = 85;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { mutate: { type: "string" } } });
const folder = positionals[0] ?? "";
const tests = TESTS[folder];
if (tests === undefined) {
  console.error(`usage: npm run test:mutation -- ${Object.keys(TESTS).join(" | ")} [--mutate <pattern>]`);
  process.exit(2);
}

const files = readdirSync("dist-test", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.js") && tests.some((start) => name.startsWith(start)))
  .sort();
process.env[TEST_FILES_VARIABLE] = JSON.stringify(files.map((name) => join("dist-test", name)));
const server = folder === "protocol" ? undefined : await lendServer();
try {
  const results = await new Stryker({
    mutate: [values.mutate ?? `src/${folder}/**/*.ts`],
    incrementalFile: `reports/mutation/${folder}.incremental.json`,
    jsonReporter: { fileName: `reports/mutation/${folder}.json` },
  }).runMutationTest();
  process.exitCode = report(results.map(({ status }) => status));
} finally {
  await server?.close();
}

/** Whatever only ran out of time is not taken for killed. */
function report(statuses: readonly string[]): 0 | 1 {
  const count = (status: string) => statuses.filter((each) => each === status).length;
  const [killed, timeout, survived, uncovered] = ["Killed", "Timeout", "Survived", "NoCoverage"].map(count) as [
    number,
    number,
    number,
    number,
  ];
  const percent = (100 * killed) / (killed + timeout + survived + uncovered);
  console.log(
    `src/${folder}: ${percent.toFixed(1)} % killed: ${killed} killed, ${timeout} out of time, ${survived} survived, ` +
      `${uncovered} not reached, ${statuses.length - killed - timeout - survived - uncovered} others`,
  );
  return percent >= LEAST_KILLED ? 0 : 1;
}
