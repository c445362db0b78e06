import PgBoss from "pg-boss";
import type { Context } from "../context.js";
import { deliver } from "./deliver.js";
import { composeNotice, type Letter, type NoticeKind, type NoticeVars } from "./notice.js";

const QUEUE = "notices";
/** Tried for about two days, from a minute to ever longer apart; then the notice stands on the pages only. */
const RETRIES = 11;
const FIRST_RETRY_SECONDS = 60;
/** One delivery, Tor's patience included; after that another instance may take the job. */
const DELIVERY_SECONDS = 600;
const POLL_SECONDS = 2;

type QueueContext = Pick<Context, "config" | "db" | "pool" | "log">;

/** One queue client for each pool: it keeps no connection of its own. */
const clients = new WeakMap<QueueContext["pool"], Promise<PgBoss>>();
/** Queue clients that are over: a delivery that was under way must not write through a pool that is closed. */
const stopped = new WeakSet<QueueContext["pool"]>();

/**
 * Queues a notice to a member's mailbox. Nothing happens without `KITH_MAIL_FROM`: then notices are on the pages only.
 *
 * The queue holds the address and the text, which name nobody else, until the notice is delivered; then nothing.
 */
export async function sendNotice(
  context: QueueContext,
  notice: { to: string; language: Context["config"]["language"]; kind: NoticeKind; vars?: NoticeVars },
): Promise<void> {
  if (context.config.mailFrom === undefined) return;
  const boss = await client(context);
  await boss.send(QUEUE, composeNotice(context.config, notice), {
    retryLimit: RETRIES,
    retryDelay: FIRST_RETRY_SECONDS,
    retryBackoff: true,
    expireInSeconds: DELIVERY_SECONDS,
  });
}

/** Delivers what is queued, until it is stopped. */
export async function startMailQueue(
  context: QueueContext,
  { pollSeconds = POLL_SECONDS } = {},
): Promise<{ stop(): Promise<void> }> {
  const boss = await client(context);
  const worker = await boss.work<Letter>(
    QUEUE,
    { pollingIntervalSeconds: pollSeconds, includeMetadata: true },
    async (jobs) => {
      for (const { id, data, retryCount, retryLimit } of jobs) {
        try {
          await deliver(context, data);
        } catch (error) {
          const { code, responseCode } = error as { code?: string; responseCode?: number };
          // Neither address nor what the other server said: both tell who is written to.
          context.log.warn({ code, responseCode, attempt: retryCount + 1 }, "a notice could not be delivered yet");
          // For the same reason the queue is not given the error itself, which it would keep.
          if (retryCount < retryLimit) throw new Error("not delivered");
        }
        await boss.deleteJob(QUEUE, id);
      }
    },
  );
  return {
    async stop() {
      await boss.offWork({ id: worker });
      clients.delete(context.pool);
      // Ends its own upkeep as well; what is queued stays queued.
      await boss.stop({ graceful: false, close: false, wait: true });
      stopped.add(context.pool);
    },
  };
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
  boss.on("error", (error: NodeJS.ErrnoException) => log.warn({ code: error.code }, "the mail queue has a problem"));
  await boss.start();
  await boss.createQueue(QUEUE);
  return boss;
}
