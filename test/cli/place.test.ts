import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { expectDatabase } from "#kith/cli/with-database.js";
import { runKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

/** What is about somebody or something that is there, and must not say that there is nothing, in the wrong place. */
const LATER = [
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
/** What prints a link, or puts something in. */
const BEFORE = [
  { args: ["invite"], prints: /\/invite\// },
  { args: ["admin", "invite"], prints: /\/invite\// },
];

test("a command in the wrong place says so, prints no link and makes nothing, so that a backup there is still refused", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const env = { KITH_DATA_DIR: dataDir, KITH_ONION_TCP_TABLE: "127.0.0.1:0" };
  for (const args of [...LATER, ["backup", join(dataDir, "backup")]]) {
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

test("what makes sense before the first start begins the place that KITH_DATA_DIR names, and no other", async () => {
  for (const { args, prints } of BEFORE) {
    const dataDir = join(temporaryDirectory(), "data");
    const ran = await runKith(args, { KITH_DATA_DIR: dataDir });
    assert.equal(ran.status, 0, `${args.join(" ")}: ${ran.stderr}`);
    assert.match(ran.stdout, prints, args.join(" "));
  }
  const list = join(temporaryDirectory(), "map.txt");
  writeFileSync(list, "");
  const dataDir = join(temporaryDirectory(), "data");
  const taken = await runKith(["onion", "import", list, "--format", "exim-txt"], { KITH_DATA_DIR: dataDir });
  assert.equal(taken.status, 0, taken.stderr);
  const nowhere = { databaseUrl: undefined, dataDir: join(temporaryDirectory(), "data"), isDataDirGiven: false };
  await assert.rejects(expectDatabase(nowhere, "told"), /there is no database in/);
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
