import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import type { Kysely } from "kysely";
import pLimit from "p-limit";
import { hasMembers } from "./accounts/account.js";
import type { Context } from "./context.js";
import { addDays, dayOf } from "./days.js";
import type { Database } from "./db/schema.js";
import { isFounded } from "./invites/first-admin.js";
import { raiseSetting, readSetting, readUnproven } from "./settings.js";

// A database that is put back as a whole says nothing of it. So a number in it is raised now and then, and stands beside
// the server secret as well, which no backup of the database holds: a lower one in the database means that it is older
// than the one that was served last. That somebody was an admin once stands there, too: columns that say that nobody is
// one can be a writer's. And so does how far members and acts had come, for a writer who keeps the number, and puts back
// the rows of one member while Kith is not running.

const TICK = "tick";
/** Not oftener: each number dates the transactions around it. */
const RAISED_EVERY_MILLISECONDS = 86_400_000;
/** Where it failed; and where nobody is an admin yet, so that there is little that a number could date. */
const TRIED_AGAIN_AFTER_MILLISECONDS = 60_000;
const TOLD_DAYS = 30;

/** How far what is only ever counted up had come. */
interface Reached {
  /** The highest number of an admin's act, and of a review key. */
  acts: number;
  reviewKeys: number;
  /** Of members, in so many groups by their ids: how many versions others saw of them, beside the first. */
  versions: number[];
}

/** Few changes of a group hide that a member of it was put back; many groups make a long file. */
const GROUPS = 64;

interface Anchor {
  /** The highest number that the database was seen to have. */
  tick: number;
  /** Whether the place has, or had, an admin. */
  founded: boolean;
  /** The day on which it had a lower one. */
  putBack: string | undefined;
  /** What the inspections had found, and what was done since. */
  reached: Reached | undefined;
}

export function anchorFile(secretFile: string): string {
  return `${secretFile}.anchor`;
}

