// Which files make the build, and a fingerprint that changes when one is edited, added or taken away.
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export const BUILT_STAMP = "dist/.built";

/** Paths below `dir` whose names end with `ending`, sorted. */
export function filesBelow(dir, ending) {
  const found = [];
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(path, ending));
    else if (entry.name.endsWith(ending)) found.push(path);
  }
  return found.sort();
}

export function sourceFingerprint(root) {
  const hash = createHash("sha256");
  const files = [
    ...["package.json", "package-lock.json", "tsconfig.json", "migrations/tsconfig.json"].map((name) =>
      join(root, name),
    ),
    ...filesBelow(join(root, "src"), ".ts"),
    ...filesBelow(join(root, "migrations"), ".ts"),
  ];
  for (const file of files) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${file}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest("hex");
}
