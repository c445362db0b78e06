import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkMachine } from "#kith/doctor/machine.js";
import { temporaryDirectory } from "../support/temporary.js";

const HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

/** What doctor says of a machine whose kernel tells this. */
async function findings({ swaps = HEAD, limit = "0", pattern = "core" }): Promise<Record<string, string>> {
  const proc = temporaryDirectory();
  mkdirSync(join(proc, "self"));
  mkdirSync(join(proc, "sys/kernel"), { recursive: true });
  writeFileSync(join(proc, "swaps"), swaps);
  writeFileSync(join(proc, "self/limits"), `Limit\nMax core file size        ${limit}        unlimited   bytes\n`);
  writeFileSync(join(proc, "sys/kernel/core_pattern"), `${pattern}\n`);
  const [swap, core] = await checkMachine(proc);
  return { swap: `${swap?.level}: ${swap?.text}`, core: core?.level ?? "" };
}

const skip = process.platform !== "linux" && "only Linux tells";

describe("what is in memory for a moment", { skip }, () => {
  it("is said to reach a disk where swap is a partition or a file, and not where it is memory or a mapped device", async () => {
    assert.match((await findings({})).swap ?? "", /^good/);
    const line = (name: string) => `${HEAD}${name}  partition\t1048572\t0\t-2\n`;
    for (const name of ["/dev/zram0", "/dev/dm-1"])
      assert.match((await findings({ swaps: line(name) })).swap ?? "", /^good/, name);
    for (const name of ["/dev/sda2", "/swapfile"])
      assert.equal((await findings({ swaps: line(name) })).swap, `note: memory may be swapped to ${name}`);
  });

  it("is said to be left by a crash unless nothing is dumped, and where a program is handed the dump in any case", async () => {
    assert.equal((await findings({})).core, "good");
    assert.equal((await findings({ limit: "unlimited" })).core, "note");
    assert.equal((await findings({ limit: "1024" })).core, "note");
    assert.equal((await findings({ pattern: "|/usr/lib/systemd/systemd-coredump %P" })).core, "note");
  });
});
