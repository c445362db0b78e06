import { parentPort, workerData } from "node:worker_threads";
import { readPrivateKey } from "../protocol/keypair.js";
import { openEdge } from "../protocol/review.js";

// Opens edges beside the event loop. It lives as long as one request, and so do the keys in it.
const { keys } = workerData as { keys: Uint8Array[] };
const privateKeys = await Promise.all(keys.map((key) => readPrivateKey(Buffer.from(key))));

parentPort?.on("message", async ({ number, edges }: { number: number; edges: Uint8Array[] }) => {
  const opened = await Promise.all(
    edges.map(async (edge) => {
      for (const key of privateKeys) {
        const found = await openEdge(key, Buffer.from(edge));
        if (found) return found;
      }
      return undefined;
    }),
  );
  parentPort?.postMessage({ number, opened });
});
