import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import type { Kysely } from "kysely";
import pLimit from "p-limit";
import { hasMembers } from "./accounts/account.js";
import type { Context } from "./context.js";
import { addDays, dayOf } from "./days.js";
import type { Database } from "./db/schema.js";
import { readCounts } from "./inspection/inspect.js";
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

/** The second line is not there as long as there is no member, nor in files of an earlier Kith. */
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

/** Says in the log that an earlier state was found, and notes the day on which it was. */
function notePutBack(context: Context, what: string): string {
  context.log.error(`${what} older than the one that was served last: an earlier state was put in place`);
  return dayOf(context.clock());
}

/**
 * Compares what is there with what there was; an earlier state that was put in place is logged, and noted to be told. Then
 * raises the number.
 *
 * @returns what there was
 */
async function raise(context: Context, { isStart }: { isStart: boolean }): Promise<Reached | undefined> {
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
  // At the start there is no time to look at each row.
  const found = isEmpty ? undefined : await readCounts(context, GROUPS);
  // Kept while the database is empty: somebody may put the members back.
  const founded = (await isFounded(context)) || context.seen.foundedBefore;
  const isOlder = known && found && (before < known.tick || isBelow(found, known.reached));
  if (isOlder) {
    putBack = notePutBack(context, "the database is");
    context.seen.putBack = putBack;
    // First: once the number is raised, nothing else speaks of it.
    await writeAnchor(secretFile, { ...known, founded, putBack });
  }
  const least = known?.tick ?? 0;
  const tick = await raiseSetting(context, TICK, least, context.db);
  // A database that is new as well begins anew; members who are only gone may be put back.
  const isAnew = isStart && isEmpty && before < least;
  const reached = isAnew ? undefined : isOlder ? found : highest(found, known?.reached);
  await writeAnchor(secretFile, { tick: Math.max(tick, least), founded, putBack, reached });
  return known?.reached;
}

/** What this process has found in rows that are Kith's, or done itself. */
function reachedInProcess({ seen }: Pick<Context, "seen">): Reached {
  const versions = Array<number>(GROUPS).fill(0);
  const inspected = seen.inspected.versions;
  for (const id of new Set([...inspected.keys(), ...seen.versions.keys()])) {
    const version = Math.max(inspected.get(id) ?? 1, seen.versions.get(id)?.version ?? 1);
    const group = Number.parseInt(id.slice(0, 2), 16) % GROUPS;
    versions[group] = (versions[group] as number) + version - 1;
  }
  return { acts: seen.acts, reviewKeys: seen.reviewKeys, versions };
}

function isBelow(now: Reached, before: Reached | undefined): boolean {
  if (!before) return false;
  const { acts, reviewKeys, versions } = now;
  if (acts < before.acts || reviewKeys < before.reviewKeys) return true;
  return versions.some((count, group) => count < (before.versions[group] ?? 0));
}

/** Another process with the same file may know of more, or of less. */
function highest(one: Reached | undefined, other: Reached | undefined): Reached | undefined {
  if (!one || !other) return one ?? other;
  return {
    acts: Math.max(one.acts, other.acts),
    reviewKeys: Math.max(one.reviewKeys, other.reviewKeys),
    versions: one.versions.map((count, group) => Math.max(count, other.versions[group] ?? 0)),
  };
}

/**
 * Writes down what there is now, so that a crash leaves an hour's change unsaid at most; the number is not raised. First
 * compares what a first inspection found in rows that are Kith's with what there was before the start: for a writer who
 * raised numbers in rows that are not looked at there.
 */
async function keepReached(context: Context, before: Reached | undefined): Promise<void> {
  const { secretFile } = context.config;
  if (!(await hasMembers(context.db))) return;
  const known = await readAnchor(secretFile);
  let putBack = known?.putBack;
  if (isBelow(reachedInProcess(context), before)) {
    putBack = notePutBack(context, "rows are");
    context.seen.putBack = putBack;
  }
  if (!known) return;
  const reached = highest(await readCounts(context, GROUPS), known.reached);
  await writeAnchor(secretFile, { ...known, putBack, reached });
}

/**
 * Raises now, daily, and at the end; in a minute where it failed, or where nobody is an admin yet.
 */
export async function startAnchor(
  context: Context,
): Promise<{ /** Called after each inspection; never throws. */ inspected(): Promise<void>; stop(): Promise<void> }> {
  let timer: NodeJS.Timeout | undefined;
  /** What there was before this process; undefined once it was compared with what the first inspection found. */
  let before: Reached | undefined;
  let isFirst = true;
  // Each reads the file and writes it.
  const turn = pLimit(1);
  const trying = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await turn(work);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      context.log.warn({ errorCode: code }, "the anchor beside the server secret was not raised");
      return false;
    }
  };
  const run = async () => {
    const isRaised = await trying(async () => {
      const known = await raise(context, { isStart: isFirst });
      if (isFirst) before = known;
      isFirst = false;
    });
    const isSettled = isRaised && context.seen.founded;
    timer = setTimeout(run, isSettled ? RAISED_EVERY_MILLISECONDS : TRIED_AGAIN_AFTER_MILLISECONDS).unref();
  };
  await run();
  return {
    async inspected() {
      await trying(async () => {
        await keepReached(context, before);
        before = undefined;
      });
    },
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
