import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import PgBoss from "pg-boss";
import type { Context } from "../context.js";
import { unwrapNotice, wrapNotice } from "../protocol/queued.js";
import { deliver } from "./deliver.js";
import { composeNotice, type Letter, type NoticeKind, type NoticeVars } from "./notice.js";

const QUEUE = "notices";
/** Tried for about two days, from a minute to ever longer apart; then the notice stands on the pages only. */
const RETRIES = 11;
const FIRST_RETRY_SECONDS = 60;
/** One attempt as a whole, however many onions there are and however slowly a server talks. */
const DELIVERY_SECONDS = 180;
/** After that another instance may take the job: this one is gone. */
const EXPIRY_SECONDS = 600;
/** Deliveries under way: a server that keeps one until its end holds up no other. */
const AT_ONCE = 8;
const POLL_SECONDS = 2;
/** What is under way may end by itself when the queue is stopped; and what was broken off may be put back. */
const STOP_MILLISECONDS = 2_000;

type QueueContext = Pick<Context, "config" | "db" | "pool" | "log" | "secret">;

/** What the queue holds of a notice. */
interface Queued {
  /** The letter, under the server secret. */
  sealed: string;
}
type NoticeJob = PgBoss.JobWithMetadata<Queued>;

/** One queue client for each pool: it keeps no connection of its own. */
const clients = new WeakMap<QueueContext["pool"], Promise<PgBoss>>();
/** Queue clients that are over: a delivery that was under way must not write through a pool that is closed. */
const stopped = new WeakSet<QueueContext["pool"]>();

/**
 * Queues a notice to a member's mailbox. Nothing happens without `KITH_MAIL_FROM`: then notices are on the pages only.
 *
 * The queue holds the address and the text, which name nobody else, sealed under the server secret, until the notice is
 * delivered. What PostgreSQL's files keep of it afterwards tells nothing.
 */
export async function sendNotice(
  context: QueueContext,
  notice: { to: string; language: Context["config"]["language"]; kind: NoticeKind; vars?: NoticeVars },
): Promise<void> {
  if (context.config.mailFrom === undefined) return;
  const boss = await client(context);
  const queued: Queued = { sealed: wrapNotice(context.secret, composeNotice(context.config, notice)) };
  await boss.send(QUEUE, queued, {
    retryLimit: RETRIES,
    retryDelay: FIRST_RETRY_SECONDS,
    retryBackoff: true,
    expireInSeconds: EXPIRY_SECONDS,
  });
}

/** Delivers what is queued, until it is stopped. What is not delivered by then stays queued. */
export async function startMailQueue(
  context: QueueContext,
  { pollSeconds = POLL_SECONDS, deliverySeconds = DELIVERY_SECONDS } = {},
): Promise<{ stop(): Promise<void> }> {
  const boss = await client(context);
  const stopping = new AbortController();
  const cut = new AbortController();
  const deliverOne = (job: NoticeJob) => deliverJob(context, boss, job, cut.signal, deliverySeconds * 1000);
  const working = work(context, boss, stopping.signal, pollSeconds * 1000, deliverOne);
  const soon = () => Promise.race([working, sleep(STOP_MILLISECONDS, undefined, { ref: false })]);
  return {
    async stop() {
      stopping.abort();
      clients.delete(context.pool);
      await soon();
      cut.abort();
      await soon();
      // Ends its own upkeep as well.
      await boss.stop({ graceful: false, close: false, wait: true });
      stopped.add(context.pool);
    },
  };
}

/**
 * Our own loop: that of pg-boss leaves the promise of its last statement to itself, so that a database lost at that
 * moment would end the process.
 */
async function work(
  context: QueueContext,
  boss: PgBoss,
  stopping: AbortSignal,
  pollMilliseconds: number,
  deliverOne: (job: NoticeJob) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const stop = once(stopping, "abort");
  const warn = (error: unknown) => {
    if (stopping.aborted) return;
    context.log.warn({ errorCode: (error as { code?: string }).code }, "the mail queue has a problem");
  };
  const begin = (job: NoticeJob) => {
    const delivery = deliverOne(job)
      .catch(warn)
      .finally(() => underWay.delete(delivery));
    underWay.add(delivery);
  };
  while (!stopping.aborted) {
    if (underWay.size === AT_ONCE) {
      await Promise.race([...underWay, stop]);
      continue;
    }
    try {
      const jobs = await boss.fetch<Queued>(QUEUE, { includeMetadata: true });
      for (const job of jobs) begin(job);
      if (jobs.length > 0) continue;
    } catch (error) {
      warn(error);
    }
    await sleep(pollMilliseconds, undefined, { signal: stopping }).catch(() => undefined);
  }
  await Promise.all(underWay);
}

async function deliverJob(
  context: QueueContext,
  boss: PgBoss,
  { id, data, retryCount, retryLimit }: NoticeJob,
  cut: AbortSignal,
  milliseconds: number,
): Promise<void> {
  const letter = unwrapNotice(context.secret, data.sealed ?? "") as Letter | undefined;
  if (letter === undefined) {
    // It waited while the secret was changed. What it said stands on the pages, too.
    context.log.warn("a notice that was queued under another server secret is dropped");
    await boss.deleteJob(QUEUE, id);
    return;
  }
  try {
    await withinTime(milliseconds, cut, (signal) => deliver(context, letter, { signal, attempt: retryCount }));
  } catch (error) {
    const { code, responseCode } = error as { code?: string; responseCode?: number };
    // Neither address nor what the other server said: both tell who is written to.
    context.log.warn({ errorCode: code, responseCode, attempt: retryCount + 1 }, "a notice could not be delivered yet");
    // For the same reason the queue is not given the error itself, which it would keep.
    if (retryCount < retryLimit) {
      await boss.fail(QUEUE, id);
      return;
    }
  }
  await boss.deleteJob(QUEUE, id);
}

/** Not `AbortSignal.any`: with a timeout among them Node 20 may collect it before its time. */
async function withinTime<Result>(
  milliseconds: number,
  cut: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const end = new AbortController();
  const abort = () => end.abort();
  const timer = setTimeout(abort, milliseconds);
  cut.addEventListener("abort", abort);
  if (cut.aborted) abort();
  try {
    return await work(end.signal);
  } finally {
    clearTimeout(timer);
    cut.removeEventListener("abort", abort);
  }
}

function client(context: QueueContext): Promise<PgBoss> {
  let starting = clients.get(context.pool);
  if (starting === undefined) {
    starting = start(context);
    clients.set(context.pool, starting);
    // The next caller tries again.
    starting.catch(() => clients.delete(context.pool));
  }
  return starting;
}

async function start({ pool, log }: QueueContext): Promise<PgBoss> {
  stopped.delete(pool);
  const boss = new PgBoss({
    db: {
      executeSql: async (text, values) =>
        stopped.has(pool) ? { rows: [{ count: 0 }] } : await pool.query(text, values),
    },
    schedule: false,
    archiveCompletedAfterSeconds: 60,
    deleteAfterHours: 1,
  });
  boss.on("error", (error: NodeJS.ErrnoException) =>
    log.warn({ errorCode: error.code }, "the mail queue has a problem"),
  );
  await boss.start();
  try {
    await boss.createQueue(QUEUE);
  } catch (error) {
    await boss.stop({ graceful: false, close: false, wait: true }).catch(() => undefined);
    throw error;
  }
  return boss;
}
