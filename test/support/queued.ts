import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Place } from "./app.js";

/** How many notices wait to be mailed or are under way. */
export async function queuedNotices({ context }: Place): Promise<number> {
  const { rows } = await context.pool.query("select to_regclass('pgboss.job') is not null as made");
  if (!rows[0].made) return 0;
  const jobs = await context.pool.query("select count(*)::int as count from pgboss.job where name = 'notices'");
  return jobs.rows[0].count;
}

export async function untilQueued(place: Place, isSo: (count: number) => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  for (let count = await queuedNotices(place); !isSo(count); count = await queuedNotices(place)) {
    assert.ok(Date.now() < end, `${count} notices are queued`);
    await sleep(20);
  }
}
