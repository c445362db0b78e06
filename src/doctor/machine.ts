import { readdir, readFile } from "node:fs/promises";
import type { Finding } from "./findings.js";

const about = "machine" as const;

/**
 * Ways by which what is in memory for a moment (passwords, opened keys) could end up on a disk. Linux only.
 *
 * @param proc where the kernel tells them
 * @param sys where it tells of devices
 */
export async function checkMachine(proc = "/proc", sys = "/sys"): Promise<Finding[]> {
  if (process.platform !== "linux") return [];
  return [...(await checkSwap(proc, sys)), ...(await checkCoreDumps(proc))];
}

async function checkSwap(proc: string, sys: string): Promise<Finding[]> {
  const lines = (await read(`${proc}/swaps`)).trim().split("\n").slice(1);
  const plain: string[] = [];
  for (const line of lines) {
    const name = line.split(/\s+/)[0] ?? "";
    const device = /^\/dev\/(zram\d+|dm-\d+)$/.exec(name)?.[1];
    // zram is memory.
    const isSafe = device?.startsWith("zram") || (device !== undefined && (await isEncrypted(device, sys)));
    if (name !== "" && !isSafe) plain.push(name);
  }
  if (plain.length === 0) return [{ level: "good", about, text: "memory is not swapped to an open disk" }];
  return [
    {
      level: "note",
      about,
      text: `memory may be swapped to ${plain.join(", ")}`,
      todo: "swapoff, or encrypt it with a new key at each boot",
    },
  ];
}

/** Whether a mapped device, or whatever it is mapped to (a volume on an encrypted disk), encrypts what it is given. */
async function isEncrypted(device: string, sys: string): Promise<boolean> {
  if ((await read(`${sys}/block/${device}/dm/uuid`)).startsWith("CRYPT-")) return true;
  const below = await readdir(`${sys}/block/${device}/slaves`).catch(() => []);
  for (const one of below) if (!(await isEncrypted(one, sys))) return false;
  return below.length > 0;
}

/** Of the Kith that runs here; where none does, of this command, whose shell may have another limit. */
async function checkCoreDumps(proc: string): Promise<Finding[]> {
  const running = await runningKiths(proc);
  const whose = running.length > 0 ? running : ["self"];
  const leaves = await Promise.all(whose.map((process) => leavesCoreDump(`${proc}/${process}/limits`, proc)));
  if (!leaves.includes(true)) {
    const text =
      running.length > 0
        ? "a crash leaves no core dump"
        : "a crash of this command would leave no core dump; no Kith runs here whose own limit could be looked at";
    return [{ level: "good", about, text }];
  }
  return [
    {
      level: "note",
      about,
      text: "a crash may leave a core dump with what was in memory",
      todo: "start Kith with ulimit -c 0 (systemd: LimitCORE=0), and have systemd-coredump store none (Storage=none)",
    },
  ];
}

/** The numbers of all processes that are a `kith start`. */
async function runningKiths(proc: string): Promise<string[]> {
  const numbers = (await readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(numbers.map((number) => read(`${proc}/${number}/cmdline`)));
  return numbers.filter((_, at) => /(^|[/\0])kith(\.js)?\0start(\0|$)/.test(lines[at] ?? ""));
}

/** @param limits of a process, as `/proc` has them */
export async function leavesCoreDump(limits: string, proc = "/proc"): Promise<boolean> {
  const limit = /^Max core file size\s+(\S+)/m.exec(await read(limits))?.[1];
  const pattern = (await read(`${proc}/sys/kernel/core_pattern`)).trim();
  // A pattern that begins with | hands the dump to a program whatever the limit says.
  return limit !== "0" || pattern.startsWith("|");
}

function read(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
