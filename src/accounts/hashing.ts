import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { type Argon2Parameters, deriveUnlockKey } from "../protocol/password.js";

/** How many Argon2id runs may wait: at about 10 a second and core, the last one waits some ten seconds. */
const MAX_WAITING_PER_CORE = 110;

/** More people are signing in than this machine can serve; said to them as 503 with `Retry-After`. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  readonly retryAfterSeconds = 15;
  constructor() {
    super("Too many sign-ins are waiting.");
  }
}

/** Runs at most as many Argon2id at once as there are cores; the others wait in a bounded queue. */
export interface Hashing {
  /** @throws BusyError if the queue is full */
  unlockKey(password: string, salt: Uint8Array, parameters: Argon2Parameters): Promise<Uint8Array>;
  /** How many wait, and how many run, at this moment. */
  load(): { waiting: number; running: number };
}

export function makeHashing(cores = availableParallelism()): Hashing {
  const limit = pLimit(cores);
  return {
    async unlockKey(password, salt, parameters) {
      if (limit.pendingCount >= cores * MAX_WAITING_PER_CORE) throw new BusyError();
      return await limit(() => deriveUnlockKey(password, salt, parameters));
    },
    load: () => ({ waiting: limit.pendingCount, running: limit.activeCount }),
  };
}