/** @returns undefined if there is none @throws if it can't be read, or is none of Kith's */
async function readAnchor(secretFile: string): Promise<Anchor | undefined> {
  let text: string;
  try {
    text = await fs.readFile(anchorFile(secretFile), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const [, tick, founded, putBack, acts, reviewKeys, versions] = FORMAT.exec(text) ?? [];
  if (tick === undefined) throw Object.assign(new Error("This file is no anchor."), { code: "ERR_ANCHOR" });
  const reached = versions && {
    acts: Number(acts),
    reviewKeys: Number(reviewKeys),
    versions: versions.split(",").map(Number),
  };
  return { tick: Number(tick), founded: founded !== undefined, putBack, reached: reached || undefined };
}

/** The second line is not there before a first inspection. */
const FORMAT =
  /^(\d{1,15})( founded)?(?: (\d{4}-\d{2}-\d{2}))?\n(?:acts (\d{1,15}) review-keys (\d{1,15}) versions (\d{1,15}(?:,\d{1,15})*)\n)?$/;

/** Written whole: after a power cut it is this one or the one before. */
async function writeAnchor(secretFile: string, { tick, founded, putBack, reached }: Anchor): Promise<void> {
  const unfinished = `${anchorFile(secretFile)}.${randomBytes(6).toString("hex")}`;
  try {
    const handle = await fs.open(unfinished, "wx", 0o600);
    try {
      const parts = [`${tick}`, ...(founded ? ["founded"] : []), ...(putBack === undefined ? [] : [putBack])];
      const { acts, reviewKeys, versions } = reached ?? {};
      const second = versions && `acts ${acts} review-keys ${reviewKeys} versions ${versions.join()}\n`;
      await handle.writeFile(`${parts.join(" ")}\n${second ?? ""}`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(unfinished, anchorFile(secretFile));
  } finally {
    await fs.rm(unfinished, { force: true });
  }
}

/** Compares both numbers; an earlier state that was put in place is logged, and noted to be told. Then raises them. */
async function raise(context: Context): Promise<void> {
  const { secretFile } = context.config;
  const known = await readAnchor(secretFile).catch((error: unknown) => {
    context.seen.foundedBefore = true; // nobody knows: no first admin is made among members
    throw error;
  });
  // Before anything is asked of the database, where a writer can make an answer fail.
  context.seen.foundedBefore = known?.founded ?? false;
  let putBack = known?.putBack;
  context.seen.putBack = putBack;
  const before = Number((await readSetting(context, TICK, context.db)) ?? 0);
  const isEmpty = !(await hasMembers(context.db));
  // Kept while the database is empty: somebody may put the members back.
  const founded = (await isFounded(context)) || context.seen.foundedBefore;
  if (known && before < known.tick && !isEmpty) {
    context.log.error("the database is older than the one that was served last: an earlier state was put in place");
    putBack = dayOf(context.clock());
    context.seen.putBack = putBack;
    // First: once the number is raised, nothing else speaks of it.
    await writeAnchor(secretFile, { ...known, founded, putBack });
  }
  const least = known?.tick ?? 0;
  const tick = await raiseSetting(context, TICK, least, context.db);
  const reached = context.seen.isInspected ? reachedBy(context) : known?.reached;
  await writeAnchor(secretFile, { tick: Math.max(tick, least), founded, putBack, reached });
}

/** What this process has found or done itself. */
function reachedBy({ seen }: Pick<Context, "seen">): Reached {
  const versions = Array<number>(GROUPS).fill(0);
  const inspected = seen.inspected.versions;
  for (const id of new Set([...inspected.keys(), ...seen.versions.keys()])) {
    const version = Math.max(inspected.get(id) ?? 1, seen.versions.get(id)?.version ?? 1);
    const group = Number.parseInt(id.slice(0, 2), 16) % GROUPS;
    versions[group] = (versions[group] as number) + version - 1;
  }
  return { acts: seen.acts, reviewKeys: seen.reviewKeys, versions };
}

function isBelow(now: Reached, before: Reached): boolean {
  return (
    now.acts < before.acts ||
    now.reviewKeys < before.reviewKeys ||
    now.versions.some((count, group) => count < (before.versions[group] ?? 0))
  );
}

/**
 * Compares what the first inspection of this process found with what there was when Kith ran before; what is less was
 * taken back, which is logged, and noted to be told. After each inspection, writes down what there is.
 */
async function compare(context: Context): Promise<void> {
  const { secretFile } = context.config;
  const known = await readAnchor(secretFile);
  const reached = reachedBy(context);
  let putBack = known?.putBack;
  if (
    !context.seen.isInspected &&
    known?.reached &&
    isBelow(reached, known.reached) &&
    (await hasMembers(context.db))
  ) {
    context.log.error("rows are older than those that were served last: an earlier state of them was put in place");
    putBack = dayOf(context.clock());
    context.seen.putBack = putBack;
  }
  await writeAnchor(secretFile, { tick: 0, founded: context.seen.founded, ...known, putBack, reached });
  // Only now: what is not written down is compared once more.
  context.seen.isInspected = true;
}

/** Raises now, daily, and at the end; in a minute where it failed, or where nobody is an admin yet. */
export async function startAnchor(
  context: Context,
): Promise<{ /** After each inspection. */ inspected(): Promise<void>; stop(): Promise<void> }> {
  let timer: NodeJS.Timeout | undefined;
  // Both read the file and write it.
  const turn = pLimit(1);
  const run = async () => {
    let pause = RAISED_EVERY_MILLISECONDS;
    try {
      await turn(() => raise(context));
      if (!context.seen.founded) pause = TRIED_AGAIN_AFTER_MILLISECONDS;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      context.log.warn({ errorCode: code }, "the anchor beside the server secret was not raised");
      pause = TRIED_AGAIN_AFTER_MILLISECONDS;
    }
    timer = setTimeout(run, pause).unref();
  };
  await run();
  return {
    inspected: () => turn(() => compare(context)),
    async stop() {
      clearTimeout(timer);
      await run();
      clearTimeout(timer);
    },
  };
}

/** Why the anchor that is there says nothing: a system error's code, or `ERR_ANCHOR`; undefined if it does, or is not there. */
export async function anchorProblem(secretFile: string): Promise<string | undefined> {
  return await readAnchor(secretFile).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

/** Whether the database is as new as the one that was served last here, as far as that can be told without the secret. */
export async function isAsNewAsServed(db: Kysely<Database>, secretFile: string): Promise<boolean | undefined> {
  const known = await readAnchor(secretFile).catch(() => undefined);
  if (known === undefined) return undefined;
  return Number((await readUnproven(db, TICK)) ?? 0) >= known.tick;
}

/** The day on which Kith found an earlier state in place, if that was within a month. */
export function putBackOn({ seen, clock }: Pick<Context, "seen" | "clock">): string | undefined {
  const day = seen.putBack;
  return day !== undefined && addDays(day, TOLD_DAYS) >= dayOf(clock()) ? day : undefined;
}
