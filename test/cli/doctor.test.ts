import assert from "node:assert/strict";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadServerSecret } from "#kith/secret.js";
import { runKith } from "../support/kith.js";
import { need } from "../support/need.js";
import { startPostgresServer } from "../support/postgres-server.js";
import { temporaryDirectory } from "../support/temporary.js";

interface Finding {
  level: string;
  about: string;
  text: string;
  todo?: string;
}

async function doctor(
  env: Record<string, string>,
): Promise<{ status: number | null; wrong: Finding[]; all: Finding[] }> {
  const { status, stdout } = await runKith(["doctor", "--json"], env);
  const all = (JSON.parse(stdout) as { findings: Finding[] }).findings;
  return { status, all, wrong: all.filter(({ level }) => level === "wrong") };
}

test("finds nothing wrong before the first start, and makes nothing", async () => {
  const dataDir = join(temporaryDirectory(), "data");
  const { status, wrong } = await doctor({ KITH_DATA_DIR: dataDir });
  assert.deepEqual(wrong, []);
  assert.equal(status, 0);
});

test("names a secret that others can read, and what to do", async () => {
  const dataDir = temporaryDirectory();
  await runKith(["migrate"], { KITH_DATA_DIR: dataDir });
  await loadServerSecret(join(dataDir, "secret"), async () => false);
  chmodSync(join(dataDir, "secret"), 0o644);
  const { status, wrong } = await doctor({ KITH_DATA_DIR: dataDir });
  assert.equal(status, 1);
  assert.deepEqual(
    wrong.map(({ about, todo }) => [about, todo]),
    [["files", `chmod 600 ${join(dataDir, "secret")}`]],
  );
  rmSync(join(dataDir, "secret"));
  assert.equal((await doctor({ KITH_DATA_DIR: dataDir })).status, 0);
});

test("lists all configuration mistakes", async () => {
  const { status, wrong } = await doctor({ KITH_ORIGIN: "x", KITH_PASSWORD_MIN: "3" });
  assert.equal(status, 1);
  assert.deepEqual(
    wrong.map(({ about }) => about),
    ["configuration", "configuration"],
  );
});

test("says that mail and database can't be reached", async () => {
  const { status, wrong } = await doctor({
    KITH_DATA_DIR: temporaryDirectory(),
    DATABASE_URL: "postgresql://kith@127.0.0.1:1/kith",
    KITH_SMTP_URL: "smtp://127.0.0.1:1",
    KITH_MAIL_FROM: "kith@example.org",
  });
  assert.equal(status, 1);
  assert.deepEqual(wrong.map(({ about }) => about).sort(), ["database", "mail"]);
});

const { postgres, skip } = need("postgres");

test("warns of a server that writes down statements and their values", { skip }, async () => {
  const server = await startPostgresServer(postgres, { log_statement: "all", track_commit_timestamp: "on" });
  const { status, wrong } = await doctor({ KITH_DATA_DIR: temporaryDirectory(), DATABASE_URL: server.databaseUrl });
  await server.stop();
  assert.equal(status, 1);
  const said = wrong.map(({ text }) => text.split(" ")[0]);
  assert.ok(said.includes("log_statement"));
  assert.ok(said.includes("track_commit_timestamp"));
});
