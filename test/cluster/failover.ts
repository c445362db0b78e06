import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { afterEach, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { findAccountByName } from "#kith/accounts/account.js";
import { LIMITED_ACTIONS } from "#kith/config.js";
import { connect } from "#kith/db/connect.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { assertOneGeneration, newcomer } from "../support/acts.js";
import { openPlace, type Place, passwordOf, Visitor } from "../support/app.js";
import { numberArgument } from "../support/arguments.js";
import { httpApp } from "../support/http-app.js";
import { type RunningKith, startKith } from "../support/kith.js";
import { need } from "../support/need.js";
import { freePort } from "../support/postgres-server.js";
import { trustAll } from "../support/resets.js";
import { temporaryDirectory } from "../support/temporary.js";
import { PATRONI, startHaproxy, startPatroni, stopAll, until } from "./machines.js";

// Three instances of Kith behind HAProxy, over PostgreSQL under Patroni with a synchronous standby. Members work all the
// time; an instance is killed, then the machine of the primary.

const MACHINES = numberArgument("machines", 3);
/** How long members work before, between and after. */
const SECONDS = numberArgument("seconds", 10);
/** 0: no standby has to have what is committed, and the suite is seen to fail. */
const SYNCHRONOUS = numberArgument("synchronous", 1) === 1;
const MEMBERS = 4;
const ENV = {
  KITH_TRUST_SLOTS: "4",
  KITH_ARGON2: "m=1024,t=1,p=1",
  KITH_LIMITS: LIMITED_ACTIONS.map((one) => `${one}=1000000/60`).join(),
};

/** What members were told is done, and what they asked for and were not told of. */
interface Book {
  done: number;
  unknown: number;
}

/** Somebody whose password changes all the time, in one session. */
class PasswordChanger {
  readonly book: Book = { done: 0, unknown: 0 };
  version = 1;
  /** The change whose answer was lost. */
  asked: number | undefined;
  constructor(readonly visitor: Visitor) {}

  async work(): Promise<void> {
    // A lost answer leaves two that may hold; which one does, the next sign-in tells.
    if (this.asked !== undefined) {
      const { username } = this.visitor;
      const { statusCode: asked } = await this.visitor.signIn(username, passwordOf(username, this.asked));
      if (asked === 303) this.version = this.asked;
      else {
        // 422 is "wrong"; everything else is an outage.
        if (asked !== 422) return;
        const { statusCode: old } = await this.visitor.signIn(username, passwordOf(username, this.version));
        assert.notEqual(old, 422, `${username} gets in with ${this.version}, told to be done`);
        if (old !== 303) return;
      }
      this.asked = undefined;
    }
    const next = this.version + 1;
    const { username } = this.visitor;
    this.asked = next;
    // No answer, no form or no session any more: whichever password holds is seen before the next change.
    const answer = await this.visitor.post(
      "/security/password",
      { current_password: passwordOf(username, this.version), password: passwordOf(username, next) },
      "/security",
    );
    if (answer.statusCode === 303 && !answer.headers.location?.startsWith("/sign-in")) {
      this.version = next;
      this.asked = undefined;
      this.book.done += 1;
    } else this.book.unknown += 1;
  }
}

/** Somebody who lets newcomers in, one after another. */
class Joining {
  readonly book: Book = { done: 0, unknown: 0 };
  readonly joined: string[] = [];
  private count = 0;
  constructor(
    private readonly place: Place,
    private readonly origin: string,
    private readonly name: string,
  ) {}

  async work(): Promise<void> {
    this.count += 1;
    const username = `${this.name}${this.count}x`;
    const visitor = new Visitor(httpApp(this.origin));
    const answer = await visitor.join(`/invite/${operatorLetter(this.place.context, "operator")}`, username);
    if (answer.statusCode === 303) {
      this.joined.push(username);
      this.book.done += 1;
    } else this.book.unknown += 1;
  }
}

/** Somebody who trusts one person and changes the days to wait, in one session that is never renewed. */
class Trusting {
  readonly book: Book = { done: 0, unknown: 0 };
  private waitDays: number | undefined = 0;
  constructor(
    private readonly visitor: Visitor,
    private readonly friend: string,
  ) {}

  async work(): Promise<void> {
    const page = await this.visitor.get("/trust");
    if (isOutage(page.statusCode)) return;
    const { username } = this.visitor;
    assert.equal(page.statusCode, 200, `${username} is still signed in`);
    assert.ok(page.body.includes(this.friend), `${username} still trusts ${this.friend}`);
    const stands = Number(/name="wait_days"[^>]*value="(\d+)"/.exec(page.body)?.[1]);
    if (this.waitDays !== undefined) assert.equal(stands, this.waitDays, `${username}'s rules are as was told`);
    this.waitDays = undefined;
    const next = (stands + 1) % 28;
    if ((await this.visitor.rules(1, next)).statusCode === 303) {
      this.waitDays = next;
      this.book.done += 1;
    } else this.book.unknown += 1;
  }
}

async function trusting(place: Place, friend: Visitor): Promise<Visitor> {
  const visitor = await newcomer(place, "truster");
  await trustAll(visitor, [friend.username]);
  return visitor;
}

async function adminOf(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

let isOver = false;
const instances: RunningKith[] = [];
const { skip, ...programs } = need("postgres", "patroni", "etcd", "haproxy");

async function killBoth(test: TestContext, synchronous: boolean): Promise<void> {
  const cluster = await startPatroni(programs, MACHINES, synchronous);
  const kithPorts = [];
  for (let count = 0; count < 3; count++) kithPorts.push({ web: await freePort(), watch: await freePort() });
  const haproxy = await startHaproxy(programs.haproxy, cluster, kithPorts);
  const databaseUrl = `postgresql://kith:${cluster.password}@127.0.0.1:${haproxy.database}/kith`;
  const adminUrl = `postgresql://postgres:${cluster.password}@127.0.0.1:${haproxy.database}/postgres`;
  await until(
    "HAProxy finds the primary",
    () =>
      adminOf(adminUrl, "create database kith owner kith").then(
        () => true,
        () => false,
      ),
    60,
  );
  const { db, close } = await connect({ databaseUrl });
  await migrateToLatest(db);
  await close();
  const place = await openPlace({ databaseUrl, env: ENV });
  const dataDir = temporaryDirectory();
  writeFileSync(`${dataDir}/secret`, place.context.secret, { mode: 0o600 });
  for (const { web, watch } of kithPorts) {
    const listen = { KITH_LISTEN: `127.0.0.1:${web}`, KITH_METRICS_LISTEN: `127.0.0.1:${watch}` };
    const start = () => startKith({ ...ENV, ...listen, KITH_DATA_DIR: dataDir, DATABASE_URL: databaseUrl });
    // Once more, as a service manager would.
    instances.push(await start().catch(start));
  }
  const origin = `http://127.0.0.1:${haproxy.web}`;
  const elsewhere = (visitor: Visitor) => {
    const other = new Visitor(httpApp(origin));
    other.username = visitor.username;
    for (const [name, value] of visitor.cookies) other.cookies.set(name, value);
    return other;
  };

  const friend = await newcomer(place, "friend");
  const idle = [friend];
  const workers: (PasswordChanger | Trusting | Joining)[] = [];
  for (let count = 0; count < MEMBERS; count++) {
    idle.push(await newcomer(place, "idle"));
    workers.push(
      count % 2 === 0
        ? new PasswordChanger(elsewhere(await newcomer(place, "changer")))
        : new Trusting(elsewhere(await trusting(place, friend)), friend.username),
    );
  }
  workers.push(new Joining(place, origin, "joiner"));

  isOver = false;
  let failures = 0;
  const working = Promise.all(
    workers.map(async (worker) => {
      while (!isOver) {
        try {
          await worker.work();
        } catch (error) {
          // What breaks off has no answer; what members see otherwise is asserted.
          if (error instanceof assert.AssertionError) throw error;
          failures += 1;
          await sleep(100);
        }
      }
    }),
  );
  working.catch(() => undefined);
  const total = () => workers.reduce((sum, { book }) => sum + book.done, 0);
  const unknown = () => workers.reduce((sum, { book }) => sum + book.unknown, 0);
  const say = (what: string) =>
    test.diagnostic(
      `${what}: ${total()} changes told done, ${unknown()} not told, ${failures} requests without an answer`,
    );

  await sleep(SECONDS * 1000);
  say("all instances");
  assert.ok(total() > 0);

  await instances[0]!.stop("SIGKILL");
  await sleep(SECONDS * 1000);
  say("one instance killed");
  const afterInstance = total();

  const states = await Promise.all(cluster.nodes.map((node) => node.status("/primary")));
  const primary = cluster.nodes[states.indexOf(200)];
  assert.ok(primary);
  primary.holdBack();
  await sleep(3_000);
  say("nothing reaches a standby any more");
  const killed = Date.now();
  primary.crash();
  const seconds = () => ((Date.now() - killed) / 1000).toFixed(1);
  await until("another primary", async () => {
    const now = await Promise.all(cluster.nodes.map((node) => node.status("/primary")));
    return now.includes(200);
  });
  test.diagnostic(`Patroni has another primary after ${seconds()} s`);
  const promoted = Date.now();
  const visitor = () => new Visitor(httpApp(origin));
  await until(
    "signing in works",
    async () => {
      const answer = await visitor()
        .signIn(friend.username)
        .catch(() => undefined);
      return answer?.statusCode === 303;
    },
    60,
  );
  test.diagnostic(`signing in works after ${seconds()} s, ${((Date.now() - promoted) / 1000).toFixed(1)} s after that`);
  test.diagnostic(`Patroni's own time: ttl ${PATRONI.ttl} s, loop_wait ${PATRONI.loop_wait} s`);
  await sleep(SECONDS * 1000);
  isOver = true;
  await working;
  say("the primary killed");
  assert.ok(total() > afterInstance, "work goes on");

  for (const member of idle) {
    for (const instance of instances.slice(1)) {
      const there = new Visitor(httpApp(instance.url));
      for (const [name, value] of member.cookies) there.cookies.set(name, value);
      assert.equal((await there.get("/trust")).statusCode, 200, `${member.username} is still signed in`);
    }
  }
  let joined = 0;
  for (const worker of workers) {
    if (worker instanceof Joining) {
      for (const username of worker.joined) {
        assert.ok(await findAccountByName(place.context, "localhost", username), `${username} was told to have joined`);
        await assertOneGeneration(place, username);
        joined += 1;
      }
    } else {
      const before = worker.book.done;
      await worker.work();
      await worker.work();
      assert.ok(worker.book.done > before, "goes on from where it was told to be");
    }
  }
  test.diagnostic(
    `${joined} newcomers and ${workers.length - 1} members looked at, ${idle.length} sessions still open`,
  );
}

describe("an instance is killed, then the primary", { skip }, () => {
  afterEach(async () => {
    isOver = true;
    await Promise.all(instances.splice(0).map((instance) => instance.stop()));
    await stopAll();
  });

  it("nobody is signed out, and nothing that was told is lost", { timeout: 900_000 }, (test) =>
    killBoth(test as TestContext, SYNCHRONOUS),
  );
});

/** Answers while the database or the instance is gone. */
function isOutage(status: number): boolean {
  return [502, 503, 504].includes(status);
}
