import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../dist/cli/kith.js", import.meta.url));
const running = new Set<ChildProcess>();

export interface RunningServe {
  /** Where each protocol listens, by its name. */
  addresses: Record<string, { host: string; port: number }>;
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts `kith onion serve` and waits until it listens on every protocol it was told about. */
export async function startServe(env: Record<string, string>, args: string[] = []): Promise<RunningServe> {
  const child = spawn(process.execPath, [CLI, "onion", "serve", ...args], {
    cwd: "/",
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  const addresses: RunningServe["addresses"] = {};
  const expected = Object.keys(env).filter((name) => /^KITH_ONION_(TCP_TABLE|SOCKETMAP|READSOCKET)$/.test(name)).length;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const [, name, host, port] of output.matchAll(/^(\w+) listens on (.*):(\d+)$/gm)) {
        addresses[name!] = { host: host!, port: Number(port) };
      }
      if (Object.keys(addresses).length === expected) resolve();
    });
    child.once("exit", (code) => reject(new Error(`kith onion serve ended with ${code}: ${output}`)));
  });
  return {
    addresses,
    output: () => output,
    async stop(signal = "SIGTERM") {
      running.delete(child);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    },
  };
}

after(async () => {
  for (const child of running) {
    const exited = once(child, "exit");
    if (child.exitCode === null && child.signalCode === null && child.kill("SIGTERM")) await exited;
  }
});
