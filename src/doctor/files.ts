import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import dotenv from "dotenv";
import { isBackup } from "../backup/backup.js";
import type { Config } from "../config.js";
import { dayOf } from "../days.js";
import { isRotationUnfinished, SECRET_BYTES } from "../secret.js";
import type { Finding } from "./findings.js";

const about = "files" as const;

/** The data directory and the secret: there, and closed to others. */
export async function checkFiles(config: Config): Promise<Finding[]> {
  return [
    await checkDataDir(config.dataDir),
    ...(await checkSecret(config)),
    ...(await checkRotation(config.secretFile)),
    ...(await checkSettings()),
    ...(await checkBackups(config)),
  ];
}

async function checkDataDir(dataDir: string): Promise<Finding> {
  const found = await stat(dataDir).catch(() => undefined);
  if (found === undefined)
    return { level: "note", about, text: `${dataDir} is not there yet`, todo: "kith start makes it" };
  // Root's PostgreSQL has a user of its own, who has to pass.
  const isRoot = process.getuid?.() === 0;
  const open = found.mode & (isRoot ? 0o066 : 0o077);
  if (open === 0) return { level: "good", about, text: `${dataDir} is closed to others` };
  return {
    level: "wrong",
    about,
    text: `${dataDir} is open to others`,
    todo: `chmod go-rw${isRoot ? "" : "x"} ${dataDir}`,
  };
}

async function checkSecret({ secretFile: file, dataDir }: Config): Promise<Finding[]> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => error.code);
  if (found === "ENOENT") {
    return [{ level: "note", about, text: `the server secret ${file} is not there yet`, todo: "kith start makes it" }];
  }
  const wrong = (text: string, todo: string): Finding => ({ level: "wrong", about, text, todo });
  if (typeof found !== "object") {
    return [wrong(`the server secret ${file} can't be read (${found})`, "run as Kith's user")];
  }
  const findings: Finding[] = [];
  if ((found.mode & 0o077) !== 0) {
    findings.push(wrong(`the server secret ${file} is open to others`, `chmod 600 ${file}`));
  }
  if (isSomebodyElses(found.uid)) {
    findings.push(
      wrong(
        `the server secret ${file} belongs to another user (id ${found.uid})`,
        `run this as Kith's user; if that is this one: chown ${process.getuid?.()} ${file}`,
      ),
    );
  }
  if (found.size !== SECRET_BYTES) {
    findings.push(
      wrong(
        `the server secret ${file} has ${found.size} bytes rather than ${SECRET_BYTES}`,
        "put the right file back; without it nobody can sign in",
      ),
    );
  }
  // Of a link, the file's own as well.
  for (const folder of new Set([dirname(file), dirname(await realpath(file))])) {
    findings.push(...(await checkFolder(folder, folder === dataDir)));
  }
  if (findings.length > 0) return findings;
  const text = "the server secret is closed to others; keep a copy where the database's backups are not";
  return [{ level: "good", about, text }];
}

/** Whoever may write to the folder can put another secret or anchor in the place of this one. */
async function checkFolder(folder: string, isDataDir: boolean): Promise<Finding[]> {
  const found = await stat(folder);
  // The data directory's permissions are said already.
  if ((found.mode & 0o022) !== 0 && !isDataDir) {
    const text = `the folder of the server secret, ${folder}, can be written to by others`;
    return [{ level: "wrong", about, text, todo: `chmod go-w ${folder}, or set KITH_SECRET_FILE to one of its own` }];
  }
  if (!isSomebodyElses(found.uid) || found.uid === 0) return [];
  const text = `the folder of the server secret, ${folder}, belongs to another user (id ${found.uid})`;
  return [
    {
      level: "wrong",
      about,
      text,
      todo: `run this as Kith's user; if that is this one: chown it, or set KITH_SECRET_FILE`,
    },
  ];
}

function isSomebodyElses(uid: number): boolean {
  return process.getuid !== undefined && uid !== process.getuid();
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

/** `.env` where commands are run: the addresses in it may hold passwords. */
async function checkSettings(): Promise<Finding[]> {
  const file = resolve(".env");
  const mode = (await stat(file).catch(() => undefined))?.mode ?? 0;
  if ((mode & 0o077) === 0) return [];
  const settings = Object.values(dotenv.parse(await readFile(file).catch(() => "")));
  if (!settings.some((value) => URL.canParse(value) && new URL(value).password !== "")) return [];
  return [{ level: "wrong", about, text: `${file} holds a password and is open to others`, todo: `chmod 600 ${file}` }];
}

/** Those that lie beside data, secret, or where commands are run; what is kept elsewhere nobody can see from here. */
async function checkBackups({ dataDir, secretFile }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const folder of new Set([process.cwd(), dataDir, dirname(dataDir), dirname(secretFile)])) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => join(folder, name));
    const backups: number[] = [];
    for (const file of files) {
      // Of one that went meanwhile there is nothing to say.
      if (await isBackup(file)) backups.push((await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now());
    }
    if (backups.length === 0) continue;
    const oldest = dayOf(new Date(Math.min(...backups)));
    const text = `${backups.length === 1 ? "a backup lies" : `${backups.length} backups lie`} in ${folder}, on this machine; the oldest is of ${oldest}`;
    const todo = "keep backups on another one, encrypted, and few: old ones tell what was true then";
    findings.push({ level: "note", about, text, todo });
  }
  if (findings.length > 0) return findings;
  const text = "no backup was seen beside the data; how many are kept elsewhere, and for how long, only you can see";
  return [{ level: "note", about, text, todo: "keep few, and none for long: docs/operations.md, Backups" }];
}
