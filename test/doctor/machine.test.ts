import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkMachine } from "#kith/doctor/machine.js";
import { temporaryDirectory } from "../support/temporary.js";

const HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

/** A mapped device, as the kernel tells of it. */
interface Mapped {
  uuid: string;
  on?: string[];
}

/** What doctor says of a machine whose kernel tells this. */
async function findings({
  swaps = HEAD,
  limit = "0",
  pattern = "core",
  mapped = {} as Record<string, Mapped>,
  /** Of processes: their command lines and limits. */
  running = [] as [string[], string][],
}): Promise<Record<string, string>> {
  const proc = temporaryDirectory();
  const sys = temporaryDirectory();
  for (const [name, { uuid, on = [] }] of Object.entries(mapped)) {
    mkdirSync(join(sys, "block", name, "dm"), { recursive: true });
    writeFileSync(join(sys, "block", name, "dm/uuid"), `${uuid}\n`);
    for (const other of on) mkdirSync(join(sys, "block", name, "slaves", other), { recursive: true });
  }
  const limitsOf = (size: string) => `Limit\nMax core file size        ${size}        unlimited   bytes\n`;
  for (const [at, [line, size]] of running.entries()) {
    mkdirSync(join(proc, `${at + 40}`));
    writeFileSync(join(proc, `${at + 40}/cmdline`), `${line.join("\0")}\0`);
    writeFileSync(join(proc, `${at + 40}/limits`), limitsOf(size));
  }
  mkdirSync(join(proc, "self"));
  mkdirSync(join(proc, "sys/kernel"), { recursive: true });
  writeFileSync(join(proc, "swaps"), swaps);
  writeFileSync(join(proc, "self/limits"), limitsOf(limit));
  writeFileSync(join(proc, "sys/kernel/core_pattern"), `${pattern}\n`);
  const [swap, core] = await checkMachine(proc, sys);
  return { swap: `${swap?.level}: ${swap?.text}`, core: core?.level ?? "" };
}

const skip = process.platform !== "linux" && "only Linux tells";

describe("what is in memory for a moment", { skip }, () => {
  const line = (name: string) => `${HEAD}${name}  partition\t1048572\t0\t-2\n`;

  it("is said to reach a disk where swap is a partition or a file, and not where it is memory", async () => {
    assert.match((await findings({})).swap ?? "", /^good/);
    assert.match((await findings({ swaps: line("/dev/zram0") })).swap ?? "", /^good/);
    for (const name of ["/dev/sda2", "/swapfile", "/srv/zram/swapfile", "/srv/dm-1/swapfile"])
      assert.equal((await findings({ swaps: line(name) })).swap, `note: memory may be swapped to ${name}`);
  });

  it("is said to reach a disk where swap is a mapped device, unless that or all that it lies on is encrypted", async () => {
    const [volume, crypt] = ["LVM-abcdef", "CRYPT-PLAIN-swap"];
    const swapOn = async (mapped: Record<string, Mapped>) =>
      (await findings({ swaps: line("/dev/dm-1"), mapped })).swap?.split(":")[0];
    assert.equal(await swapOn({ "dm-1": { uuid: crypt, on: ["sda2"] } }), "good");
    assert.equal(
      await swapOn({ "dm-1": { uuid: volume, on: ["dm-0"] }, "dm-0": { uuid: crypt, on: ["sda2"] } }),
      "good",
    );
    assert.equal(await swapOn({ "dm-1": { uuid: volume, on: ["sda2"] } }), "note");
    const half = { "dm-1": { uuid: volume, on: ["dm-0", "sdb1"] }, "dm-0": { uuid: crypt, on: ["sda2"] } };
    assert.equal(await swapOn(half), "note");
    assert.equal(await swapOn({}), "note");
  });

  it("is said to be left by a crash unless nothing is dumped, and where a program is handed the dump in any case", async () => {
    assert.equal((await findings({})).core, "good");
    assert.equal((await findings({ limit: "unlimited" })).core, "note");
    assert.equal((await findings({ limit: "1024" })).core, "note");
    assert.equal((await findings({ pattern: "|/usr/lib/systemd/systemd-coredump %P" })).core, "note");
  });

  it("is judged by the Kith that runs, whatever the shell of this command may leave", async () => {
    const start = ["/usr/bin/node", "/usr/lib/kith/dist/cli/kith.js", "start"];
    const other = ["/usr/bin/node", "/usr/lib/other/kith.js", "doctor"];
    const core = async (limit: string, running: [string[], string][]) => (await findings({ limit, running })).core;
    assert.equal(await core("0", [[start, "unlimited"]]), "note");
    assert.equal(await core("unlimited", [[start, "0"]]), "good");
    assert.equal(await core("0", [[other, "unlimited"]]), "good");
    assert.equal(
      await core("0", [
        [start, "0"],
        [["/usr/bin/kith", "start"], "unlimited"],
      ]),
      "note",
    );
  });
});
