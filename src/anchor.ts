import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import type { Kysely } from "kysely";
import type { Context } from "./context.js";
import { addDays, dayOf } from "./days.js";
import { hasAccounts } from "./db/has-accounts.js";
import type { Database } from "./db/schema.js";
import { raiseSetting, readSetting, readUnproven, writeSetting } from "./settings.js";

// A database that is put back as a whole says nothing of it. So a number in it is raised again and again, and stands
// beside the server secret as well, which no backup of the database holds: if the database has a lower one at the next
// start, it is older than the one that was served last.

const TICK = "tick";
const PUT_BACK = "put-back";
const RAISED_EVERY_MILLISECONDS = 5 * 60_000;
const TOLD_DAYS = 30;

export function anchorFile(secretFile: string): string {
  return `${secretFile}.anchor`;
}

/** @returns undefined if there is none yet, or what stands there is no number */
async function readAnchor(secretFile: string): Promise<number | undefined> {
  const text = await fs.readFile(anchorFile(secretFile), "utf8").catch(() => "");
  return /^\d{1,15}\n$/.test(text) ? Number(text) : undefined;
}

/** Written whole, so that a lost machine leaves this number or the one before. */
async function writeAnchor(secretFile: string, tick: number): Promise<void> {
  const unfinished = `${anchorFile(secretFile)}.${randomBytes(6).toString("hex")}`;
  try {
    await fs.writeFile(unfinished, `${tick}\n`, { mode: 0o600 });
    await fs.rename(unfinished, anchorFile(secretFile));
  } finally {
    await fs.rm(unfinished, { force: true });
  }
}

/** Raises the number in the database, then beside the secret; of several instances at once, one raises it. */
async function raise(context: Context): Promise<void> {
  const tick = await raiseSetting(context, TICK, context.db);
  await writeAnchor(context.config.secretFile, tick);
}

/** Whether an earlier state was put in place since Kith last ran here: then members are told for a month. */
async function compare(context: Context): Promise<void> {
  const known = (await readAnchor(context.config.secretFile)) ?? 0;
  const tick = Number((await readSetting(context, TICK, context.db)) ?? 0);
  if (tick >= known || !(await hasAccounts(context.db))) return;
  context.log.error("the database is older than the one that was served last: an earlier state was put in place");
  await writeSetting(context, PUT_BACK, dayOf(context.clock()), context.db);
  await writeSetting(context, TICK, String(known), context.db);
}

/** Compares the numbers once, and keeps them going. A lost database or a full disk is waited for. */
export async function startAnchor(context: Context): Promise<{ stop(): Promise<void> }> {
  let isCompared = false;
  let isSaid = false;
  const run = async () => {
    try {
      if (!isCompared) await compare(context);
      isCompared = true;
      await raise(context);
    } catch (error) {
      if (isSaid) return;
      isSaid = true;
      const { code } = error as NodeJS.ErrnoException;
      context.log.warn({ code }, "the anchor beside the server secret can't be written");
    }
  };
  await run();
  const timer = setInterval(run, RAISED_EVERY_MILLISECONDS);
  return {
    async stop() {
      clearInterval(timer);
      await run();
    },
  };
}

/** Whether the database is as new as the one that was served last here, as far as that can be told without the secret. */
export async function isAsNewAsServed(db: Kysely<Database>, secretFile: string): Promise<boolean | undefined> {
  const known = await readAnchor(secretFile);
  if (known === undefined) return undefined;
  return Number((await readUnproven(db, TICK)) ?? 0) >= known;
}

/** The day on which Kith found an earlier state in place, if that was within a month. */
export async function putBackOn(context: Context): Promise<string | undefined> {
  const day = await readSetting(context, PUT_BACK, context.db);
  return day !== undefined && addDays(day, TOLD_DAYS) >= dayOf(context.clock()) ? day : undefined;
}
