import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runKith, startKith } from "../support/kith.js";
import { isRunning, serverPid } from "../support/postmaster.js";
import { temporaryDirectory } from "../support/temporary.js";

test("the second start keeps database and secret", async () => {
  const dataDir = temporaryDirectory();
  await (await startKith({ KITH_DATA_DIR: dataDir })).stop("SIGINT");
  const secret = readFileSync(join(dataDir, "secret"));
  const made = statSync(join(dataDir, "postgres/cluster/PG_VERSION")).mtimeMs;
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  assert.deepEqual(readFileSync(join(dataDir, "secret")), secret);
  assert.equal(statSync(join(dataDir, "postgres/cluster/PG_VERSION")).mtimeMs, made);
  await kith.stop();
});

test("after kill -9 of Kith the next start adopts the orphaned server", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  await first.stop("SIGKILL");
  assert.ok(isRunning(server));
  const second = await startKith({ KITH_DATA_DIR: dataDir });
  assert.equal(serverPid(dataDir), server);
  await second.stop();
  assert.ok(!isRunning(server));
});

test("after kill -9 of both, a stale pid file is no obstacle", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  await first.stop("SIGKILL");
  process.kill(server, "SIGKILL");
  const second = await startKith({ KITH_DATA_DIR: dataDir });
  assert.notEqual(serverPid(dataDir), server);
  await second.stop();
});

test("a dead server's number that another program has got meanwhile is no obstacle, and that program is left alone", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  await first.stop("SIGKILL");
  process.kill(server, "SIGKILL");
  const bystander = spawn("sleep", ["60"]);
  for (const file of ["cluster/postmaster.pid", ".s.PGSQL.5432.lock"]) {
    const path = join(dataDir, "postgres", file);
    const [, ...rest] = readFileSync(path, "utf8").split("\n");
    writeFileSync(path, [bystander.pid, ...rest].join("\n"));
  }
  const second = await startKith({ KITH_DATA_DIR: dataDir });
  assert.notEqual(serverPid(dataDir), bystander.pid);
  assert.equal(bystander.exitCode, null);
  await second.stop();
  const gone = once(bystander, "exit");
  bystander.kill();
  await gone;
});

test("an orphan whose socket is gone is stopped and replaced", async () => {
  const dataDir = temporaryDirectory();
  const first = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  await first.stop("SIGKILL");
  rmSync(join(dataDir, "postgres/.s.PGSQL.5432"));
  const second = await startKith({ KITH_DATA_DIR: dataDir });
  assert.ok(!isRunning(server));
  await second.stop();
});

test("a server that dies under a running Kith is brought back", async () => {
  const dataDir = temporaryDirectory();
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  const server = serverPid(dataDir)!;
  process.kill(server, "SIGKILL");
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline && (serverPid(dataDir) === server || serverPid(dataDir) === undefined)) await sleep(50);
  assert.ok(isRunning(serverPid(dataDir)!));
  assert.equal((await runKith(["migrate", "--status"], { KITH_DATA_DIR: dataDir })).status, 0);
  const { status } = await kith.stop();
  assert.equal(status, 0);
});

test("several commands at once on a fresh data directory all succeed, and the last one stops the server", async () => {
  const dataDir = temporaryDirectory();
  const outcomes = await Promise.all(Array.from({ length: 4 }, () => runKith(["migrate"], { KITH_DATA_DIR: dataDir })));
  for (const { status, stderr } of outcomes) assert.equal(status, 0, stderr);
  assert.equal(serverPid(dataDir), undefined);
});

test("a data directory with a long path gets its socket elsewhere", async () => {
  const dataDir = join(temporaryDirectory(), "d".repeat(100));
  const kith = await startKith({ KITH_DATA_DIR: dataDir });
  assert.ok(!existsSync(join(dataDir, "postgres/.s.PGSQL.5432")));
  assert.equal((await runKith(["migrate", "--status"], { KITH_DATA_DIR: dataDir })).status, 0);
  await kith.stop();
});
