import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { PrivateKey } from "../protocol/keypair.js";
import { type Edge, openEdge } from "../protocol/review.js";

/** Fewer are opened at once without threads. */
const FEW = 64;
const MAX_WORKERS = 2;

export interface EdgeOpener {
  /** How many batches can be under way together. */
  width: number;
  open(edges: readonly Uint8Array[]): Promise<(Edge | undefined)[]>;
  close(): Promise<void>;
}

/** Opens sealed edges, many of them beside the event loop. */
export function edgeOpener(keys: readonly PrivateKey[], expected: number): EdgeOpener {
  if (expected <= FEW) {
    return {
      width: 1,
      open: (edges) => Promise.all(edges.map((edge) => openWithAny(keys, edge))),
      close: async () => undefined,
    };
  }
  const width = Math.min(MAX_WORKERS, availableParallelism());
  const workerData = { keys: keys.map((key) => key.write()) };
  const url = new URL("./edge-worker.js", import.meta.url);
  const workers = Array.from({ length: width }, () => new Worker(url, { workerData }));
  const waiting = new Map<
    number,
    { resolve: (opened: (Edge | undefined)[]) => void; reject: (error: Error) => void }
  >();
  for (const worker of workers) {
    worker.on("message", ({ number, opened }: { number: number; opened: (Edge | undefined)[] }) => {
      waiting.get(number)?.resolve(opened);
      waiting.delete(number);
    });
    worker.on("error", (error) => {
      for (const { reject } of waiting.values()) reject(error as Error);
      waiting.clear();
    });
  }
  let count = 0;
  return {
    width,
    async open(edges) {
      const number = count++;
      return await new Promise((resolve, reject) => {
        waiting.set(number, { resolve, reject });
        workers[number % width]?.postMessage({ number, edges });
      });
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

async function openWithAny(keys: readonly PrivateKey[], edge: Uint8Array): Promise<Edge | undefined> {
  for (const key of keys) {
    const opened = await openEdge(key, edge);
    if (opened) return opened;
  }
  return undefined;
}
