import { cpus } from "node:os";

/** One figure against its floor or peer, both taken in this run. */
export interface Figure {
  name: string;
  unit: string;
  /** At least five; the median counts. */
  values: number[];
  /** Of the floor or the peer; a single number is a limit. */
  floor: number[] | number;
  /** What the floor is, in a few words. */
  floorName: string;
}

export const quick = process.argv.includes("--quick");
export const json = process.argv.includes("--json");

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Milliseconds that `work` takes. */
export async function milliseconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Runs `work` so many times, one after the other, and returns the milliseconds of each. */
export async function repeat(times: number, work: () => unknown): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < times; round++) values.push(await milliseconds(work));
  return values;
}

/** Prints a table or, with `--json`, one line a figure. */
export function report(figures: readonly Figure[]): void {
  const rows = figures.map(({ name, unit, values, floor, floorName }) => {
    const floors = typeof floor === "number" ? [floor] : floor;
    const [value, against] = [median(values), median(floors)];
    return { name, unit, value, floor: against, ratio: value / against, values, floors, floorName };
  });
  if (json) {
    for (const { name, value, floor, ratio } of rows) {
      console.log(JSON.stringify({ name, value: round(value), floor: round(floor), ratio: round(ratio) }));
    }
    return;
  }
  const cells = rows.map(({ name, unit, values, floors, floorName, ratio }) => [
    name,
    span(values, unit),
    `${span(floors, unit)} ${floorName}`,
    `${round(ratio)} ×`,
  ]);
  const table = [["what", "median (min … max)", "against", "ratio"], ["---", "---", "---", "---"], ...cells];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table) {
    const fill = row[0] === "---" ? "-" : " ";
    console.log(`| ${row.map((cell, column) => cell.padEnd(widths[column]!, fill)).join(" | ")} |`);
  }
  console.log(`\nNode ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model.trim() ?? "unknown processor"}`);
}

/** |t| above this means that times differ (ISO/IEC 17825; one chance in 100,000). */
export const T_LIMIT = 4.5;

/**
 * The t of two samples with different variances: the larger one of all values, and of those below the 90th percentile of
 * both together, since stalls of the machine hit either and would hide a difference.
 */
export function welch(a: readonly number[], b: readonly number[]): number {
  const limits = [Number.POSITIVE_INFINITY, quantile([...a, ...b], 0.9)];
  return Math.max(
    ...limits.map((limit) => {
      const [x, y] = [a, b].map((values) => moments(values.filter((value) => value <= limit)));
      return Math.abs(x!.mean - y!.mean) / Math.sqrt(x!.variance / x!.count + y!.variance / y!.count);
    }),
  );
}

function moments(values: readonly number[]) {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { count, mean, variance };
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] as number;
}

function span(values: readonly number[], unit: string): string {
  const range = values.length > 1 ? ` (${round(Math.min(...values))} … ${round(Math.max(...values))})` : "";
  return `${round(median(values))}${range} ${unit}`;
}

/** Three significant digits. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}
