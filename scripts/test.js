// npm test: everything a fresh clone needs, then lint, build and all tests.
//
//   npm test                         all
//   npm run test:quick               without the suites that take long; under a minute
//   npm test -- trust web/headers    only files whose path contains one of these
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { checkNode, install } from "./prepare.js";
import { filesBelow } from "./sources.js";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What below test/ needs other programs, or more than a few seconds. */
const LONG = [
  "accounts/contact",
  "accounts/decoy-parameters",
  "accounts/second-step",
  "accounts/traces",
  "adversary",
  "attack",
  "backup",
  "browser",
  "cli",
  "faults",
  "flows",
  "forgery",
  "interop",
  "invites/granted",
  "mail/queue",
  "model",
  "onion/map",
  "outside",
  "people",
  "resets",
  "review",
  "rotation",
  "thief",
  "trust/forms",
  "web/bad-input",
  "web/in-step",
  "web/limits",
];
/**
 * Suites that run in one process, which saves each of their files a start, a PostgreSQL and cold code: half of the time.
 * Not among them: what measures its process or looks at a server's files, or takes minutes by itself.
 */
const TOGETHER = [
  ["resets/alarm", "resets/cases", "resets/decoy-cases", "resets/edges", "resets/ended"],
  ["resets"],
  ["flows"],
  ["web"],
  ["review/acts", "review/at-once", "review/letters", "people"],
  ["review"],
  ["forgery/choices", "forgery/decoys", "forgery/others", "forgery/rows", "forgery/sessions"],
  ["accounts", "invites", "mail", "trust"],
  ["architecture", "config", "db/migrate", "db/preparing", "docs", "log", "onion", "protocol", "secret", "support"],
];
/** Three more than the two cores of a small machine: suites wait for programs, mails, Tor and even steps of time. */
const FILES_AT_ONCE = 5;
/** Milliseconds that one file may take, or those of a process together: far more than on any machine they need. */
const FILE_TIMEOUT_MS = 2_700_000;

const args = process.argv.slice(2);
const quick = args.includes("--quick");
const patterns = args.filter((arg) => !arg.startsWith("-"));

/** @param name a path below dist-test/ */
function startsWithOne(name, starts) {
  const path = name.split(sep).join("/");
  return starts.some((start) => path.startsWith(start));
}

/** Puts what may run in one process into files that import it. @returns what `node --test` runs, in no order */
function together(files) {
  const directory = join(compiled, ".together");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  let alone = files;
  const made = TOGETHER.map((starts) => {
    const these = alone.filter((file) => startsWithOne(relative(compiled, file), starts));
    alone = alone.filter((file) => !these.includes(file));
    if (these.length < 2) return these;
    const file = join(directory, `${starts[0].replaceAll("/", "-")}.test.js`);
    writeFileSync(file, these.map((one) => `import ${JSON.stringify(pathToFileURL(one).href)};\n`).join(""));
    return [file];
  });
  return [...made.flat(), ...alone];
}

function run(command, commandArgs, env = process.env) {
  const { status } = spawnSync(command, commandArgs, { cwd: root, stdio: "inherit", env });
  if (status !== 0) process.exit(status ?? 1);
}

checkNode();
install();
if (!quick && process.getuid?.() === 0 && existsSync("/etc/debian_version")) run("bash", ["scripts/install-debian.sh"]);

const bin = join(root, "node_modules/.bin");
run(join(bin, "biome"), ["check", "--error-on-warnings", "."]);
run(join(bin, "tsc"), ["-b", ".", "test", "bench"]);
run(process.execPath, ["scripts/after-build.js"]);

const compiled = join(root, "dist-test");
const files = filesBelow(compiled, ".test.js").filter((file) => {
  const name = relative(compiled, file);
  if (patterns.length > 0) {
    return patterns.some((pattern) => name.includes(pattern.replace(/^test\//, "").replace(/\.ts$/, "")));
  }
  return !quick || !startsWithOne(name, LONG);
});
if (files.length === 0) {
  console.error(`No test file matches ${patterns.join(", ")}.`);
  process.exit(1);
}
// A developer's own settings must not decide what the tests see.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(KITH_|PG|DATABASE_URL$)/.test(name)));
run(
  process.execPath,
  [
    "--test",
    `--test-concurrency=${FILES_AT_ONCE}`,
    "--test-reporter=spec",
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    ...together(files),
  ],
  env,
);
