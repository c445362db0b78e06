import * as openpgp from "openpgp";
import type { Blob } from "./dump.js";
import type { HeldKey } from "./key-ring.js";

/** Whether this key opens the blob: with OpenPGP's own means, not with Kith's. */
async function opens({ key }: HeldKey, bytes: Uint8Array): Promise<boolean> {
  try {
    const message = await openpgp.readMessage({ binaryMessage: bytes });
    const date = null as unknown as Date;
    await openpgp.decrypt({ message, decryptionKeys: key, format: "binary", date });
    return true;
  } catch {
    return false;
  }
}

/** What was found before, by the blob's bytes: most of a second dump is that of the first. */
export type Verdicts = Map<string, string>;

/** Tries every key on a blob. @returns the labels of those that open it, or `nobody` */
export async function openersOf(blob: Blob, keys: readonly HeldKey[], verdicts: Verdicts): Promise<string> {
  const name = blob.bytes.toString("base64");
  let verdict = verdicts.get(name);
  if (verdict === undefined) {
    const tries = await Promise.all(keys.map((held) => opens(held, blob.bytes)));
    verdict = keys.flatMap(({ label }, at) => (tries[at] ? [label] : [])).join(" and ") || "nobody";
    verdicts.set(name, verdict);
  }
  return verdict;
}

/** For each place in a dump, who opens what stands there: `bea 1, cem 1, 2 nobody`. */
export async function whoOpensWhat(
  blobs: readonly Blob[],
  keys: readonly HeldKey[],
  verdicts: Verdicts = new Map(),
): Promise<Record<string, string>> {
  const found: Record<string, string[]> = {};
  for (const blob of blobs) {
    found[blob.place] ??= [];
    found[blob.place]?.push(await openersOf(blob, keys, verdicts));
  }
  return Object.fromEntries(Object.entries(found).map(([place, openers]) => [place, listed(openers)]));
}

/** In alphabetical order, with how many there are of each; nobody comes last. */
function listed(openers: readonly string[]): string {
  const names = [...new Set(openers)].sort(
    (a, b) => Number(a === "nobody") - Number(b === "nobody") || (a < b ? -1 : 1),
  );
  return names
    .map((name) => [openers.filter((one) => one === name).length, name] as const)
    .map(([count, name]) => (count === 1 ? name : `${count} ${name}`))
    .join(", ");
}
