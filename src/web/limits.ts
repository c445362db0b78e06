import { isIPv6 } from "node:net";
import type pg from "pg";
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import { secondStepOf } from "../accounts/second-step.js";
import type { Session } from "../accounts/sessions.js";
import { type Config, LIMITED_ACTIONS, type LimitedAction } from "../config.js";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import { fromBase64url, toBase64url, utf8 } from "../protocol/bytes.js";
import { deriveKey, hmac, type Label } from "../protocol/derive.js";

const LIMIT: Label = "kith/v1/limit";
const LIMITED_MEMBER: Label = "kith/v1/limited member";

/**
 * Counted in memory: rows would tell that one person helped two members, or came by somebody's letter or link
 * (docs/adr/0016).
 */
const UNWRITTEN: ReadonlySet<LimitedAction> = new Set(["help", "handover", "invite"]);
/** Each takes half a kilobyte; whoever has as many addresses is not kept by a limit anyway. */
const MAX_IN_MEMORY = 50_000;

/**
 * An acting member, as only the member's own sessions can name it: by account id, whoever has the server secret and looks
 * at tables could go through all members and see who changed the password, or the list, and how often.
 */
export function memberSubject({ payload }: Session): string {
  return `member ${toBase64url(deriveKey(fromBase64url(payload.key) as Uint8Array, LIMITED_MEMBER))}`;
}

/**
 * Whoever types codes for a second step, whichever password was right: each reset under way has a key of its own, and
 * would begin the count anew.
 */
export function secondStepSubject(context: Context, session: Session): string {
  const step = secondStepOf(context, session.account);
  return step ? `second step ${toBase64url(deriveKey(utf8(step.secret), LIMITED_MEMBER))}` : memberSubject(session);
}

/** Somebody did something too often. */
export class TooManyError extends Error {
  override readonly name = "TooManyError";
  constructor(readonly retryAfterSeconds: number) {
    super("Too many tries.");
  }
}

/**
 * Limits on what a client or an acting member does; never on whom it is done to, since a limit on Ada would let
 * anybody keep Ada and her helpers out. Shared by all instances, but for what is counted in memory.
 */
export interface Limits {
  /**
   * Counts one try.
   *
   * @param subjects who tries: a client, an acting member, or a client together with a name it fails on
   * @returns whether it was the last one for any of them
   * @throws TooManyError
   */
  take(action: LimitedAction, ...subjects: string[]): Promise<boolean>;
  /** Takes a try back that was none: it succeeded. */
  giveBack(action: LimitedAction, ...subjects: string[]): Promise<void>;
  /** A member goes on under another name, with a new key: what was counted goes on as well, in every action. */
  carry(from: string, to: string): Promise<void>;
  /**
   * Counts a try before it is made, so that many at once don't all slip through, and gives it back unless it counts.
   *
   * @param counts whether it does, by what came of it
   * @throws TooManyError
   */
  during<T>(
    action: LimitedAction,
    subject: string,
    attempt: () => Promise<T>,
    counts: (came: T | "broke") => boolean,
  ): Promise<T>;
}

type Limit = Config["limits"][LimitedAction];

interface Counter {
  /**
   * One that is refused does not count: nothing was tried. Else many good tries at once would shut out whoever made
   * them, once they are given back.
   *
   * @returns whether it was the last one, and until when it counts, in milliseconds
   * @throws RateLimiterRes if that is too many
   */
  take(key: string): Promise<{ isLast: boolean; until: number }>;
  /** What stands under one key stands under another from now on. */
  carry(from: string, to: string): Promise<void>;
  /** @param until as `take` said: what is given back late must not make room in the time after it */
  giveBack(key: string, until?: number): Promise<void>;
}

/** Milliseconds in which the clocks of instances and the way to the database may differ. */
const SLACK_MS = 1_000;

/** Until when what was just counted does, in milliseconds; what counts in the time after that, does so longer. */
function untilOf({ msBeforeNext }: RateLimiterRes): number {
  return Date.now() + Math.ceil(msBeforeNext) + SLACK_MS;
}

/** Counts for all instances, in rows. */
class Rows implements Counter {
  readonly #pool: pg.Pool;
  readonly #limiter: RateLimiterPostgres;

  constructor(pool: pg.Pool, { points, seconds }: Limit) {
    this.#pool = pool;
    this.#limiter = new RateLimiterPostgres({
      storeClient: pool,
      storeType: "pool",
      tableName: "limits_points",
      tableCreated: true,
      keyPrefix: "",
      points,
      duration: seconds,
      clearExpiredByTimeout: false,
    });
  }

  async take(key: string) {
    try {
      const counted = await this.#limiter.consume(key);
      return { isLast: counted.remainingPoints === 0, until: untilOf(counted) };
    } catch (reason) {
      if (reason instanceof RateLimiterRes) await this.giveBack(key, untilOf(reason));
      throw reason;
    }
  }

  async carry(from: string, to: string) {
    await this.#pool.query({
      name: "limits-carry",
      text: "update limits_points set key = $2 where key = $1 and not exists (select from limits_points where key = $2)",
      values: [from, to],
    });
  }

  /** A success leaves no row. In one statement: each of two at the same moment sees what the other left. */
  async giveBack(key: string, until = Number.MAX_SAFE_INTEGER) {
    await this.#pool.query({
      name: "limits-give-back",
      text: `merge into limits_points using (select $1 as taken) as given on key = taken and expire <= $2::bigint
        when matched and points <= 1 then delete
        when matched then update set points = points - 1`,
      values: [key, until],
    });
  }
}

