import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { lstat, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { finished } from "node:stream/promises";
import type { Kysely } from "kysely";
import { hasMembers } from "../accounts/account.js";
import { anchorFile } from "../anchor.js";
import { isDatabaseDown } from "../db/connect.js";
import { expectNoNewer, migrateTo, migrateToLatest, migrationStates } from "../db/migrate.js";
import { isAlive } from "../db/postmaster.js";
import type { Database } from "../db/schema.js";
import { OWN_TABLES } from "../db/shape.js";
import { Failure } from "../failure.js";
import { readAnew } from "../onion/read-map.js";
import { expectNoRotation, nextSecretFile } from "../secret.js";
import {
  clearOldRows,
  continueNumbers,
  emptyTable,
  hasRows,
  insertRow,
  lockTables,
  readRows,
  selectColumns,
  selectForeignTables,
  selectTables,
} from "./queries.js";

const FORMAT = "kith backup 1";

interface Head {
  format: typeof FORMAT;
  /** The last migration that the database had. */
  migration: string;
}

/** A file that was read to its end once: its head, and the hash that its lines have. */
type CheckedFile = Head & { digest: string };

interface TableLine {
  table: string;
  columns: string[];
}

export interface BackUpOptions {
  /** Which need not be there. Beside it a rotation shows, whose rows neither secret alone opens. */
  secretFile?: string;
  /** Where the secret is kept, or was by default: no backup goes there. */
  dataDir?: string;
  /** Is told of tables among Kith's that are not Kith's, and not in the backup. */
  onForeign?: (tables: string[]) => void;
}

/**
 * Writes the whole database as of one moment to one file, while Kith goes on: JSON lines, a table after the other,
 * rows in random order so that the file does not tell who came after whom. The server secret is never in it.
 *
 * The file is written beside its place, flushed, and moved there whole; mode 0600. What a killed run left there is removed
 * by the next one.
 *
 * @returns how many rows of each table
 * @throws Failure if the secret is being rotated, the file can't be written, for example because the disk is full or
 * there is something else than a backup in its place, or the database is no Kith's, or a newer one's
 */
export async function backUp(
  db: Kysely<Database>,
  file: string,
  options: BackUpOptions = {},
): Promise<Record<string, number>> {
  // Its own name for each run: two at once would otherwise write into one file.
  const unfinished = `${file}.unfinished-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await expectApart(file, options);
    await expectReplaceable(file);
    await removeUnfinished(file);
    const stream = createWriteStream(unfinished, { flags: "wx", mode: 0o600 });
    try {
      await once(stream, "open");
      const counts = await writeFile(db, stream, options);
      await flush(unfinished, "r+");
      await rename(unfinished, file);
      await flush(dirname(file), "r");
      return counts;
    } catch (error) {
      stream.destroy();
      await rm(unfinished, { force: true });
      throw error;
    }
  } catch (error) {
    if (isDatabaseDown(error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC") throw new Failure(`the disk is full: ${file} was not written`, { cause: error });
    if (code && /^E[A-Z]+$/.test(code)) throw new Failure(`${file} can't be written (${code})`, { cause: error });
    throw error;
  }
}

/** @throws Failure for the places of the secret: overwritten, or in one hand with a backup, it is worth nothing any more */
async function expectApart(file: string, { secretFile, dataDir }: BackUpOptions): Promise<void> {
  const place = await realPlace(file);
  if (secretFile !== undefined) {
    if (place === (await realPlace(secretFile))) {
      throw new Failure(`${file} is Kith's server secret: name another one`);
    }
    for (const beside of [nextSecretFile(secretFile), anchorFile(secretFile)]) {
      if (place !== (await realPlace(beside))) continue;
      throw new Failure(`${file} belongs to Kith's server secret: name another one`);
    }
  }
  if (dataDir === undefined) return;
  const root = await realpath(dataDir).catch(() => resolve(dataDir));
  if (!place.startsWith(root.endsWith(sep) ? root : root + sep)) return;
  throw new Failure(
    `${file} is in the data directory, where the server secret is kept, and is no backup there: name another one`,
  );
}

/** Where a file is or would be, however its directory is spelled; its own name is not followed. */
async function realPlace(file: string): Promise<string> {
  const directory = dirname(resolve(file));
  return join(await realpath(directory).catch(() => directory), basename(file));
}

/** A mistyped name must not cost a file. As root, one moved onto `/dev/null` would stand there for every other program. */
async function expectReplaceable(file: string): Promise<void> {
  const present = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (!present) return;
  if (!present.isFile()) throw new Failure(`${file} is there and is no regular file: name another one`);
  if (present.size === 0) return;
  if (await readHead(file)) return;
  throw new Failure(`${file} is there and is no backup made by kith: name another one`);
}

