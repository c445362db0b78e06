import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { LIMITED_ACTIONS } from "#kith/config.js";
import { connect } from "#kith/db/connect.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { hasValidTag } from "#kith/protocol/tag.js";
import { ACTS, type Circle, openCircle } from "../support/acts.js";
import { openPlace, type Place, Visitor } from "../support/app.js";
import { numberArgument } from "../support/arguments.js";
import { type Breaker, openBreaker, type Plan } from "../support/breaker.js";
import { httpApp } from "../support/http-app.js";
import { type RunningKith, startKith } from "../support/kith.js";
import { need } from "../support/need.js";
import { type PostgresServer, startPostgresServer } from "../support/postgres-server.js";
import { randomFrom } from "../support/random.js";
import { temporaryDirectory } from "../support/temporary.js";
import { twoStatements } from "../support/two-statements.js";
import { kithVariant } from "../support/variant.js";

// `kill -9` of Kith, or of PostgreSQL with all its processes, while members' requests are being answered; then both run
// again, and everybody's account is looked at.

const KILLS = numberArgument("kills", 3);
const FULL_KILLS = 20;
const SEED = numberArgument("seed", Math.floor(Math.random() * 2 ** 31));
/** Requests of different members that one kill hits. */
const AT_ONCE = numberArgument("at-once", 2);
const ENV = {
  KITH_TRUST_SLOTS: "4",
  KITH_ARGON2: "m=64,t=1,p=1",
  KITH_LIMITS: LIMITED_ACTIONS.map((one) => `${one}=1000000/60`).join(),
};
/** PostgreSQL's own defaults, without which a crash may lose what was committed. */
const DURABLE = { fsync: "on", synchronous_commit: "on", full_page_writes: "on" };

type Victim = "Kith" | "PostgreSQL";
/** Milliseconds after the requests are sent, or a statement of all that Kith sends meanwhile. */
type Moment = { milliseconds: number } | Plan;
const NEVER: Moment = { milliseconds: 2 ** 30 };

const { postgres, skip } = need("postgres");
let server: PostgresServer;
let place: Place;
let breaker: Breaker;
let circle: Circle;
let kithEnv: Record<string, string>;

/** How often an act was done, and not done, by how its request was answered. */
const seen = new Map<string, number>();

/**
 * Sends one request of each act at once and kills the victim at the moment, unless all are answered before.
 *
 * @returns whether there was a kill, how long the requests took and how many statements; and the Kith that runs now
 */
