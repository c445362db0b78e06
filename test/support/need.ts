import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Finds programs that a suite needs beside npm packages.
 *
 * ```ts
 * const { chromium, skip } = need("chromium");
 * describe("the sign-in page", { skip }, () => { … chromium … });
 * ```
 *
 * @returns each program's path, and `skip`: false, or one line for the report
 * @throws with CI=true when one is missing: there a skipped suite would be a silent gap
 */
export function need<Name extends string>(...programs: Name[]): Record<Name, string> & { skip: false | string } {
  const found = programs.map((program) => [program, findProgram(program)] as const);
  const missing = found.filter(([, path]) => path === undefined).map(([program]) => program);
  const skip =
    missing.length === 0
      ? (false as const)
      : `skipped: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not installed`;
  if (skip !== false && process.env.CI === "true") throw new Error(skip);
  const paths = Object.fromEntries(found.map(([program, path]) => [program, path ?? ""])) as Record<Name, string>;
  return { ...paths, skip };
}

/** The same for a browser: Chromium, without its windows where that is installed, which needs half of the time. */
export function needBrowser(): { executablePath: string; skip: false | string } {
  const shell = findProgram("chromium-headless-shell");
  if (shell !== undefined) return { executablePath: shell, skip: false };
  const { chromium, skip } = need("chromium");
  return { executablePath: chromium, skip };
}

/** The same for what only root may do. */
export function needRoot(): false | string {
  if (process.getuid?.() === 0) return false;
  const skip = "skipped: only root may do this";
  if (process.env.CI === "true") throw new Error(skip);
  return skip;
}

function findProgram(name: string): string | undefined {
  return directories()
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

/** PATH, what Debian keeps out of an ordinary user's PATH, and its PostgreSQL, newest first. */
function directories(): string[] {
  const postgres = "/usr/lib/postgresql";
  let versions: string[] = [];
  try {
    versions = readdirSync(postgres).sort((a, b) => Number(b) - Number(a));
  } catch {
    // not installed
  }
  return [
    ...(process.env.PATH ?? "").split(delimiter),
    "/usr/sbin",
    "/sbin",
    ...versions.map((version) => join(postgres, version, "bin")),
  ];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
