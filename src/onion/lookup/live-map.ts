import type pg from "pg";
import type { Context } from "../../context.js";
import { CHANNEL, readRoutes } from "../queries.js";
import type { Route } from "../route.js";

/** A lost connection is tried again after this, doubling up to the second. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;
/** How often the connection that listens is asked whether it still lives, and how long it may take to say so. */
const HEARTBEAT_MS = 10_000;
const HEARTBEAT_TIMEOUT_MS = 5000;
/** Changes that come in one burst are read in one go. */
const GATHER_MS = 20;

export type DatabaseState = "never-connected" | "connected" | "lost";

/**
 * The map in memory, kept up to date: loaded when the database is reached for the first time, changed with every
 * notification, read anew after every reconnection (notifications are not kept for whoever is away). When the database
 * is lost it stays as it was.
 */
export class LiveMap {
  readonly #context: Pick<Context, "db" | "pool" | "log">;
  readonly #onChange: (routes: ReadonlyMap<string, Route>) => void;
  #routes = new Map<string, Route>();
  #client: pg.PoolClient | undefined;
  #state: DatabaseState = "never-connected";
  #stopped = false;
  #timers = new Set<NodeJS.Timeout>();
  #changed = new Set<string>();
  #reading: Promise<void> = Promise.resolve();
  #loadedAt: Date | undefined;

  /** @param onChange given the whole map whenever something in it is different */
  constructor(context: Pick<Context, "db" | "pool" | "log">, onChange: (routes: ReadonlyMap<string, Route>) => void) {
    this.#context = context;
    this.#onChange = onChange;
  }

  get state(): DatabaseState {
    return this.#state;
  }

  get size(): number {
    return this.#routes.size;
  }

  /** When the map was last known to be what the database has. */
  get loadedAt(): Date | undefined {
    return this.#loadedAt;
  }

  /** Connects now and for ever after; resolves after the first attempt, whether it worked or not. */
  async start(): Promise<void> {
    await this.#connect(FIRST_RETRY_MS);
  }

  /** Puts a route in at once, for the instance that just discovered it. */
  put(route: Route): void {
    this.#routes.set(route.domain, route);
    this.#onChange(this.#routes);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#reading;
    this.#client?.release(true);
    this.#client = undefined;
  }

  async #connect(retryMs: number): Promise<void> {
    if (this.#stopped) return;
    let client: pg.PoolClient | undefined;
    let isMine = false;
    try {
      client = await this.#context.pool.connect();
      const mine = client;
      client.on("notification", ({ payload = "*" }) => this.#note(payload));
      client.on("error", (error) => this.#lose(mine, error));
      client.on("end", () => this.#lose(mine, new Error("the connection ended")));
      await client.query(`listen ${CHANNEL}`);
      if (this.#stopped) {
        client.release(true);
        return;
      }
      this.#client = client;
      isMine = true;
      // After listening, so that nothing falls between the two.
      await this.#readAll();
      if (this.#client !== client) return;
      if (this.#state !== "connected") {
        this.#context.log.info({ domains: this.#routes.size }, "the onion map is loaded");
      }
      this.#state = "connected";
      this.#later(HEARTBEAT_MS, () => this.#beat(mine));
    } catch (error) {
      // Once it is this map's, `#lose` lets go of it, once: its end may have been heard of before this.
      if (client !== undefined && isMine) return this.#lose(client, error as Error, retryMs);
      client?.release(true);
      this.#retry(error as Error, retryMs);
    }
  }

  #lose(client: pg.PoolClient, error: Error, retryMs = FIRST_RETRY_MS): void {
    if (this.#client !== client || this.#stopped) return;
    this.#client = undefined;
    client.release(true);
    this.#retry(error, retryMs);
  }

  #retry(error: Error, retryMs: number): void {
    if (this.#stopped) return;
    if (this.#state === "connected") {
      this.#state = "lost";
      this.#context.log.warn(
        { domains: this.#routes.size, reason: error.message },
        "the database is lost: look-ups are answered from the map as it was",
      );
    } else if (this.#state === "never-connected" && retryMs === FIRST_RETRY_MS) {
      this.#context.log.warn(
        { reason: error.message },
        "the database can't be reached: every look-up is answered “try again later”",
      );
    }
    this.#later(retryMs, () => this.#connect(Math.min(retryMs * 2, MAX_RETRY_MS)));
  }

  /** A connection can be dead without anybody having said so. */
  async #beat(client: pg.PoolClient): Promise<void> {
    if (this.#client !== client) return;
    const late = this.#later(HEARTBEAT_TIMEOUT_MS, () => this.#lose(client, new Error("no heartbeat")));
    try {
      await client.query("select 1");
      if (this.#client === client) this.#later(HEARTBEAT_MS, () => this.#beat(client));
    } catch (error) {
      this.#lose(client, error as Error);
    } finally {
      clearTimeout(late);
      this.#timers.delete(late);
    }
  }

  #note(payload: string): void {
    this.#changed.add(payload);
    if (this.#changed.size > 1) return;
    this.#later(GATHER_MS, async () => {
      const changed = [...this.#changed];
      this.#changed.clear();
      try {
        await (changed.includes("*") ? this.#readAll() : this.#readSome(changed));
      } catch (error) {
        // What changed is known no more; reading all of it after a reconnection makes up for that.
        if (this.#client !== undefined) this.#lose(this.#client, error as Error);
      }
    });
  }

  /** Reads happen one after the other, so an older answer never overwrites a newer one. */
  #inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.#reading.then(read);
    this.#reading = turn.catch(() => undefined);
    return turn;
  }

  #readAll(): Promise<void> {
    return this.#inTurn(async () => {
      this.#routes = await readRoutes(this.#context.db);
      this.#loadedAt = new Date();
      this.#onChange(this.#routes);
    });
  }

  #readSome(domains: string[]): Promise<void> {
    return this.#inTurn(async () => {
      const found = await readRoutes(this.#context.db, domains);
      for (const domain of domains) {
        const route = found.get(domain);
        if (route === undefined) this.#routes.delete(domain);
        else this.#routes.set(domain, route);
      }
      this.#loadedAt = new Date();
      this.#onChange(this.#routes);
    });
  }

  #later(ms: number, work: () => unknown): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void work();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }
}
