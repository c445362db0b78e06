import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "#kith/db/connect.js";
import { LiveMap } from "#kith/onion/lookup/live-map.js";
import { shuffled } from "#kith/protocol/relation.js";
import { ACTS, type Act, type App, type Outcome, openCircle } from "../support/acts.js";
import { openPlace, type Place } from "../support/app.js";
import { numberArgument } from "../support/arguments.js";
import { type Breaker, openBreaker } from "../support/breaker.js";
import { freshDatabase } from "../support/database.js";
import { httpApp } from "../support/http-app.js";
import { startKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";
import { twoStatements } from "../support/two-statements.js";
import { kithVariant } from "../support/variant.js";

// Kith's connections are cut at every statement of a request in turn, as if Kith had been killed there: before the server
// got the statement, and after it did it and before the answer came back.

/** `npm run test:faults` cuts at each, `npm test` at every so many: which ones, changes from act to act. */
const EVERY = numberArgument("every", 6);
/** Changes of the list, which are stored by the same statements: a short round has one of them, another each time. */
const ALIKE = ["naming somebody", "removing somebody", "other rules", "a yes to a new key"];
const LEFT_OUT = EVERY > 1 ? shuffled(ALIKE).slice(1) : [];
const ENV = { KITH_TRUST_SLOTS: "4", KITH_ARGON2: "m=64,t=1,p=1" };

async function brokenWay(): Promise<{ place: Place; breaker: Breaker }> {
  const { databaseUrl } = await freshDatabase();
  return { place: await openPlace({ databaseUrl, env: ENV }), breaker: await openBreaker(databaseUrl) };
}

/** Cuts an act at each of its statements. @returns how often it was done, and how often not */
async function cutEverywhere(name: string, place: Place, breaker: Breaker, app: App, every = EVERY) {
  const circle = await openCircle(place);
  const prepare = ACTS[name];
  assert.ok(prepare);
  const seen: Record<Outcome, number> = { done: 0, "not done": 0 };
  for (const side of ["before", "after"] as const) {
    const first = 1 + ((name.length + side.length) % every);
    for (let statement = first; ; statement += every) {
      const act: Act = await prepare(place, circle);
      breaker.plan({ statement, side });
      const status: number | undefined = await act.run(app).catch(() => undefined);
      const wasCut = breaker.mend();
      const what: string = `${name}, cut ${side} statement ${statement}, answered with ${status}`;
      const outcome: Outcome = await act.check().catch((error: Error) => {
        throw new Error(`${what}: ${error.message}`, { cause: error });
      });
      if (status === act.doneStatus) assert.equal(outcome, "done", what);
      if (!wasCut) {
        assert.equal(status, act.doneStatus, what);
        break;
      }
      assert.notEqual(status, 500, what);
      seen[outcome] += 1;
    }
  }
  return seen;
}

describe("cut off from the database at any statement, everything is done whole or not at all", () => {
  for (const name of Object.keys(ACTS).filter((name) => !LEFT_OUT.includes(name))) {
    it(name, { timeout: 600_000 }, async (test) => {
      const { place, breaker } = await brokenWay();
      const kith = await openPlace({ databaseUrl: breaker.url, secret: place.context.secret, env: ENV });
      const seen = await cutEverywhere(name, place, breaker, kith.app);
      test.diagnostic(`done ${seen.done}, not done ${seen["not done"]}`);
      assert.ok(seen["not done"] > 0);
      if (EVERY === 1) assert.ok(seen.done > 0, "cut on both sides of the moment at which it is done");
    });
  }

  it("which is seen to fail where a sign-in takes two statements", { timeout: 600_000 }, async () => {
    const { place, breaker } = await brokenWay();
    const dataDir = temporaryDirectory();
    writeFileSync(`${dataDir}/secret`, place.context.secret, { mode: 0o600 });
    const cli = kithVariant(twoStatements());
    const kith = await startKith({ ...ENV, KITH_DATA_DIR: dataDir, DATABASE_URL: breaker.url }, cli);
    await assert.rejects(cutEverywhere("sign-in", place, breaker, httpApp(kith.url), 1), /of one moment with its rows/);
    await kith.stop();
  });

  it("the onion map, whose connection ends before the reading of it fails, comes back by itself and ends nothing", async () => {
    const { databaseUrl } = await freshDatabase();
    const ways = [await openBreaker(databaseUrl), await openBreaker(databaseUrl)] as const;
    const [listening, reading] = await Promise.all(ways.map(({ url }) => connect({ databaseUrl: url })));
    const { context } = await openPlace({ databaseUrl, env: ENV });
    const map = new LiveMap({ pool: listening!.pool, db: reading!.db, log: context.log }, () => undefined);
    const locker = await context.pool.connect();
    await locker.query("begin; lock table onion_domains in access exclusive mode");
    try {
      const started = map.start();
      await sleep(200);
      ways[0].cut();
      await sleep(100);
      ways[1].cut();
      await started;
      assert.notEqual(map.state, "connected");
    } finally {
      locker.release(true);
    }
    for (const way of ways) way.mend();
    for (let tries = 0; tries < 200 && map.state !== "connected"; tries++) await sleep(20);
    assert.equal(map.state, "connected");
    await map.stop();
    await Promise.all([listening!.close(), reading!.close()]);
  });
});
