import pLimit from "p-limit";
import type { Context } from "../context.js";
import { checkEntry } from "./check-entry.js";
import { discoverDomain, warnAboutPolicy } from "./discover.js";
import type { Resolver } from "./dns.js";
import type { Domain } from "./domain.js";
import { postpone, readDue, readEntries, readLeastChecked } from "./queries.js";

const ROUND_MS = 60_000;
/** Each onion is checked this often. */
const CHECK_EVERY_MS = 3_600_000;
/** Work of one round; the rest waits for the next. 100 a minute are 6,000 an hour. */
const MAX_CHECKS = 100;
const MAX_QUESTIONS = 200;
const AT_ONCE = 8;
/** A question that failed is asked again after this. */
const RETRY_MS = 300_000;

/** Keeps the map fresh in the background: asks the DNS again when an answer has expired, and checks reachability. */
export class Upkeep {
  readonly #context: Pick<Context, "db" | "clock" | "config" | "log">;
  readonly #resolver: Resolver | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(context: Pick<Context, "db" | "clock" | "config" | "log">, resolver: Resolver | undefined) {
    this.#context = context;
    this.#resolver = resolver;
  }

  start(): void {
    // A different moment for every instance, so that one mostly finds the other's work done.
    this.#schedule(Math.random() * ROUND_MS);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(ms: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#running = this.round()
        .catch((error: unknown) => {
          if (this.#stopping.signal.aborted) return;
          // Only the kind of error: a database's message may quote a row.
          const { code } = error as { code?: string };
          this.#context.log.warn({ errorCode: code }, "keeping the onion map fresh failed; trying again in a minute");
        })
        .finally(() => this.#schedule(ROUND_MS));
    }, ms);
    this.#timer.unref();
  }

  /** One round of both. */
  async round(): Promise<void> {
    const { db, clock } = this.#context;
    const { signal } = this.#stopping;
    const limit = pLimit(AT_ONCE);
    const now = clock();
    const resolver = this.#resolver;
    const due = resolver === undefined ? [] : await readDue(db, now, MAX_QUESTIONS);
    const stale = await readLeastChecked(db, new Date(now.getTime() - CHECK_EVERY_MS), MAX_CHECKS);
    const entries = await readEntries(db, { domains: stale });
    // All of it, so that nothing is written any more once it was stopped.
    const outcomes = await Promise.allSettled([
      ...due.map((domain) => limit(() => this.#askAgain(resolver!, domain as Domain))),
      ...entries.map((entry) =>
        limit(async () => void (signal.aborted || (await checkEntry(this.#context, entry, signal)))),
      ),
    ]);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  async #askAgain(resolver: Resolver, domain: Domain): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const discovery = await discoverDomain(this.#context, resolver, domain);
    await warnAboutPolicy(this.#context, resolver, domain, discovery);
    const { finding } = discovery;
    const waitMs = finding.kind === "failed" ? RETRY_MS : finding.ttlSeconds * 1000;
    const now = this.#context.clock();
    await postpone(this.#context.db, domain, new Date(now.getTime() + waitMs), now);
  }
}