/** Removes what runs left beside the file whose process is gone. */
async function removeUnfinished(file: string): Promise<void> {
  const prefix = `${basename(file)}.unfinished-`;
  for (const name of await readdir(dirname(file))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split("-")[0]);
    // In a container every run may have the same number, which is then this one's.
    if (pid === process.pid || !isAlive(pid)) await rm(join(dirname(file), name), { force: true });
  }
}

/** Waits until a file, or the names in a directory, would survive a power cut. */
async function flush(path: string, flags: string): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeFile(
  db: Kysely<Database>,
  stream: WriteStream,
  { secretFile, onForeign }: BackUpOptions,
): Promise<Record<string, number>> {
  const broken = new Promise<never>((_resolve, reject) => stream.once("error", reject));
  broken.catch(() => undefined);
  const digest = createHash("sha256");
  const line = async (value: unknown) => {
    const text = `${JSON.stringify(value)}\n`;
    digest.update(text);
    if (!stream.write(text)) await Promise.race([once(stream, "drain"), broken]);
  };
  const counts = await db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (transaction) => {
      await expectNoNewer(transaction);
      const newest = (await migrationStates(transaction)).filter((state) => state.appliedAt !== undefined).at(-1);
      // Once the moment is fixed: a rotation that begins from here on is not in it.
      if (secretFile !== undefined) await expectNoRotation(secretFile);
      if (newest === undefined) throw new Failure("no Kith ever used this database: is it the right one?");
      await line({ format: FORMAT, migration: newest.name } satisfies Head);
      const counts: Record<string, number> = {};
      for (const table of await selectTables(transaction)) {
        const columns = (await selectColumns(transaction, table)).map(({ name }) => name);
        await line({ table, columns } satisfies TableLine);
        counts[table] = 0;
        for await (const values of readRows(transaction, table, columns)) {
          await line(values);
          counts[table] += 1;
        }
      }
      const foreign = await selectForeignTables(transaction);
      if (foreign.length > 0) onForeign?.(foreign);
      return counts;
    })
    .finally(() => clearOldRows(db));
  stream.write(`${JSON.stringify({ end: digest.digest("hex") })}\n`);
  stream.end();
  await Promise.race([finished(stream), broken]);
  return counts;
}

export interface RestoreOptions extends Pick<BackUpOptions, "onForeign"> {
  /** Throws while others are connected, who would write into what is restored. */
  expectAlone?: (db: Kysely<Database>) => Promise<void>;
  /** What `checkFile` found, where it was asked before. */
  checked?: CheckedFile;
}

/**
 * Restores a backup into an empty database, in one transaction: all of it or nothing. A backup of an older Kith is
 * brought up to date afterwards.
 *
 * @throws Failure if there is anything in the database, or the file is no backup, is cut off or was changed
 */
export async function restore(
  db: Kysely<Database>,
  file: string,
  { onForeign, expectAlone, checked }: RestoreOptions = {},
): Promise<Record<string, number>> {
  const { migration, digest } = checked ?? (await checkFile(file));
  await expectAlone?.(db);
  const states = await migrationStates(db);
  // Before a newer database is migrated down to an older backup.
  if (states.some((state) => state.appliedAt !== undefined)) await checkEmpty(db);
  if (!states.some((state) => state.name === migration)) {
    throw new Failure("the backup is of a newer Kith: install that one first");
  }
  await migrateTo(db, migration);
  const counts = await db.transaction().execute(async (transaction) => {
    const tables = await selectTables(transaction);
    // Nobody joins any more from here on; somebody may have a moment ago.
    await lockTables(transaction, tables);
    // Again: one may have started while the tables were made.
    await expectAlone?.(transaction);
    await checkEmpty(transaction);
    for (const table of [...tables].reverse()) await emptyTable(transaction, table);
    const counts: Record<string, number> = {};
    const foreign: string[] = [];
    let current: { name: string; columns: { name: string; type: string }[] } | "foreign" | undefined;
    // Again to the end: whatever was written to it meanwhile must not be taken for what was checked.
    for await (const value of readLines(file, digest)) {
      if (Array.isArray(value)) {
        if (!current) throw notWhole(file);
        if (current === "foreign") continue;
        await insertRow(transaction, current.name, current.columns, value as (string | null)[]);
        counts[current.name] = (counts[current.name] ?? 0) + 1;
        continue;
      }
      const { table, columns } = (value ?? {}) as Partial<TableLine>;
      if (!table || !columns) continue;
      if (!OWN_TABLES.includes(table)) {
        // Backups held every table of the schema once.
        foreign.push(table);
        current = "foreign";
        continue;
      }
      if (!tables.includes(table)) throw notWhole(file);
      const types = await selectColumns(transaction, table);
      const known = columns.map((name) => types.find((column) => column.name === name));
      if (known.includes(undefined)) throw notWhole(file);
      current = { name: table, columns: known as { name: string; type: string }[] };
      counts[table] = 0;
    }
    if (tables.some((table) => counts[table] === undefined)) throw notWhole(file);
    for (const table of tables) await continueNumbers(transaction, table);
    if (foreign.length > 0) onForeign?.(foreign);
    // Look-ups that began on the empty tables.
    await readAnew(transaction);
    return counts;
  });
  await migrateToLatest(db);
  return counts;
}

