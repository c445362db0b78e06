import { readFileSync } from "node:fs";
import type { Context } from "#kith/context.js";

/**
 * Processor time that is used for requests: by this process, which is Kith and its client, and by PostgreSQL for it.
 * Unlike the clock it hardly notices what else runs on the machine; it does not see what only waits.
 */
export class WorkMeter {
  /** What each backend had used when it was last seen, in nanoseconds. */
  readonly #backends = new Map<string, number>();

  constructor(readonly context: Context) {}

  /** Finds the backends; to be called now and then, since connections come and go. */
  async look(): Promise<void> {
    const { rows } = await this.context.pool.query(
      "select pid from pg_stat_activity where datname = current_database()",
    );
    for (const { pid } of rows) {
      const file = `/proc/${pid}/schedstat`;
      if (!this.#backends.has(file)) this.#backends.set(file, 0);
    }
  }

  /** Milliseconds used so far. Where the system does not tell of the backends (not Linux), only of this process. */
  read(): number {
    const { user, system } = process.cpuUsage();
    let nanoseconds = 0;
    for (const [file, before] of this.#backends) {
      try {
        const used = Number(readFileSync(file, "latin1").split(" ")[0]);
        this.#backends.set(file, used);
        nanoseconds += used;
      } catch {
        nanoseconds += before; // gone
      }
    }
    return (user + system) / 1000 + nanoseconds / 1_000_000;
  }
}
