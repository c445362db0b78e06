import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../dist/cli/kith.js", import.meta.url));
const running = new Set<ChildProcess>();

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningKith {
  url: string;
  process: ChildProcess;
  /** Everything on stdout and stderr so far. */
  output(): { stdout: string; stderr: string };
  /** Sends the signal and waits until the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<Outcome>;
}

/** Cheap hashing and free ports; what the tests don't say is the default. */
function environment(env: Record<string, string>): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TMPDIR: process.env.TMPDIR,
    KITH_ARGON2: "m=64,t=1,p=1",
    KITH_LISTEN: "127.0.0.1:0",
    KITH_METRICS_LISTEN: "127.0.0.1:0",
    ...env,
  };
}

/** @param limits shell commands that bound what the process may use, such as `ulimit -f 64` */
function launch(args: string[], env: Record<string, string>, limits?: string, cli = CLI) {
  // Away from the clone, whose .env is the developer's own.
  const command =
    limits === undefined ? [process.execPath] : ["bash", "-c", `${limits}; exec "$@"`, "bash", process.execPath];
  const child = spawn(command[0]!, [...command.slice(1), cli, ...args], {
    cwd: "/",
    env: environment(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
  });
  const outcome = once(child, "close").then(([status]): Outcome => {
    running.delete(child);
    return { status: status as number | null, ...said };
  });
  return { child, said, outcome };
}

/** Begins a command of `kith`, which something may happen to before its end. */
export function beginKith(
  args: string[],
  env: Record<string, string> = {},
  cli?: string,
): { process: ChildProcess; outcome: Promise<Outcome> } {
  const { child, outcome } = launch(args, env, undefined, cli);
  return { process: child, outcome };
}

/** Runs a command of `kith` to its end. */
export function runKith(args: string[], env: Record<string, string> = {}, limits?: string): Promise<Outcome> {
  return launch(args, env, limits).outcome;
}

/**
 * Starts `kith start` and waits until it says where it listens.
 *
 * @param cli another `kith` than this clone's
 * @param limits as for `runKith`
 * @throws with what it said when it ends instead
 */
export async function startKith(env: Record<string, string>, cli?: string, limits?: string): Promise<RunningKith> {
  const { child, said, outcome } = launch(["start"], env, limits, cli);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", () => {
      const match = /^Kith listens on (\S+)$/m.exec(said.stdout);
      if (match !== null) resolve(match[1]!);
    });
    outcome.then(({ stderr, status }) => reject(new Error(`kith start ended with ${status}: ${stderr}`)));
  });
  return {
    url,
    process: child,
    output: () => ({ ...said }),
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return outcome;
    },
  };
}

/** The path of the first admin's link, which a Kith without admins prints at its start. */
export async function firstLink(kith: RunningKith): Promise<string> {
  for (;;) {
    const path = /\/invite\/\S+/.exec(kith.output().stdout)?.[0];
    if (path) return path;
    await sleep(20);
  }
}

// What a failed test left running is ended in order, so that its PostgreSQL ends with it.
after(async () => {
  await Promise.all(
    [...running].map(async (child) => {
      const closed = once(child, "close");
      if (child.exitCode === null && child.signalCode === null && child.kill("SIGTERM")) await closed;
    }),
  );
});
