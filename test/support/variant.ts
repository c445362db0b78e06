import assert from "node:assert/strict";
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "./temporary.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Patch {
  /** Below `dist/`. */
  file: string;
  from: string;
  to: string;
}

/**
 * A copy of the compiled Kith with something broken on purpose, to see that a suite notices.
 *
 * @returns the path of its `kith`
 * @throws as `broken` does
 */
export function kithVariant(patches: readonly Patch[]): string {
  return join(brokenCopy(patches), "dist/cli/kith.js");
}

/** The same with the compiled tests beside it, which use it. @returns their folder */
export function testsOfVariant(patches: readonly Patch[]): string {
  const copy = brokenCopy(patches);
  cpSync(join(ROOT, "dist-test"), join(copy, "dist-test"), { recursive: true });
  return join(copy, "dist-test");
}

function brokenCopy(patches: readonly Patch[]): string {
  const copy = temporaryDirectory();
  for (const name of ["package.json", "node_modules", "locales", "views", "public"]) {
    symlinkSync(join(ROOT, name), join(copy, name));
  }
  cpSync(join(ROOT, "dist"), join(copy, "dist"), { recursive: true });
  for (const [file, text] of broken(patches)) writeFileSync(join(copy, "dist", file), text);
  return copy;
}

/**
 * The files of `dist/` that patches change, as they are then.
 *
 * @throws if a patch does not fit exactly once: a suite would then be tried on nothing
 */
export function broken(patches: readonly Patch[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const { file, from, to } of patches) {
    const text = files.get(file) ?? readFileSync(join(ROOT, "dist", file), "utf8");
    assert.equal(text.split(from).length, 2, `the patch of ${file} fits once: ${from}`);
    files.set(
      file,
      text.replace(from, () => to),
    );
  }
  return files;
}
