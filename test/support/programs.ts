import { type ChildProcess, spawn } from "node:child_process";
import { after } from "node:test";

const running = new Set<ChildProcess>();

export interface Program {
  /** Everything it said so far. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Starts a program that runs in the foreground; it ends with the test file at the latest. */
export function startProgram(command: string, args: string[], options: { cwd?: string } = {}): Program {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return {
    output: () => output,
    signal: (signal) => void child.kill(signal),
    stop: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}

after(async () => {
  await Promise.all([...running].map(end));
});
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
