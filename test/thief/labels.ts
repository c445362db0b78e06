import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Label } from "#kith/protocol/derive.js";

/** Every label under which the program derives a key, as it stands in the compiled program: it is no secret. */
export const LABELS = readLabels(fileURLToPath(new URL("../../dist", import.meta.url)));

function readLabels(folder: string): Label[] {
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".js"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
  return [
    ...new Set(texts.flatMap((text) => [...text.matchAll(/"(kith\/v1\/[^"]+)"/g)].map((match) => match[1] as Label))),
  ];
}
