// From launching `kith start` to the first answered request, on a fresh data directory and on one that is there, beside
// what PostgreSQL alone needs: initdb, and its server's start.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openEmbedded } from "#kith/db/embedded.js";
import { preparePlace } from "#kith/db/embedded-place.js";
import { ensureCluster } from "#kith/db/postmaster.js";
import { milliseconds, quick, report } from "./support.js";

const CLI = fileURLToPath(new URL("../dist/cli/kith.js", import.meta.url));
const ROUNDS = quick ? 5 : 9;
/** Milliseconds, of docs: what an operator waits at most. */
const FIRST_LIMIT_MS = 3000;
const NEXT_LIMIT_MS = 1000;

const directory = mkdtempSync(join(tmpdir(), "kith-bench-"));
if (process.getuid?.() === 0) chmodSync(directory, 0o711);

/** @returns the running Kith, once it has answered a request */
async function start(dataDir: string): Promise<ChildProcess> {
  const env = {
    ...process.env,
    KITH_DATA_DIR: dataDir,
    KITH_LISTEN: "127.0.0.1:0",
    KITH_METRICS_LISTEN: "127.0.0.1:0",
  };
  const child = spawn(process.execPath, [CLI, "start"], { env, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of child.stdout) {
    said += String(chunk);
    const url = /^Kith listens on (\S+)$/m.exec(said)?.[1];
    if (url === undefined) continue;
    await (await fetch(url)).arrayBuffer();
    return child;
  }
  throw new Error("kith start ended");
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

const first: number[] = [];
const next: number[] = [];
const initdb: number[] = [];
const serverStart: number[] = [];
try {
  for (let round = 0; round < ROUNDS; round++) {
    const dataDir = join(directory, `kith-${round}`);
    for (const values of [first, next]) {
      let child: ChildProcess | undefined;
      values.push(
        await milliseconds(async () => {
          child = await start(dataDir);
        }),
      );
      await stop(child!);
    }
    // The floors: the same parts of PostgreSQL, without Kith around them.
    const bare = join(directory, `bare-${round}`);
    const place = await preparePlace(bare);
    initdb.push(await milliseconds(() => ensureCluster(place)));
    await (await openEmbedded({ dataDir: bare, role: "command" })).close();
    let server: { close(): Promise<void> } | undefined;
    serverStart.push(
      await milliseconds(async () => {
        server = await openEmbedded({ dataDir: bare, role: "command" });
      }),
    );
    await server!.close();
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

report([
  { name: "first start", unit: "ms", values: first, floor: FIRST_LIMIT_MS, floorName: "limit" },
  { name: "next start", unit: "ms", values: next, floor: NEXT_LIMIT_MS, floorName: "limit" },
  { name: "first start, beside initdb", unit: "ms", values: first, floor: initdb, floorName: "initdb" },
  { name: "next start, beside the server's", unit: "ms", values: next, floor: serverStart, floorName: "server start" },
]);
