// What tsc leaves to do: the executable bit that `npx kith` needs, outputs of sources that are gone, and the stamp that
// lets the next start skip the build.
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { BUILT_STAMP, filesBelow, sourceFingerprint } from "./sources.js";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Removes compiled files without a source: a deleted test would go on running. */
function removeStale(outDir, sourceOf) {
  if (!existsSync(outDir)) return;
  for (const file of [...filesBelow(outDir, ".js"), ...filesBelow(outDir, ".d.ts")]) {
    const name = relative(outDir, file).replace(/(\.d\.ts|\.js)$/, ".ts");
    if (!existsSync(join(root, sourceOf(name)))) rmSync(file);
  }
}

removeStale(join(root, "dist"), (name) => (name.startsWith("migrations") ? name : join("src", name)));
removeStale(join(root, "dist-test"), (name) => join("test", name));
removeStale(join(root, "dist-bench"), (name) => join("bench", name));

const cli = join(root, "dist/cli/kith.js");
if (existsSync(cli)) chmodSync(cli, 0o755);
writeFileSync(join(root, BUILT_STAMP), sourceFingerprint(root));
