import type { Loot } from "./loot.js";

/** Rounds that go from one process to another. */
export interface Packed {
  names: readonly string[];
  rounds: readonly Pick<Features, "at" | "values">[];
}

/** Numbers by name, kept small: a thousand rounds of them are in memory at once. */
export class Features {
  private static readonly names: string[] = [];
  private static readonly numbers = new Map<string, number>();
  readonly at: Uint32Array;
  readonly values: Float64Array;

  constructor(all: ReadonlyMap<string, number>) {
    const known = [...all].map(([name, value]) => [Features.numberOf(name), value] as const).sort(([a], [b]) => a - b);
    this.at = Uint32Array.from(known, ([number]) => number);
    this.values = Float64Array.from(known, ([, value]) => value);
  }

  /** One column for every name that any of these rounds has; what a round lacks is less than anything. */
  static *columns(rounds: readonly Features[]): Generator<{ name: string; values: Float64Array }> {
    const next = new Uint32Array(rounds.length);
    for (const [number, name] of Features.names.entries()) {
      const values = new Float64Array(rounds.length).fill(Number.NEGATIVE_INFINITY);
      for (const [round, { at, values: own }] of rounds.entries()) {
        const place = next[round] as number;
        if (at[place] !== number) continue;
        values[round] = own[place] as number;
        next[round] = place + 1;
      }
      yield { name, values };
    }
  }

  /** What another process packed, in the numbers of this one. */
  static unpack({ names, rounds }: Packed): Features[] {
    return rounds.map(({ at, values }) => new Features(new Map(Array.from(at, (one, i) => [names[one]!, values[i]!]))));
  }

  static pack(rounds: readonly Features[]): Packed {
    return { names: Features.names, rounds: rounds.map(({ at, values }) => ({ at, values })) };
  }

  private static numberOf(name: string): number {
    const known = Features.numbers.get(name);
    if (known !== undefined) return known;
    Features.numbers.set(name, Features.names.length);
    return Features.names.push(name) - 1;
  }
}

/** Places of rows that are shuffled, or bits of larger values: counted for each owner and page, not one by one. */
const COUNTED = /^heap \d (.*toast|relations|limits_points|sessions|left_sessions|pgboss.*)$/;

const SHUFFLED = /Btree|toast|relations|limits_points|sessions|pgboss/;

/**
 * Everything in the loot as numbers with names that mean the same in every round: lengths, counts and places as they
 * are, and one feature for each word that was seen.
 */
export function featuresOf(loot: Loot): Features {
  const features = new Map<string, number>();
  const add = (name: string, value: number) => features.set(name, (features.get(name) ?? 0) + value);
  for (const { section, label, fields } of loot.finds) {
    const kind = section.split(" ")[0] as string;
    const one = (prefix: string) => {
      for (const [field, value] of Object.entries(fields)) {
        if (typeof value === "number") add(`${prefix} ${field}`, value);
        else add(`${prefix} ${field}=${value}`, 1);
      }
    };
    if (kind === "heap" && fields.owner !== "") {
      const owner = `${section} of ${fields.owner}`;
      add(`${owner} flags ${fields.lp_flags}`, 1);
      add(`${owner} infomask ${fields.infomask}`, 1);
      add(`${owner} infomask2 ${fields.infomask2}`, 1);
      features.set(`${owner} latest xmax`, Math.max(features.get(`${owner} latest xmax`) ?? -3, Number(fields.xmax)));
      features.set(`${owner} latest xmin`, Math.max(features.get(`${owner} latest xmin`) ?? -3, Number(fields.xmin)));
    }
    if (kind === "heap" && COUNTED.test(section)) {
      const page = `${section} page ${label.split(".")[0]}`;
      add(`${page} items`, 1);
      add(`${page} flags ${fields.lp_flags}`, 1);
      add(`${section} infomask ${fields.infomask}`, 1);
    } else if (kind === "index") {
      add(`${section} items on ${label.split(".")[0]}`, 1);
      if (fields.dead === "true") add(`${section} dead on ${label.split(".")[0]}`, 1);
      if (section.endsWith("_name")) one(`${section} ${label}`);
    } else if (kind === "wal" || kind === "decoded") {
      for (const when of [` ${label}`, ""]) {
        add(`${kind}${when} records`, 1);
        add(`${kind}${when} length`, Number(fields.length));
        add(`${kind}${when} images`, Number(fields.images ?? 0));
        add(`${kind}${when} ${fields.what}`, 1);
        add(`${kind}${when} ${fields.what} length`, Number(fields.length));
      }
      if (fields.gap !== undefined) add(`wal ${label} gap`, Number(fields.gap));
      const [offset, block] = String(fields.where ?? "").split("@");
      // Where rows are shuffled, or in the order of random ids, their places are chance.
      if (offset && !SHUFFLED.test(String(fields.what))) {
        add(`${kind} ${label} ${fields.what} offset`, Number(offset));
        add(`${kind} ${label} ${fields.what} block`, Number.parseInt(block as string, 10));
      }
    } else if (kind === "backup") {
      add(`${section} of ${label}`, 1);
      add(`${section} of ${label} lengths ${fields.lengths}`, 1);
    } else if (kind === "server") {
      add(`server log ${fields.text}`, 1);
      add("server log lines", 1);
    } else if (kind === "equal" || kind === "mentions" || kind === "constant") {
      add(`${section} ${label}`, Number(fields.count));
    } else one(`${section} ${label}`);
  }
  return new Features(features);
}
