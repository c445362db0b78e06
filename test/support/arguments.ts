/**
 * A number for a long suite: `--name 5` on the command line (the last one counts), else what `npm test` runs.
 *
 * ```
 * npm run test:model -- --steps 20000 --seed 7
 * ```
 */
export function numberArgument(name: string, otherwise: number): number {
  const at = process.argv.lastIndexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (!Number.isFinite(value)) throw new Error(`--${name} needs a number`);
  return value;
}

/** A text that a program of the tests is given by another, else the one that is taken without it. */
export function textArgument(name: string, otherwise?: string): string {
  const at = process.argv.lastIndexOf(`--${name}`);
  const value = at < 0 ? otherwise : process.argv[at + 1];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
}
