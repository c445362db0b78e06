import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directories: string[] = [];

/** A new directory of its own, removed when this test file is done. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "kith-test-"));
  // As root, PostgreSQL's own user has to pass through.
  if (process.getuid?.() === 0) chmodSync(directory, 0o711);
  directories.push(directory);
  return directory;
}

// At the very end, when servers that work in them have been stopped.
process.once("exit", () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
});
