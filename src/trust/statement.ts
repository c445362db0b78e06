/** What is true now about who can let somebody back in, as sentences by their keys. Pure; the words are in `locales/`. */

/** How a named person stands with the one who named them. */
export type Standing =
  /** Counts. */
  | "counts"
  /** Has a new key since; counts again after one yes. */
  | "new-key"
  /** Could not help for a while, and counts again from the next sign-in or change of the list. */
  | "again"
  /** Can't sign in at present. */
  | "suspended"
  /** Has left. */
  | "gone"
  /** The entry is not as Kith wrote it. */
  | "unverified";

export interface TrustedPerson {
  username: string;
  standing: Standing;
  /** Month of being named, `YYYY-MM`. */
  since: string | null;
  /** Month of the new key, or in which the owner learnt of a reset that kept the key, `YYYY-MM`. */
  reset: string | null;
  /** Whether the new key came with a reset; a change of one's own brings one, too. */
  wasReset: boolean;
  /** Of the new key that waits for a yes, in hexadecimal; null: none does. */
  newKey: string | null;
}

export interface Rules {
  /** How many must agree (k). */
  threshold: number;
  waitDays: number;
  keepKey: boolean;
}

export interface Sentence {
  key: string;
  vars: Record<string, string | number | string[]>;
}

export interface TrustSummary {
  /** People who can take part right now. */
  counting: TrustedPerson[];
  /** People who wait for a yes. */
  held: TrustedPerson[];
  /** People who can't take part, and won't by a yes. */
  lost: TrustedPerson[];
  /** People who count, were reset and kept their key: the owner is told. */
  told: TrustedPerson[];
  /** Whether enough people count for a reset to be possible now. */
  able: boolean;
  statement: Sentence;
  /** What differs from the statement right now: who doesn't count, and whom it takes. */
  now: Sentence[];
  /** Written in the middle of the picture: "2 of 3, 3 days". */
  note: Sentence;
}

export function trustSummary(people: readonly TrustedPerson[], rules: Rules): TrustSummary {
  const by = (...standings: Standing[]) => people.filter((person) => standings.includes(person.standing));
  const counting = by("counts");
  const held = by("new-key");
  const lost = by("again", "suspended", "gone", "unverified");
  const named = by("counts", "new-key").map((person) => person.username);
  const able = counting.length >= rules.threshold;
  return {
    counting,
    held,
    lost,
    told: counting.filter((person) => person.reset !== null),
    able,
    statement: statement(people.length, named, able, rules),
    now: people.length === 0 ? [] : now(counting, held, able, rules),
    note: note(people.length, rules),
  };
}

function statement(total: number, named: string[], able: boolean, rules: Rules): Sentence {
  const { threshold, waitDays } = rules;
  if (total === 0) return { key: "trust.statement.nobody", vars: {} };
  if (!able) return { key: "trust.statement.unable", vars: {} };
  const shape = named.length === 1 ? "one" : threshold === 1 ? "each" : threshold === named.length ? "all" : "any";
  const vars = { people: named, threshold };
  return waitDays === 0
    ? { key: `trust.statement.${shape}`, vars }
    : { key: `trust.statement.${shape}After`, vars: { ...vars, count: waitDays } };
}

function now(counting: TrustedPerson[], held: TrustedPerson[], able: boolean, rules: Rules): Sentence[] {
  const sentences: Sentence[] = [];
  const names = counting.map((person) => person.username);
  if (held.length > 0) {
    const people = held.map((person) => person.username);
    sentences.push({ key: "trust.now.held", vars: { people, count: people.length } });
  }
  const { threshold } = rules;
  if (!able) {
    const key = names.length === 0 ? "trust.now.none" : "trust.now.few";
    sentences.push({ key, vars: { people: names, count: names.length, threshold } });
  } else if (held.length > 0) {
    const shape = names.length === 1 ? "only" : threshold === 1 ? "each" : threshold < names.length ? "any" : "all";
    const key = shape === "all" && names.length === 2 ? "both" : shape;
    sentences.push({ key: `trust.now.${key}`, vars: { people: names, threshold } });
  }
  return sentences;
}

function note(total: number, rules: Rules): Sentence {
  if (total === 0) return { key: "circle.note.nobody", vars: {} };
  const vars = { threshold: rules.threshold, total };
  return rules.waitDays === 0
    ? { key: "circle.note.rules", vars }
    : { key: "circle.note.rulesAfter", vars: { ...vars, count: rules.waitDays } };
}
