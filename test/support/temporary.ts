import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

const directories: string[] = [];

/** A new directory of its own, removed when this test file is done. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "kith-test-"));
  directories.push(directory);
  return directory;
}

function removeAll(): void {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}

// Registered while the file is loaded, so it belongs to the whole file and not to the test that asks first.
after(removeAll);
