import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freshDatabase } from "../support/database.js";
import { beginKith, runKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

const FULL = "kith: the output could not be written whole: the disk is full\n";

test("a command whose output finds the disk full says so in one line and exits with 1, however it prints", async () => {
  const { databaseUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  for (const args of [
    ["invite", "--count", "900"],
    ["invite", "--json"],
    ["onion", "torrc"],
    ["onion", "export", "--format", "json"],
    ["onion", "config", "exim"],
    ["migrate", "--status"],
    ["--help"],
    ["--version"],
  ]) {
    const { status, stderr } = await runKith(args, env, "exec > /dev/full");
    assert.equal(stderr, FULL, args.join(" "));
    assert.equal(status, 1, args.join(" "));
  }
  const { status, stderr } = await runKith(["invite", "--count", "0"], env, "exec > /dev/full");
  assert.equal(status, 2);
  assert.doesNotMatch(stderr, /the disk is full/, "nothing was to be printed");
});

test("a write that is cut short is gone on with, and what finds no room then is said", async () => {
  const whole = (await runKith(["onion", "config", "exim"])).stdout;
  assert.ok(Buffer.byteLength(whole) > 2048);
  const file = join(temporaryDirectory(), "out");
  const { status, stderr } = await runKith(["onion", "config", "exim"], {}, `ulimit -f 1; exec > '${file}'`);
  assert.equal(stderr, "kith: the output could not be written whole: the file may not get larger\n");
  assert.equal(status, 1);
  assert.equal(readFileSync(file, "utf8"), whole.slice(0, 1024));
  const enough = await runKith(["onion", "config", "exim"], {}, `ulimit -f 64; exec > '${file}'`);
  assert.deepEqual([enough.status, enough.stderr], [0, ""]);
  assert.equal(readFileSync(file, "utf8"), whole);
});

test("whoever stops reading is told nothing, and the status is the usual one", async () => {
  for (const args of [["onion", "config", "exim"], ["--help"]]) {
    const { process: child, outcome } = beginKith(args);
    child.stdout!.destroy();
    const { status, stderr } = await outcome;
    assert.deepEqual([status, stderr], [0, ""], args.join(" "));
  }
});
