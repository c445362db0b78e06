import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "./failure.js";

/** Bytes; the file holds nothing else. */
export const SECRET_BYTES = 32;

/**
 * Reads the server secret, or makes it at the first start.
 *
 * @param file its path; the directory must exist
 * @param isNeededByDatabase asked only when there is no file: whether the database holds accounts, which are locked with
 *   the missing secret. A new one would lock all of them out for good.
 * @throws Failure if the file is readable by others or has a wrong length, or is missing although it is needed
 */
export async function loadServerSecret(file: string, isNeededByDatabase: () => Promise<boolean>): Promise<Uint8Array> {
  const existing = await readSecret(file);
  if (existing !== undefined) return existing;
  if (await isNeededByDatabase()) {
    throw new Failure(
      `the server secret ${file} is missing, and the accounts in the database can't be opened without it: put it back from where you keep it, or set KITH_SECRET_FILE`,
    );
  }
  await makeSecret(file);
  const made = await readSecret(file);
  if (made === undefined) throw new Failure(`the server secret ${file} vanished as soon as it was made`);
  return made;
}

/**
 * @returns undefined if there is none
 * @throws Failure as `loadServerSecret`
 */
export async function readSecret(file: string): Promise<Uint8Array | undefined> {
  let handle: fs.FileHandle;
  try {
    handle = await fs.open(file, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new Failure(`the server secret ${file} can't be read (${code})`, { cause: error });
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Failure(`the server secret ${file} is not a file`);
    if ((stat.mode & 0o077) !== 0) {
      throw new Failure(
        `the server secret ${file} is open to other users: chmod 600 it, and ask yourself who has read it`,
      );
    }
    if (stat.size !== SECRET_BYTES) {
      throw new Failure(
        `the server secret ${file} has ${stat.size} bytes rather than ${SECRET_BYTES}: it is damaged, or another file`,
      );
    }
    // A plain Uint8Array of its own memory, not a view of Node's shared buffer pool.
    return new Uint8Array(await handle.readFile());
  } finally {
    await handle.close();
  }
}

/** Writes it whole and then links it into place: of two starts at once, one wins, and both read the winner's. */
async function makeSecret(file: string): Promise<void> {
  const unfinished = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    const handle = await fs.open(unfinished, "wx", 0o600);
    try {
      await handle.writeFile(randomBytes(SECRET_BYTES));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.link(unfinished, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST")
      throw new Failure(`the server secret can't be written to ${file} (${code})`, { cause: error });
  } finally {
    await fs.rm(unfinished, { force: true });
  }
  // The name must survive a power cut as the first account does.
  const directory = await fs.open(dirname(file), "r");
  await directory.sync().finally(() => directory.close());
}

/** Where the new secret stands until everything is moved to it. */
export function nextSecretFile(file: string): string {
  return `${file}.next`;
}

/** Whether a rotation was begun and not finished: then neither secret fits all rows. */
export async function isRotationUnfinished(file: string): Promise<boolean> {
  return (await fs.stat(nextSecretFile(file)).catch(() => undefined)) !== undefined;
}

/** @throws Failure if a rotation was begun and not finished */
export async function expectNoRotation(file: string): Promise<void> {
  if (await isRotationUnfinished(file)) {
    throw new Failure("the server secret is being rotated: run kith secret rotate once more, to the end");
  }
}

/**
 * The present secret and the one to come, which is made now unless a rotation was broken off before.
 *
 * @param check is given both, or the present one alone if a new one would be made, before anything is written
 * @throws Failure if there is no present secret
 */
export async function beginRotation(
  file: string,
  check: (oldSecret: Uint8Array, newSecret: Uint8Array | undefined) => Promise<void>,
): Promise<{ oldSecret: Uint8Array; newSecret: Uint8Array }> {
  const oldSecret = await readSecret(file);
  if (oldSecret === undefined) throw new Failure(`there is no server secret ${file} to rotate`);
  const next = nextSecretFile(file);
  const begun = await readSecret(next);
  await check(oldSecret, begun);
  if (begun === undefined) await makeSecret(next);
  const newSecret = await readSecret(next);
  if (newSecret === undefined) throw new Failure(`the new secret ${next} vanished as soon as it was made`);
  return { oldSecret, newSecret };
}

/** Puts the new secret into the old one's place. */
export async function finishRotation(file: string): Promise<void> {
  await fs.rename(nextSecretFile(file), file);
  const directory = await fs.open(dirname(file), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
