// Makes a clone ready to run: installs when the lock file asks for something else than what is installed, builds when a
// source is newer than the build. Runs before npm start and npm test; without dependencies of its own, since it brings
// them. When there is nothing to do it takes a few milliseconds.
import { spawnSync } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BUILT_STAMP, sourceFingerprint } from "./sources.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const MINIMUM_NODE = [20, 11];

export function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) return;
  console.error(`Kith needs Node.js ${MINIMUM_NODE.join(".")} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

export function install() {
  // A linked node_modules belongs to another work tree; npm ci would empty it under its owner's feet.
  if (isInstalled() || lstatSync(`${root}/node_modules`, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  console.log("Installing dependencies …");
  // Building needs the development dependencies, whatever NODE_ENV says.
  npm("ci", "--include=dev", "--loglevel=error");
}

export function build() {
  const built = read(`${root}/${BUILT_STAMP}`);
  if (built !== undefined && built === sourceFingerprint(root)) return;
  console.log("Building …");
  npm("run", "--silent", "build");
}

/** npm notes in node_modules, as the last thing it does, what it has installed. */
function isInstalled() {
  const installed = read(`${root}/node_modules/.package-lock.json`);
  if (installed === undefined) return false;
  const { packages: present } = JSON.parse(installed);
  const { packages: wanted } = JSON.parse(readFileSync(`${root}/package-lock.json`, "utf8"));
  return Object.entries(wanted).every(
    // Optional ones are for other platforms, or are there.
    ([path, { version, optional }]) =>
      path === "" || (present[path] === undefined ? optional === true : present[path].version === version),
  );
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function npm(...args) {
  const { status } = spawnSync("npm", args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  checkNode();
  install();
  build();
}
