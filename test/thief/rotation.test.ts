import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import pg from "pg";
import { Visitor } from "../support/app.js";
import { httpApp } from "../support/http-app.js";
import { firstLink, runKith, startKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";
import { filesIn, Needles } from "./needles.js";

// Whoever had the old secret and finds a row that was replaced could guess passwords on it.

test("after kith secret rotate no file of the embedded server holds what was wrapped in the secret before", async () => {
  const env = { KITH_DATA_DIR: temporaryDirectory() };
  const kith = await startKith(env);
  const nour = new Visitor(httpApp(kith.url));
  await nour.join(await firstLink(kith), "nour");
  await nour.bring("ada");
  const client = new pg.Client({ host: join(env.KITH_DATA_DIR, "postgres"), user: "kith", database: "kith" });
  await client.connect();
  const { rows } = await client.query("select username, locked_key, second_step, contact from accounts");
  await client.end();
  await kith.stop();

  const needles = new Needles();
  for (const { username, ...columns } of rows) {
    for (const [column, bytes] of Object.entries(columns)) {
      needles.add(`${column} of ${username}`, (bytes as Buffer).subarray(40, 72));
    }
  }
  const found = () => {
    const counts = new Map<string, number>();
    for (const { bytes } of filesIn(env.KITH_DATA_DIR)) needles.countIn(bytes, counts);
    return [...counts.keys()].sort();
  };
  assert.deepEqual(found().length, 9, "all columns of three rows, the decoy's among them, are found before");
  const { status, stderr } = await runKith(["secret", "rotate"], env);
  assert.equal(status, 0, stderr);
  assert.deepEqual(found(), []);
  const again = await startKith(env);
  assert.equal((await new Visitor(httpApp(again.url)).signIn("ada")).statusCode, 303);
  await again.stop();
});
