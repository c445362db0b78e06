import { readFile } from "node:fs/promises";
import type { Finding } from "./findings.js";

const about = "machine" as const;

/**
 * Ways by which what is in memory for a moment (passwords, opened keys) could end up on a disk. Linux only.
 *
 * @param proc where the kernel tells them
 */
export async function checkMachine(proc = "/proc"): Promise<Finding[]> {
  if (process.platform !== "linux") return [];
  return [...(await checkSwap(proc)), ...(await checkCoreDumps(proc))];
}

async function checkSwap(proc: string): Promise<Finding[]> {
  const lines = (await read(`${proc}/swaps`)).trim().split("\n").slice(1);
  // zram is memory; dm- is a mapped device, most likely encrypted.
  const plain = lines
    .map((line) => line.split(/\s+/)[0] ?? "")
    .filter((name) => name !== "" && !/zram|\/dm-/.test(name));
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

async function checkCoreDumps(proc: string): Promise<Finding[]> {
  if (!(await leavesCoreDump(`${proc}/self/limits`, proc))) {
    return [{ level: "good", about, text: "a crash leaves no core dump" }];
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