/** Counts for this process alone, by steps up and down only: they come out the same in whatever order. */
class Memory implements Counter {
  readonly #limiter: RateLimiterMemory;
  /** The one whose time is over first comes first. */
  readonly #keys = new Set<string>();

  constructor({ points, seconds }: Limit) {
    this.#limiter = new RateLimiterMemory({ keyPrefix: "", points, duration: seconds });
  }

  async take(key: string) {
    try {
      const counted = await this.#limiter.consume(key);
      if (counted.isFirstInDuration) await this.#remember(key);
      return { isLast: counted.remainingPoints === 0, until: untilOf(counted) };
    } catch (reason) {
      await this.giveBack(key);
      throw reason;
    }
  }

  async carry(from: string, to: string) {
    const counted = await this.#limiter.get(from);
    if (!counted || counted.msBeforeNext <= 0) return;
    await this.#limiter.set(to, counted.consumedPoints, counted.msBeforeNext / 1000);
    await this.#limiter.delete(from);
    this.#keys.delete(from);
    await this.#remember(to);
  }

  async giveBack(key: string) {
    const { consumedPoints } = await this.#limiter.reward(key);
    // It was forgotten meanwhile: nobody gains a try by that.
    if (consumedPoints < 0) await this.#limiter.penalty(key);
  }

  async #remember(key: string) {
    this.#keys.delete(key);
    this.#keys.add(key);
    const [oldest] = this.#keys;
    if (oldest === undefined || this.#keys.size <= MAX_IN_MEMORY) return;
    this.#keys.delete(oldest);
    await this.#limiter.delete(oldest);
  }
}

export function makeLimits(context: Context): Limits {
  const { limits } = context.config;
  const counters = new Map<LimitedAction, Counter>(
    LIMITED_ACTIONS.map((action) => [
      action,
      UNWRITTEN.has(action) ? new Memory(limits[action]) : new Rows(context.pool, limits[action]),
    ]),
  );
  const counter = (action: LimitedAction) => counters.get(action) as Counter;
  // The key tells nothing without the server secret, and is another one tomorrow.
  const keyOf = (action: LimitedAction, subject: string) =>
    toBase64url(hmac(context.secret, LIMIT, action, dayOf(context.clock()), subject));
  const made: Limits = {
    async take(action, ...subjects) {
      const taken: { key: string; isLast: boolean; until: number }[] = [];
      // One after the other: where the client is refused, the time must not tell how often it failed on this name.
      for (const key of subjects.map((subject) => keyOf(action, subject))) {
        try {
          taken.push({ key, ...(await counter(action).take(key)) });
        } catch (reason) {
          await Promise.all(taken.map((one) => counter(action).giveBack(one.key, one.until)));
          if (!(reason instanceof RateLimiterRes)) throw reason;
          throw new TooManyError(Math.max(1, Math.ceil(reason.msBeforeNext / 1000)));
        }
      }
      return taken.some(({ isLast }) => isLast);
    },
    async giveBack(action, ...subjects) {
      await Promise.all(subjects.map((subject) => counter(action).giveBack(keyOf(action, subject))));
    },
    async carry(from, to) {
      if (from === to) return;
      await Promise.all(LIMITED_ACTIONS.map((action) => counter(action).carry(keyOf(action, from), keyOf(action, to))));
    },
    async during(action, subject, attempt, counts) {
      await made.take(action, subject);
      let stays = counts("broke");
      try {
        const came = await attempt();
        stays = counts(came);
        return came;
      } finally {
        if (!stays) await made.giveBack(action, subject);
      }
    },
  };
  return made;
}

/** Removes what no longer counts; run daily. */
export async function sweepLimits(context: Context): Promise<void> {
  await context.pool.query("delete from limits_points where expire < $1", [context.clock().getTime()]);
}

/** Addresses that Tor makes up, one for each circuit, with `HiddenServiceExportCircuitID haproxy`. */
const CIRCUIT = /^fc00:dead:beef:4dad:/i;

/**
 * Who asks: an IPv4 address; the /64 network of an IPv6 one, of which one household has many; the circuit of somebody
 * who comes through an onion service. `unknown` are all of whom a proxy on a Unix socket says nothing.
 */
export function clientOf(request: { ip: string | undefined }): string {
  const { ip = "unknown" } = request;
  if (!isIPv6(ip) || CIRCUIT.test(ip)) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  if (mapped) return mapped[1] as string;
  const [head = "", tail] = ip.split("::");
  const left = head.split(":").filter(Boolean);
  const right = (tail ?? "").split(":").filter(Boolean);
  const groups = tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
