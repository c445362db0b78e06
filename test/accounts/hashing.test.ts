import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, it } from "node:test";
import { BusyError, type Hashing, makeHashing } from "#kith/accounts/hashing.js";
import { openPlace, passwordOf } from "../support/app.js";
import { contents } from "../support/pages.js";

const WAITING_PER_CORE = 110;
const SALT = new Uint8Array(16);
/** Seconds, so that nothing moves up while a test looks at a full queue. */
const SLOW = { memoryKiB: 65_536, timeCost: 15, parallelism: 1 };
const QUICK = { memoryKiB: 8, timeCost: 1, parallelism: 1 };

/** As many runs as there are cores, and as many waiting as may. @returns what ends when all of them have run */
function fill(hashing: Hashing, cores: number, running = QUICK): Promise<Uint8Array[]> {
  const runs = Array.from({ length: cores * (1 + WAITING_PER_CORE) }, (_, at) =>
    hashing.unlockKey("plum orchard window", SALT, at < cores ? running : QUICK),
  );
  assert.deepEqual(hashing.load(), { waiting: cores * WAITING_PER_CORE, running: cores });
  return Promise.all(runs);
}

describe("a full Argon2id queue", () => {
  it("refuses whoever comes next, and nobody who waits in it", async () => {
    for (const cores of [1, 2]) {
      const hashing = makeHashing(cores);
      const waiting = fill(hashing, cores);
      await assert.rejects(hashing.unlockKey("x", SALT, QUICK), BusyError);
      assert.deepEqual(hashing.load(), { waiting: cores * WAITING_PER_CORE, running: cores }, "nothing was queued");
      for (const key of await waiting) assert.equal(key.length, 32);
      assert.equal((await hashing.unlockKey("x", SALT, QUICK)).length, 32, "there is room again");
    }
  });

  it("answers a sign-in with 503 and when to come again, changes nothing, and lets it in later", async () => {
    const place = await openPlace();
    const { hashing, pool } = place.context;
    const ada = await place.founder("ada");
    await ada.signOut();
    const before = await contents(pool);
    const waiting = fill(hashing, availableParallelism(), SLOW);
    for (const name of ["ada", "nobody"]) {
      const answer = await ada.signIn(name, passwordOf("ada"));
      assert.equal(answer.statusCode, 503, name);
      assert.equal(answer.headers["retry-after"], "15");
      assert.match(answer.body, /<h1/);
    }
    assert.equal(hashing.load().running, availableParallelism(), "the queue was full all the while");
    assert.ok(!ada.cookies.has("session"));
    assert.deepEqual(await contents(pool), before);
    await waiting;
    assert.equal((await ada.signIn("ada")).statusCode, 303);
  });
});
