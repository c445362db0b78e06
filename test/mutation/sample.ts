import { createHash } from "node:crypto";

/** The share of mutants to try, 0 to 1. */
export const SAMPLE_VARIABLE = "KITH_MUTATION_SAMPLE";

/** Whether a mutant is one of those that are tried: drawn by its number, so that each process draws the same ones. */
export function isInSample({ id }: { id: string }): boolean {
  const share = Number(process.env[SAMPLE_VARIABLE] ?? 1);
  return createHash("sha256").update(id).digest().readUInt32BE() < share * 2 ** 32;
}
