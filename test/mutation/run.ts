import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import { lendServer } from "../support/database.js";
import { LOG_VARIABLE, MOST_VARIABLE, TEST_FILES_VARIABLE, TIMES_VARIABLE } from "./runner.js";
import { isInSample, SAMPLE_VARIABLE } from "./sample.js";

/** For each folder of src/, the folders or files of test/ that try it in one process. */
const TESTS: Record<string, readonly string[]> = {
  protocol: ["protocol"],
  resets: ["resets", "flows/help.test.js", "forgery/rows.test.js"],
  trust: [
    ...[
      "trust",
      "flows/trust.test.js",
      "flows/sign-in.test.js",
      "flows/full-record.test.js",
      "accounts/traces.test.js",
    ],
    ...["resets", "forgery/rows.test.js"],
  ],
};
/** Percent. */
const LEAST_KILLED = 85;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    /** Part of the folder's files, as names without `.ts`, or lines of one: `token,tag:20-35`. */
    only: { type: "string" },
    /** The tests to run, instead of the folder's. */
    tests: { type: "string" },
    /** Leaves out what is decided while a module is loaded: each such mutant needs a process of its own. */
    "ignore-static": { type: "boolean", default: false },
    /** Tries only this share of the mutants, 0 to 1, where all of them would take hours. */
    sample: { type: "string", default: "1" },
    /** Runs at most so many tests for each mutant, the likeliest first: no more can be killed than with all of them. */
    most: { type: "string", default: "Infinity" },
  },
});
const folder = positionals[0] ?? "";
const tests = TESTS[folder] && (values.tests?.split(",") ?? TESTS[folder]);
if (tests === undefined) {
  console.error(
    `usage: npm run test:mutation -- ${Object.keys(TESTS).join(" | ")} [--only a,b] [--tests a,b] [--ignore-static] [--sample 0.2] [--most 30]`,
  );
  process.exit(2);
}

const files = readdirSync("dist-test", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.js") && tests.some((start) => name.startsWith(start)))
  .sort();
process.env[TEST_FILES_VARIABLE] = JSON.stringify(files.map((name) => join("dist-test", name)));
process.env[SAMPLE_VARIABLE] = values.sample;
process.env[MOST_VARIABLE] = values.most;
mkdirSync("reports/mutation", { recursive: true });
process.env[TIMES_VARIABLE] = join(process.cwd(), `reports/mutation/${folder}.times.json`);
process.env[LOG_VARIABLE] = join(process.cwd(), `reports/mutation/${folder}.log`);
rmSync(process.env[LOG_VARIABLE], { force: true });
const server = tests.every((name) => /^protocol\b/.test(name)) ? undefined : await lendServer();
try {
  const results = await new Stryker({
    mutate: values.only?.split(",").map(part) ?? [`src/${folder}/**/*.ts`],
    ignoreStatic: values["ignore-static"],
    incrementalFile: `reports/mutation/${folder}.incremental.json`,
    jsonReporter: { fileName: `reports/mutation/${folder}.json` },
  }).runMutationTest();
  console.log(`tried ${results.filter(isInSample).length} of ${results.length} mutants`);
  process.exitCode = report(results.filter(isInSample).map(({ status }) => status));
} finally {
  await server?.close();
}

function part(text: string): string {
  const [name, lines] = text.split(":");
  return `src/${folder}/${name}.ts${lines === undefined ? "" : `:${lines}`}`;
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
