import { stat } from "node:fs/promises";
import type { Config } from "../config.js";
import { isRotationUnfinished, SECRET_BYTES } from "../secret.js";
import type { Finding } from "./findings.js";

const about = "files" as const;

/** The data directory and the secret: there, and closed to others. */
export async function checkFiles(config: Config): Promise<Finding[]> {
  return [
    await checkDataDir(config.dataDir),
    await checkSecret(config.secretFile),
    ...(await checkRotation(config.secretFile)),
  ];
}

async function checkDataDir(dataDir: string): Promise<Finding> {
  const found = await stat(dataDir).catch(() => undefined);
  if (found === undefined)
    return { level: "note", about, text: `${dataDir} is not there yet`, todo: "kith start makes it" };
  const open = found.mode & (process.getuid?.() === 0 ? 0o066 : 0o077);
  if (open === 0) return { level: "good", about, text: `${dataDir} is closed to others` };
  return { level: "wrong", about, text: `${dataDir} is open to others`, todo: `chmod go-rw ${dataDir}` };
}

async function checkSecret(file: string): Promise<Finding> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => error.code);
  if (found === "ENOENT") {
    return { level: "note", about, text: `the server secret ${file} is not there yet`, todo: "kith start makes it" };
  }
  if (typeof found !== "object") {
    return {
      level: "wrong",
      about,
      text: `the server secret ${file} can't be read (${found})`,
      todo: "run as Kith's user",
    };
  }
  if ((found.mode & 0o077) !== 0) {
    return { level: "wrong", about, text: `the server secret ${file} is open to others`, todo: `chmod 600 ${file}` };
  }
  if (found.size !== SECRET_BYTES) {
    return {
      level: "wrong",
      about,
      text: `the server secret ${file} has ${found.size} bytes rather than ${SECRET_BYTES}`,
      todo: "put the right file back; without it nobody can sign in",
    };
  }
  return {
    level: "good",
    about,
    text: "the server secret is closed to others; keep a copy where the database's backups are not",
  };
}

async function checkRotation(file: string): Promise<Finding[]> {
  if (!(await isRotationUnfinished(file))) return [];
  return [
    {
      level: "wrong",
      about,
      text: "the server secret is being rotated, or that was broken off: kith start refuses",
      todo: "stop every kith start, and run kith secret rotate once more, to the end",
    },
  ];
}