/** Where the first start of an empty Kith puts rows of its own: decoys, and how many slots there are. */
const OWN_ROWS = ["accounts", "people", "relations", "settings"];

/** @throws Failure if somebody would miss what is in the database */
async function checkEmpty(db: Kysely<Database>): Promise<void> {
  const tables = await selectTables(db);
  if (tables.includes("accounts") && (await hasMembers(db))) {
    throw new Failure("there are members in this database: a backup can only be restored into an empty one");
  }
  for (const table of tables) {
    if (OWN_ROWS.includes(table) || !(await hasRows(db, table))) continue;
    throw new Failure(
      `there is something in this database (${table}): a backup can only be restored into an empty one`,
    );
  }
}

function notWhole(file: string): Failure {
  return new Failure(`${file} is not a whole backup: it was cut off or changed`);
}

/** Reads the file once without believing it: format, and the hash over all lines, which is returned. */
export async function checkFile(file: string): Promise<CheckedFile> {
  const cannot = (error: unknown) => {
    throw cannotRead(file, error);
  };
  const found = await stat(file).catch(cannot);
  if (!found.isFile() && !found.isDirectory()) {
    throw new Failure(`${file} is no regular file: save the backup to one, and restore that`);
  }
  const head = found.isFile() ? await readHead(file).catch(cannot) : undefined;
  if (!head) throw new Failure(`${file} is not a backup made by kith`);
  const lines = readTexts(file);
  let line = await lines.next();
  while (!line.done) line = await lines.next();
  return { ...head, digest: line.value };
}

/** Bytes that are enough for any first line. */
const HEAD_BYTES = 1024;

/** Whether a file begins as a backup does; one that can't be read does not. */
export async function isBackup(file: string): Promise<boolean> {
  return (await readHead(file).catch(() => undefined)) !== undefined;
}

/** What the first line says; undefined if it is no backup's. */
async function readHead(file: string): Promise<Head | undefined> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const [line, ...others] = buffer.toString("utf8", 0, bytesRead).split("\n");
    if (others.length === 0) return undefined;
    const head = asJson(line as string) as Partial<Head> | null | undefined;
    return head?.format === FORMAT && typeof head.migration === "string" ? (head as Head) : undefined;
  } finally {
    await handle.close();
  }
}

async function* readLines(file: string, digest: string): AsyncGenerator<unknown> {
  for await (const text of readTexts(file, digest)) yield parse(file, text);
}

function parse(file: string, text: string): unknown {
  const value = asJson(text);
  if (value === undefined) throw notWhole(file);
  return value;
}

/** @returns undefined if it is none */
function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * All lines but the last, which holds the hash over those before it.
 *
 * @param expected what that hash was before
 * @returns the hash
 * @throws Failure at the end if it is another one
 */
async function* readTexts(file: string, expected?: string): AsyncGenerator<string, string> {
  const digest = createHash("sha256");
  let before: string | undefined;
  for await (const text of splitLines(file)) {
    if (before !== undefined) {
      digest.update(`${before}\n`);
      yield before;
    }
    before = text;
  }
  const found = digest.digest("hex");
  const last = (before === undefined ? undefined : parse(file, before)) as { end?: unknown } | null | undefined;
  if (last?.end !== found || found !== (expected ?? found)) throw notWhole(file);
  return found;
}

async function* splitLines(file: string): AsyncGenerator<string> {
  try {
    yield* (await open(file, "r")).readLines({ encoding: "utf8" });
  } catch (error) {
    throw cannotRead(file, error);
  }
}

function cannotRead(file: string, error: unknown): Failure {
  return new Failure(`${file} can't be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
}
