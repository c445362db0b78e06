import { isIPv6 } from "node:net";
import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import type { Session } from "../accounts/sessions.js";
import type { LimitedAction } from "../config.js";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import { fromBase64url, toBase64url } from "../protocol/bytes.js";
import { deriveKey, hmac, type Label } from "../protocol/derive.js";

const LIMIT: Label = "kith/v1/limit";
const LIMITED_MEMBER: Label = "kith/v1/limited member";

/**
 * An acting member, as only the member's own sessions can name it: by account id, whoever has the server secret and looks
 * at tables could go through all members and see who tried to help just before a reset was opened.
 */
export function memberSubject({ payload }: Session): string {
  return `member ${toBase64url(deriveKey(fromBase64url(payload.key) as Uint8Array, LIMITED_MEMBER))}`;
}

/** Somebody did something too often. */
export class TooManyError extends Error {
  override readonly name = "TooManyError";
  /** @param isFirst whether this very try is the first one too many */
  constructor(
    readonly retryAfterSeconds: number,
    readonly isFirst: boolean,
  ) {
    super("Too many tries.");
  }
}

/**
 * Limits on what a client or an acting member does; never on whom it is done to, since a limit on Ada would let
 * anybody keep Ada and her helpers out. Shared by all instances.
 */
export interface Limits {
  /**
   * Counts one try.
   *
   * @param subjects who tries: a client, an acting member, or a client together with a name it fails on
   * @throws TooManyError
   */
  take(action: LimitedAction, ...subjects: string[]): Promise<void>;
  /**
   * Counts nothing and writes nothing, but stops whoever is at the limit.
   *
   * @throws TooManyError
   */
  check(action: LimitedAction, subject: string): Promise<void>;
  /** Takes a try back that was none: it succeeded. */
  giveBack(action: LimitedAction, ...subjects: string[]): Promise<void>;
}

export function makeLimits(context: Context): Limits {
  const limiters = new Map(
    Object.entries(context.config.limits).map(([action, { points, seconds }]) => [
      action,
      new RateLimiterPostgres({
        storeClient: context.pool,
        storeType: "pool",
        tableName: "limits_points",
        tableCreated: true,
        keyPrefix: "",
        points,
        duration: seconds,
        clearExpiredByTimeout: false,
      }),
    ]),
  );
  const limiter = (action: LimitedAction) => limiters.get(action) as RateLimiterPostgres;
  // The key tells nothing without the server secret, and is another one tomorrow.
  const keyOf = (action: LimitedAction, subject: string) =>
    toBase64url(hmac(context.secret, LIMIT, action, dayOf(context.clock()), subject));
  const tooMany = ({ msBeforeNext }: RateLimiterRes, isFirst: boolean) =>
    new TooManyError(Math.max(1, Math.ceil(msBeforeNext / 1000)), isFirst);
  return {
    async take(action, ...subjects) {
      const taken = await Promise.allSettled(
        subjects.map((subject) => limiter(action).consume(keyOf(action, subject))),
      );
      for (const { reason } of taken.filter((one) => one.status === "rejected")) {
        if (!(reason instanceof RateLimiterRes)) throw reason;
        throw tooMany(reason, reason.consumedPoints === limiter(action).points + 1);
      }
    },
    async check(action, subject) {
      const used = await limiter(action).get(keyOf(action, subject));
      if (used && used.consumedPoints >= limiter(action).points) throw tooMany(used, false);
    },
    async giveBack(action, ...subjects) {
      await Promise.all(subjects.map((subject) => limiter(action).reward(keyOf(action, subject))));
    },
  };
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