async function strike(kith: RunningKith, victim: Victim, names: string[], moment: Moment, cli?: string) {
  const acts = await Promise.all(names.map((name) => ACTS[name]!(place, circle)));
  let unanswered = acts.length;
  let gone: Promise<unknown> | undefined;
  const kill = () => {
    if (unanswered > 0) gone ??= victim === "Kith" ? kith.stop("SIGKILL") : server.crash();
  };
  const isTimed = "milliseconds" in moment;
  breaker.plan(isTimed ? { statement: 0, side: "before" } : { ...moment, strike: kill });
  const timer = isTimed ? setTimeout(kill, moment.milliseconds) : undefined;
  const began = performance.now();
  const statuses = await Promise.all(
    acts.map(async (act) => {
      const status = await act.run(httpApp(kith.url)).catch(() => undefined);
      unanswered -= 1;
      return status;
    }),
  );
  const took = { milliseconds: performance.now() - began, statement: breaker.count() };
  clearTimeout(timer);
  breaker.mend();

  await gone;
  if (gone && victim === "PostgreSQL") await server.start();
  // It starts while the accounts are looked at.
  const next = gone && victim === "Kith" ? startKith(kithEnv, cli) : Promise.resolve(kith);
  next.catch(() => undefined);
  for (const [at, act] of acts.entries()) {
    const status = statuses[at];
    const what = `${names[at]}, ${gone ? `${victim} killed at ${JSON.stringify(moment)}` : "nothing killed"}, answered with ${status}`;
    const outcome = await act.check().catch((error: Error) => {
      throw new Error(`${what}: ${error.message}`, { cause: error });
    });
    if (status === act.doneStatus) assert.equal(outcome, "done", what);
    else assert.ok(gone && (status === undefined || status === 503), what);
    if (gone) {
      const answer = status === act.doneStatus ? "answered" : status === undefined ? "cut off" : "refused";
      const key = `${names[at]}, ${answer}: ${outcome}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  }
  const running = await next;
  await assertAnswers(running);
  return { killed: gone !== undefined, took, kith: running };
}

/** Kith runs, and members' sessions outlived what happened. */
async function assertAnswers(kith: RunningKith): Promise<void> {
  assert.equal(kith.process.exitCode, null, kith.output().stderr);
  const bea = new Visitor(httpApp(kith.url));
  for (const [name, value] of circle.bea.cookies) bea.cookies.set(name, value);
  assert.equal((await bea.get("/trust")).statusCode, 200);
}

/** What no act looked at, because a later kill came after its check. */
async function assertAllRowsFit(): Promise<number> {
  const { db, secret } = place.context;
  const accounts = await db.selectFrom("accounts").selectAll().where("username", "<>", "").execute();
  for (const account of accounts) {
    assert.ok(hasValidTag(secret, "accounts", { ...account }), account.username);
    const rows = await db.selectFrom("relations").selectAll().where("trusting_id", "=", account.id).execute();
    assert.equal(rows.length, 4, account.username);
    for (const row of rows) assert.deepEqual(row.generation, account.generation, account.username);
  }
  return accounts.length;
}

describe("killed at any moment, everything is done whole or not at all", { skip }, () => {
  before(async () => {
    server = await startPostgresServer(postgres, DURABLE);
    const { db, close } = await connect({ databaseUrl: server.databaseUrl });
    await migrateToLatest(db);
    await close();
    place = await openPlace({ databaseUrl: server.databaseUrl, env: ENV });
    breaker = await openBreaker(server.databaseUrl);
    circle = await openCircle(place);
    const dataDir = temporaryDirectory();
    writeFileSync(`${dataDir}/secret`, place.context.secret, { mode: 0o600 });
    kithEnv = { ...ENV, KITH_DATA_DIR: dataDir, DATABASE_URL: breaker.url };
  });

  it(`${KILLS} times, Kith and PostgreSQL in turn, with seed ${SEED}`, { timeout: 36_000_000 }, async (test) => {
    const random = randomFrom(SEED);
    const names = Object.keys(ACTS);
    let kith = await startKith(kithEnv);
    // The first one is not struck: it tells how long they take.
    let moment: Moment = NEVER;
    const usual = { milliseconds: 0, statement: 0 };
    let kills = 0;
    for (let round = 0; kills < KILLS; round++) {
      // A short round does not come to all of them: others each time.
      const first = SEED + round * AT_ONCE;
      const chosen = Array.from({ length: AT_ONCE }, (_, at) => names[(first + at) % names.length]!);
      const done = await strike(kith, kills % 2 === 0 ? "Kith" : "PostgreSQL", chosen, moment);
      kith = done.kith;
      kills += Number(done.killed);
      for (const unit of ["milliseconds", "statement"] as const) {
        // What a kill cut short says only that it takes no less.
        usual[unit] = done.killed ? Math.max(usual[unit], done.took[unit]) : done.took[unit];
      }
      moment =
        random() < 0.5
          ? { milliseconds: random() * usual.milliseconds }
          : { statement: 1 + Math.floor(random() * usual.statement), side: random() < 0.5 ? "before" : "after" };
      if (done.killed && kills % 10 === 0) console.log(`# ${kills} kills of ${round + 1} rounds, seed ${SEED}`);
    }
    const accounts = await assertAllRowsFit();
    for (const [key, count] of [...seen].sort()) test.diagnostic(`${key}: ${count}`);
    test.diagnostic(`${accounts} accounts are whole`);
    const total = (end: string) => [...seen].reduce((sum, [key, count]) => sum + (key.endsWith(end) ? count : 0), 0);
    const [done, not] = [total(": done"), total("not done")];
    assert.ok(done + not > 0, "something was killed");
    // A short round may be on one side only.
    if (KILLS >= FULL_KILLS) assert.ok(done > 0 && not > 0, "killed on both sides of the moment at which it is done");
    await kith.stop();
  });

  for (const [victim, name] of [
    ["Kith", "sign-in"],
    ["PostgreSQL", "a ripe reset"],
  ] as const) {
    it(`which is seen to fail where ${name} takes two statements and ${victim} is killed`, async () => {
      const cli = kithVariant(twoStatements(2_000));
      let kith = await startKith(kithEnv, cli);
      const killBetween = async () => {
        // A busy machine comes to the first of the two later: the pause is met all the same.
        for (let seconds = 1; seconds <= 8; seconds++) {
          kith = (await strike(kith, victim, [name], { milliseconds: seconds * 1_000 }, cli)).kith;
        }
      };
      await assert.rejects(killBetween(), /of one moment with its rows/);
      await kith.stop();
    });
  }
});
