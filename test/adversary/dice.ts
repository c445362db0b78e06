import crypto, { createHash } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

const { randomBytes, randomInt, randomUUID } = crypto;

/**
 * Makes ids, orders, nonces and everything else that Kith draws from `node:crypto` repeat: two plays with the same seed
 * draw the same in the same request, so that whatever still differs between them differs because of what was done.
 * Keypairs and seals are openpgp's own randomness and stay random.
 */
export class Dice {
  private round = 0;
  private readonly drawn = new Map<string, number>();

  constructor(private readonly seed: string) {
    Object.assign(crypto, {
      randomUUID: () => {
        const hex = this.bytes("uuid", 16).toString("hex");
        return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
      },
      randomInt: (one: number, other?: number | (() => void)) => {
        if (typeof one !== "number" || typeof other === "function") throw new Error("only plain draws are known here");
        const [from, to] = other === undefined ? [0, one] : [one, other];
        // One row of draws for each place in the code: a list that is shuffled in one world only must not shift others.
        const place = new Error().stack?.split("\n").slice(2, 4).join();
        return from + (this.bytes(`int ${to - from} ${place}`, 6).readUIntBE(0, 6) % (to - from));
      },
      randomBytes: (size: number, done?: (error: null, bytes: Buffer) => void) => {
        const bytes = this.bytes(`bytes ${size}`, size);
        if (done) setImmediate(done, null, bytes);
        return bytes;
      },
    });
    syncBuiltinESMExports();
  }

  /** Before each request: what one request draws must not shift what the next one does. */
  next(): void {
    this.round++;
    this.drawn.clear();
  }

  restore(): void {
    Object.assign(crypto, { randomBytes, randomInt, randomUUID });
    syncBuiltinESMExports();
  }

  private bytes(kind: string, size: number): Buffer {
    const count = (this.drawn.get(kind) ?? 0) + 1;
    this.drawn.set(kind, count);
    const hash = createHash("shake256", { outputLength: size });
    return hash.update(`${this.seed} ${this.round} ${kind} ${count}`).digest();
  }
}

/** Coins that fall the same way for the same seed (mulberry32). */
export function coins(seed: number): () => boolean {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % 2 === 1;
  };
}
