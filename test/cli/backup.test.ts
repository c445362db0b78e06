import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import pg from "pg";
import { freshDatabase } from "../support/database.js";
import { runKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

test("kith backup in the wrong place says so, and makes neither a database nor a file", async () => {
  const dataDir = temporaryDirectory();
  const file = join(temporaryDirectory(), "backup");
  const { status, stderr } = await runKith(["backup", file], { KITH_DATA_DIR: dataDir });
  assert.equal(status, 1);
  assert.match(stderr, /^kith: there is no database in .*: run this as the user and in the directory of kith start/);
  assert.deepEqual(readdirSync(dataDir), []);
  assert.ok(!existsSync(file));
});

test("kith backup of a server's database that no Kith ever used says so", async () => {
  const { adminUrl, databaseUrl, name } = await freshDatabase();
  const empty = `${name}_empty`;
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`create database ${empty} owner kith template template0`);
  await admin.end();
  const file = join(temporaryDirectory(), "backup");
  const { status, stderr } = await runKith(["backup", file], { DATABASE_URL: databaseUrl.replace(name, empty) });
  assert.equal(status, 1);
  assert.match(stderr, /^kith: no Kith ever used this database/);
  assert.ok(!existsSync(file));
});
