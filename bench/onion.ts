// Look-ups a second and how long one takes, on 1, 8 and 64 connections, beside a bare `node:net` server that answers
// from a `Map`; the export of 100,000 rows as cdb, beside tinycdb's `cdb -c -m`; and loading that many from PostgreSQL,
// beside the bare query.
import { execFileSync, fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Domain } from "#kith/onion/domain.js";
import { writeList } from "#kith/onion/formats/formats.js";
import { Answerer } from "#kith/onion/lookup/answerer.js";
import { createLookupServer, listen } from "#kith/onion/lookup/server.js";
import { tcpTable } from "#kith/onion/lookup/tcp-table.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { readRoutes } from "#kith/onion/queries.js";
import type { Route } from "#kith/onion/route.js";
import { virtualAddress } from "#kith/onion/virtual-address.js";
import { openPlace } from "./place.js";
import { type Figure, milliseconds, quick, report } from "./support.js";

const DOMAINS = 100_000;
const ROUNDS = quick ? 5 : 9;
/** Milliseconds of each measurement. */
const ROUND_MS = quick ? 400 : 1500;

const routes = new Map<string, Route>();
for (let index = 0; index < DOMAINS; index++) {
  const domain = `d${index}.bench.example` as Domain;
  const key = Buffer.alloc(32);
  key.writeUInt32LE(index % 1000);
  const target = {
    onion: onionOfKey(key),
    port: 25,
    priority: 0,
    weight: 0,
    virtual: virtualAddress((index % 1000) + 1),
  };
  routes.set(domain, { domain, source: "pinned", inTheClear: false, expires: undefined, targets: [target] });
}

if (process.argv[2] === "serve") await serve(process.argv[3] === "bare");
else await measure();

/** In a process of its own, as in life. */
async function serve(bare: boolean): Promise<void> {
  if (bare) {
    const answers = new Map<string, string>();
    for (const [domain, { targets }] of routes) answers.set(domain, `200 smtptor:[${targets[0]!.onion}]:25\n`);
    const server = createServer({ noDelay: true }, (socket) => {
      let input = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => {
        input += chunk;
        const lines = input.split("\n");
        input = lines.pop() ?? "";
        let out = "";
        for (const line of lines) out += answers.get(line.slice(line.lastIndexOf("@") + 1)) ?? "500 no\n";
        socket.write(out, "latin1");
      });
      socket.on("error", () => socket.destroy());
    });
    server.listen(0, "127.0.0.1", () => process.send!((server.address() as { port: number }).port));
    return;
  }
  const answerer = new Answerer(["own.example"]);
  answerer.routes = routes;
  const { server } = createLookupServer({ protocol: tcpTable, answerer });
  await listen(server, { host: "127.0.0.1", port: 0 });
  process.send!((server.address() as { port: number }).port);
}

async function measure(): Promise<void> {
  const kith = await launch("kith");
  const bare = await launch("bare");
  const figures: Figure[] = [];
  for (const connections of [1, 8, 64]) {
    const rates: [number[], number[]] = [[], []];
    const latencies: [number[], number[]] = [[], []];
    // In turn, so that whatever else the machine does hits both.
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, { port }] of [kith, bare].entries()) {
        const { rate, p50 } = await load(port, connections);
        if (round === 0) continue;
        rates[index]!.push(rate);
        latencies[index]!.push(p50);
      }
    }
    const name = `lookups-${connections}`;
    figures.push({ name, unit: "/s", values: rates[0], floor: rates[1], floorName: "bare server" });
    figures.push({
      name: `${name}-latency`,
      unit: "ms",
      values: latencies[0],
      floor: latencies[1],
      floorName: "bare server",
    });
  }
  kith.child.kill();
  bare.child.kill();
  const cdb = await exportFigure();
  if (cdb !== undefined) figures.push(cdb);
  figures.push(await loadFigure());
  report(figures);
}

async function launch(which: "kith" | "bare") {
  const child = fork(fileURLToPath(import.meta.url), ["serve", which]);
  const port = await new Promise<number>((resolve) => child.once("message", (message) => resolve(Number(message))));
  return { child, port };
}

/** Each connection asks, waits for the answer, and asks again, as Postfix does. */
async function load(port: number, connections: number): Promise<{ rate: number; p50: number }> {
  const end = performance.now() + ROUND_MS;
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: connections }, async (_, number) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.setEncoding("latin1");
      let asked = 0;
      let start = 0;
      const ask = () => {
        start = performance.now();
        socket.write(`get ann@d${(number * 7919 + asked++) % DOMAINS}.bench.example\n`, "latin1");
      };
      await new Promise<void>((resolve) => {
        socket.on("data", () => {
          const now = performance.now();
          times.push(now - start);
          if (now < end) ask();
          else socket.end(resolve);
        });
        socket.once("connect", ask);
      });
    }),
  );
  times.sort((a, b) => a - b);
  return { rate: (times.length / ROUND_MS) * 1000, p50: times[times.length >> 1]! };
}

async function loadFigure(): Promise<Figure> {
  const place = await openPlace();
  const { db, pool } = place.context;
  const onion = [...routes.values()][0]!.targets[0]!.onion;
  await pool.query(
    `insert into onion_domains (domain, source, changed_by, changed_at)
     select 'd' || n || '.bench.example', 'pinned', 'import', now() from generate_series(1, $1::int) n`,
    [DOMAINS],
  );
  await pool.query(
    `insert into onion_targets (domain, onion, port, priority, weight)
     select domain, $1, 25, 0, 0 from onion_domains`,
    [onion],
  );
  await pool.query("insert into onion_numbers (onion) values ($1)", [onion]);
  const loaded = (await readRoutes(db)).size;
  if (loaded !== DOMAINS) throw new Error(`${loaded} of ${DOMAINS} domains`);
  const [values, floor]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    values.push(await milliseconds(() => readRoutes(db)));
    floor.push(await milliseconds(() => pool.query("select * from onion_domains join onion_targets using (domain)")));
  }
  await place.close();
  return { name: "map-load", unit: "ms", values, floor, floorName: "the bare query" };
}

async function exportFigure(): Promise<Figure | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "kith-bench-"));
  try {
    const entries = [...routes.values()].map((route) => ({ ...route, fallback: false, note: "" }));
    writeFileSync(join(directory, "flat"), writeList("exim-txt", entries));
    const [values, floor]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      values.push(await milliseconds(() => writeFileSync(join(directory, "ours"), writeList("cdb", entries))));
      floor.push(
        await milliseconds(() => execFileSync("cdb", ["-c", "-m", join(directory, "theirs"), join(directory, "flat")])),
      );
    }
    return { name: "export-cdb", unit: "ms", values, floor, floorName: "cdb -c -m" };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    console.error("tinycdb is not installed: the export is not measured");
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
