import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { isRunning } from "./postmaster.js";
import { temporaryDirectory } from "./temporary.js";

export interface PostgresServer {
  /** An empty database, owned by an ordinary role with a password, over TCP on loopback. */
  databaseUrl: string;
  adminUrl: string;
  /** PostgreSQL's data directory. */
  cluster: string;
  start(): Promise<void>;
  /** Fast shutdown. */
  stop(): Promise<void>;
  /** As if the machine had lost power. */
  kill(): Promise<void>;
  /** `kill -9` of all its processes, before this returns; the promise is for when they are gone. */
  crash(): Promise<void>;
}

const running = new Set<ChildProcess>();

/**
 * A PostgreSQL server as an operator would have it, of the system's own packages.
 *
 * @param postgres path of the program, from `need("postgres")`
 * @param settings given to the server on top of its defaults
 * @param flags of `initdb`
 */
export async function startPostgresServer(
  postgres: string,
  settings: Record<string, string> = {},
  flags: readonly string[] = [],
): Promise<PostgresServer> {
  const directory = temporaryDirectory();
  const user = unprivilegedUser();
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  chmodSync(directory, 0o700);
  const cluster = join(directory, "cluster");
  const password = randomBytes(12).toString("hex");
  const passwordFile = join(directory, "password");
  writeFileSync(passwordFile, password, { mode: 0o644 });
  execFileSync(
    join(dirname(postgres), "initdb"),
    [
      "-D",
      cluster,
      "--username=postgres",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--no-locale",
      "--no-sync",
      ...flags,
    ],
    { ...user, cwd: "/", stdio: "pipe" },
  );
  const socketDir = join(directory, "socket");
  mkdirSync(socketDir, { mode: 0o700 });
  if (user !== undefined) chownSync(socketDir, user.uid, user.gid);
  const port = await freePort();
  const adminUrl = `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const all = { listen_addresses: "127.0.0.1", port: String(port), fsync: "off", ...settings };
    const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    child = spawn(postgres, ["-D", cluster, "-k", socketDir, ...flags], { ...user, cwd: "/", stdio: "ignore" });
    running.add(child);
    await ready(adminUrl, child);
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill(signal);
    await exited;
    running.delete(ending);
  }

  await start();
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query(`create role kith login password '${password}'`);
  await client.query("create database kith owner kith");
  await client.end();
  return {
    databaseUrl: `postgresql://kith:${password}@127.0.0.1:${port}/kith`,
    adminUrl,
    cluster,
    start,
    stop: () => end("SIGINT"),
    // SIGQUIT: all processes end at once and nothing is written; the next start recovers from the log.
    kill: () => end("SIGQUIT"),
    async crash() {
      const workers = childrenOf(child?.pid);
      const ended = end("SIGKILL");
      for (const pid of workers) process.kill(pid, "SIGKILL");
      await ended;
      // The next start is refused while one of them still holds the shared memory.
      while (workers.some(isRunning)) await sleep(5);
    },
  };
}

/** PostgreSQL does not run as root. */
export function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

export function childrenOf(pid: number | undefined): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && child.exitCode === null) {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await client.end().catch(() => undefined);
      await sleep(20);
    }
  }
  throw new Error("PostgreSQL did not start");
}

after(async () => {
  for (const child of running) {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null && child.kill("SIGQUIT")) await exited;
  }
});
process.once("exit", () => {
  for (const child of running) child.kill("SIGQUIT");
});
