import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

const ANYWHERE = [
  ["invite"],
  ["admin", "invite"],
  ["admin", "grant", "ada"],
  ["admin", "recover-review-key"],
  ["account", "suspend", "ada"],
  ["secret", "rotate"],
  ["migrate", "--status"],
  ["onion", "lookup", "example.org"],
  ["onion", "export", "--format", "json"],
  ["onion", "torrc"],
  ["onion", "check"],
  ["onion", "serve"],
];

test("a command in the wrong place says so, prints no link and makes nothing, so that a backup there is still refused", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const env = { KITH_DATA_DIR: dataDir, KITH_ONION_TCP_TABLE: "127.0.0.1:0" };
  for (const args of [...ANYWHERE, ["backup", join(dataDir, "backup")]]) {
    const { status, stdout, stderr } = await runKith(args, env);
    const command = args.join(" ");
    assert.equal(status, 1, command);
    assert.equal(stdout, "", command);
    assert.equal(
      stderr,
      `kith: there is no database in ${dataDir}: run this as the user and in the directory of kith start, or set KITH_DATA_DIR\n`,
      command,
    );
    assert.deepEqual(readdirSync(join(dataDir, "..")), [], command);
  }
});

test("what a place may begin with begins it, and every command works there from then on", async () => {
  for (const first of [["migrate"], ["demo"]]) {
    const env = { KITH_DATA_DIR: join(temporaryDirectory(), "data") };
    for (const args of [first, ["migrate", "--status"], ["invite"]]) {
      const { status, stderr } = await runKith(args, env);
      assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
    }
  }
});
