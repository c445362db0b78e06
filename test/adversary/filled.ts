import assert from "node:assert/strict";
import type { Find, Loot } from "./loot.js";
import { isNotice } from "./thief.js";

/** Tables that every story writes to. */
const WRITTEN = ["accounts", "relations", "sessions"];
/** Of those, whose rows stand in backups and bear names in the statistics. */
const KEPT = ["accounts", "relations"];

/** How a find begins, or what it is about, of which every story leaves at least one. */
const ALWAYS = [
  ...[1, 2].flatMap((moment) => [
    ...[...WRITTEN, "people"].flatMap((table) => [
      `dump ${moment} ${table} \\S`,
      `heap ${moment} ${table} `,
      `pages ${moment} ${table} `,
      `index ${moment} ${table}_pkey `,
      `counters ${moment} table ${table} `,
    ]),
    `mentions page ${moment} relations `,
  ]),
  ...WRITTEN.flatMap((table) => [`wal \\S+ Heap \\S+ ${table}`, `decoded \\S+ public\\.${table} `]),
  ...KEPT.flatMap((table) => [`statistics ${table}\\.`, `backup ${table} `]),
  "wal \\S+ Btree ",
  "wal \\S+ Transaction COMMIT ",
  "equal values ",
  "mentions (INSERT|UPDATE) public\\.",
  "constant bytes ",
  "metrics kith_http_requests_total",
  "kith log \\S+ /sign-in",
].map((start) => new RegExp(`^${start}`));

/**
 * A thief who looks past something finds two worlds alike for that reason alone.
 *
 * @throws with the name of a place in which nothing was found though every story leaves something there
 */
export function assertFilled({ finds, haul }: Pick<Loot, "finds" | "haul">): void {
  const missing = new Set(ALWAYS);
  for (const find of finds) {
    const text = textOf(find);
    for (const start of missing) if (start.test(text)) missing.delete(start);
  }
  assert.deepEqual([...missing], [], "the thief is blind: nothing is found where these say");

  const said = haul.serverLog.some((line) => / kith@\S+ FATAL: .* administrator command/.test(line));
  assert.ok(said, "the thief is blind: the server log does not say that Kith's connections were ended");

  const committed = new Set(haul.wal.filter(({ what }) => what === "COMMIT").map(({ xid }) => xid));
  const lost = haul.changes.filter(({ xid }) => !committed.has(xid));
  assert.deepEqual(lost, [], "the thief is blind: the write-ahead log ends before the changes that it is decoded to");

  const notices = haul.changes.filter(({ text }) => isNotice(text)).length;
  const resets = haul.changes.filter(({ text }) => text.startsWith("table public.reset_cases: INSERT")).length;
  assert.ok(notices >= resets, "the thief is blind: nothing was queued for the members whose resets were opened");
  assert.ok(!haul.isMailed || notices === 0 || haul.mail.length > 0, "the thief is blind: no mail came");
}

function textOf({ section, label, fields }: Find): string {
  return `${section} ${label} ${fields.what ?? fields.route ?? ""}`;
}
