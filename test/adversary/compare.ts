import type { Find, Loot } from "./loot.js";

/**
 * What a clock decides, and how far the random bytes of a column happen to be in order. The statistics' number of dead rows
 * never goes below zero, and a copied database has more than it knows of: it hangs on when a second is over, and counts are added
 * up. The rows themselves are compared one by one.
 */
const CHANCE = new Set(["milliseconds", "gap", "correlation", "n_dead_tup"]);

/** A difference in one place often shifts all that follow there; each place is to be heard. */
const MOST_OF_A_SECTION = 20;

/**
 * Every difference between two plays that drew the same dice: in number, length, order, time or sequence.
 *
 * Left out are what a clock decides (milliseconds in Kith's log, the histogram of durations, how long Kith took between two
 * commits), the tables of the mail
 * queue, which works whenever its timer fires, and what processes count of themselves and of everything they do.
 */
export function differences(one: Loot, other: Loot): string[] {
  const left = sections(one);
  const right = sections(other);
  const found: string[] = [];
  for (const section of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    const [mine = [], theirs = []] = [left.get(section), right.get(section)];
    const [shorter, longer] = [mine.length, theirs.length].sort((a, b) => a - b) as [number, number];
    if (shorter < longer) found.push(`${section}: ${mine.length} against ${theirs.length}`);
    let more = MOST_OF_A_SECTION;
    for (let at = 0; at < shorter && more > 0; at++) {
      if (mine[at] === theirs[at]) continue;
      found.push(`${section}: ${mine[at]} against ${theirs[at]}`);
      more--;
    }
  }
  return found;
}

function sections(loot: Loot): Map<string, string[]> {
  const all = new Map<string, string[]>();
  for (const find of loot.finds) {
    const { section, label } = find;
    if (section === "constant bytes" && label.includes(" of ")) continue;
    if (
      label === "limits_points.expire" ||
      section.includes("pgboss") ||
      (section.startsWith("counters") && label.startsWith("server ")) ||
      (section === "metrics" && !label.startsWith("kith_")) ||
      label.startsWith("kith_http_request_duration")
    )
      continue;
    const lines = all.get(section) ?? [];
    lines.push(lineOf(find));
    all.set(section, lines);
  }
  return all;
}

/**
 * Indexes in the order of hashes or random ids of which a fact picks one: which letter was redeemed, which member asked,
 * which slot a case is for; and of marks that a keypair goes into, which no dice repeat. Where such an entry stands is chance.
 */
const HASHED = /(spent_invites_p|limits_points_p|left_sessions_p|reset_cases_row_id_)key/;

function lineOf({ section, label, fields }: Find): string {
  const hashed = HASHED.test(section) || HASHED.test(String(fields.what));
  const shown = Object.entries(fields).filter(
    ([name]) => !CHANCE.has(name) && !(hashed && ["htid", "ctid", "where"].includes(name)),
  );
  return `${label} ${shown.map(([name, value]) => `${name}=${value}`).join(" ")}`;
}
