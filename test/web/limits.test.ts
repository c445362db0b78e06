import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LightMyRequestResponse } from "fastify";
import { BusyError } from "#kith/accounts/hashing.js";
import { dayOf } from "#kith/days.js";
import { toBase64url } from "#kith/protocol/bytes.js";
import { hmac } from "#kith/protocol/derive.js";
import { makeLimits, TooManyError } from "#kith/web/limits.js";
import { openPlace, type Place, passwordOf, textOf, type Visitor } from "../support/app.js";
import { Client } from "../support/client.js";
import { contents } from "../support/pages.js";
import { choose } from "../support/resets.js";
import { watchStatements } from "../support/statements.js";

const POINTS = 4;
const place = (limits: string) =>
  openPlace({ env: { KITH_LIMITS: limits, KITH_TRUSTED_PROXIES: "127.0.0.1", KITH_INVITES_PER_MEMBER: "40" } });

function assertTooMany(answer: LightMyRequestResponse): void {
  assert.equal(answer.statusCode, 429);
  const seconds = Number(answer.headers["retry-after"]);
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 900, `Retry-After: ${seconds}`);
  assert.match(answer.body, /<h1/);
  assert.doesNotMatch(/<main.*<\/main>/s.exec(answer.body)?.[0] as string, /ada|bea/);
}

const WRONG = "9 wrong wrong wrong";
const BURST = 60;

/** Many forms at the same moment, from one address. @returns how many were answered with each status, and how often `like` was looked up */
async function burst(here: Place, path: string, like: RegExp, fields: (count: number) => Record<string, string>) {
  let looks = 0;
  await watchStatements(here.context.pool, (text) => void (like.test(text) && looks++));
  const answers = await Promise.all(
    Array.from({ length: BURST }, (_, count) => new Client(here, "203.0.113.7").post(path, fields(count))),
  );
  for (const answer of answers) if (answer.statusCode === 429) assertTooMany(answer);
  const of = (status: number) => answers.filter((answer) => answer.statusCode === status).length;
  return { of, answers, looks };
}

/** A place with a good letter, and a good link for ada. */
async function withLetterAndLink() {
  const here = await place(`handover=${POINTS}/900,invite=${POINTS}/900`);
  const nour = await here.founder();
  const bea = await nour.bring("bea");
  const ada = await nour.bring("ada");
  await ada.trust("bea");
  return { here, letter: await nour.invite(), link: await bea.openCase("ada") };
}

const rowsOf = async ({ context }: Place) =>
  (await context.pool.query("select key, points from limits_points")).rows as { key: string; points: number }[];

describe("limits on signing in", () => {
  it("stop a client after too many wrong passwords, and hit nobody else: not the member, not other clients", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    await here.founder("ada");
    const guesser = new Client(here, "203.0.113.7");
    for (let count = 0; count < POINTS; count++) assert.equal((await guesser.signIn("ada", WRONG)).statusCode, 422);
    const before = await contents(here.context.pool);
    assertTooMany(await guesser.signIn("ada", WRONG));
    assertTooMany(await guesser.signIn("ada"));
    assertTooMany(await guesser.signIn("zoe", WRONG));
    assert.deepEqual(await contents(here.context.pool), before, "not even the right password is tried any more");
    assert.ok(!guesser.cookies.has("session"));
    const ada = new Client(here, "203.0.113.8");
    assert.equal((await ada.signIn("ada")).statusCode, 303, "from elsewhere, the member gets in");
    assert.equal((await ada.get("/trust")).statusCode, 200);
  });

  it("from ever so many clients never keep a member out", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    await here.founder("ada");
    for (let client = 1; client <= 8; client++) {
      for (let count = 0; count < POINTS; count++) await new Client(here, `203.0.113.${client}`).signIn("ada", WRONG);
    }
    assert.equal((await new Client(here, "198.51.100.1").signIn("ada")).statusCode, 303);
  });

  it("give back a try that succeeded", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    await here.founder("ada");
    const client = new Client(here, "203.0.113.7");
    for (let count = 0; count < 3 * POINTS; count++) assert.equal((await client.signIn("ada")).statusCode, 303);
    for (let count = 0; count < POINTS; count++) assert.equal((await client.signIn("ada", WRONG)).statusCode, 422);
    assertTooMany(await client.signIn("ada"));
  });

  it("count many guesses at the same moment too", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    await here.founder("ada");
    const answers = await Promise.all(
      Array.from({ length: 3 * POINTS }, () => new Client(here, "203.0.113.7").signIn("ada", WRONG)),
    );
    const tried = answers.filter((answer) => answer.statusCode === 422).length;
    assert.ok(tried <= POINTS, `${tried} guesses were tried`);
    assert.ok(answers.every((answer) => [422, 429].includes(answer.statusCode)));
  });

  it("shut nobody out where many sign in rightly at the same moment, or go on once they are refused", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    await here.founder("ada");
    const answers = await Promise.all(
      Array.from({ length: 3 * POINTS }, () => new Client(here, "203.0.113.7").signIn("ada")),
    );
    assert.ok(answers.some((answer) => answer.statusCode === 303));
    assert.ok(answers.every((answer) => [303, 429].includes(answer.statusCode)));
    assert.deepEqual(await rowsOf(here), []);
    const client = new Client(here, "203.0.113.7");
    for (let count = 0; count < POINTS - 1; count++) await client.signIn("bea", WRONG);
    for (let count = 0; count < POINTS; count++) await client.signIn("ada", WRONG);
    const counted = () => rowsOf(here).then((rows) => rows.map(({ points }) => points).sort());
    assert.deepEqual(await counted(), [1, POINTS - 1, POINTS], "what is refused does not count, for any of both");
  });

  it("ask the same of the database for each name once the client is refused, whether it failed on that name or not", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    const client = new Client(here, "203.0.113.7");
    for (let count = 0; count < POINTS; count++) await client.signIn("bea", WRONG);
    let asked: string[] = [];
    await watchStatements(here.context.pool, (text) => void (/limits_points/.test(text) && asked.push(text)));
    const statements = async (name: string) => {
      asked = [];
      assertTooMany(await client.signIn(name, WRONG));
      return asked;
    };
    const onBea = await statements("bea");
    assert.equal(onBea.length, 2, "its own row alone is asked for, and given back");
    assert.deepEqual(await statements("zoe"), onBea);
    assert.deepEqual(
      (await rowsOf(here)).map(({ points }) => points),
      [POINTS, POINTS],
    );
  });

  it("count changes that are told by mail, whose address anybody may have typed, right password or not", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    const ada = await here.founder("ada");
    for (let turn = 0; turn < POINTS; turn++) {
      const password = passwordOf("ada", turn + 2);
      const fields = { current_password: passwordOf("ada", turn + 1), password };
      assert.equal((await ada.post("/security/password", fields, "/security")).statusCode, 303);
    }
    const right = { current_password: passwordOf("ada", POINTS + 1) };
    assertTooMany(await ada.post("/security/totp/remove", right, "/security"));
    assertTooMany(await ada.post("/security/password", { ...right, password: passwordOf("ada") }, "/security"));
  });

  it("make no room in the time that follows, by what is given back late", async () => {
    const here = await place("sign-in=1/2");
    let release: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isHeld = true;
    await watchStatements(here.context.pool, (text) =>
      isHeld && /^merge into limits_points/.test(text) ? late : undefined,
    );
    const limits = makeLimits(here.context);
    const take = (...subjects: string[]) => limits.take("sign-in", ...subjects);
    await take("one");
    const refused = [assert.rejects(take("one"), TooManyError), assert.rejects(take("one", "other"), TooManyError)];
    await sleep(2_100);
    await take("one");
    await take("other");
    isHeld = false;
    release();
    await Promise.all(refused);
    await assert.rejects(take("one"), TooManyError);
    await assert.rejects(take("other"), TooManyError);
  });

  it("take one IPv6 household for one client, whichever of its addresses it uses", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    await here.founder("ada");
    for (let count = 0; count < POINTS; count++)
      await new Client(here, `2001:db8:1:2::${count + 1}`).signIn("ada", WRONG);
    assertTooMany(await new Client(here, "2001:db8:1:2:ffff:1:2:3").signIn("ada", WRONG));
    assert.equal((await new Client(here, "2001:db8:1:3::1").signIn("ada", WRONG)).statusCode, 422);
  });

  it("end when their time is over", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    await here.founder("ada");
    const client = new Client(here, "203.0.113.7");
    const begun = Date.now();
    for (let count = 0; count < POINTS; count++) await client.signIn("ada", WRONG);
    assertTooMany(await client.signIn("ada"));
    const { pool } = here.context;
    const { rows } = await pool.query("select expire::float8 from limits_points where points >= $1", [POINTS]);
    assert.ok(rows.length > 0);
    for (const { expire } of rows) assert.ok(expire >= begun + 900_000 && expire <= Date.now() + 900_000);
    // As if that had been so much earlier.
    const earlier = (seconds: number) => pool.query("update limits_points set expire = expire - $1", [seconds * 1_000]);
    await earlier(600);
    assertTooMany(await client.signIn("ada"));
    await earlier(300);
    assert.equal((await client.signIn("ada")).statusCode, 303);
  });
});

describe("limits on helping", () => {
  it("stop the member who asks for what leads nowhere, and not the one who is asked about, nor other helpers", async () => {
    const here = await place(`help=${POINTS}/900`);
    const nour = await here.founder();
    const [bea, cem, ada] = [
      await nour.bring("bea"),
      await nour.bring("cem"),
      await nour.bring("ada", { trust: false }),
    ];
    await ada.trust("bea");
    await ada.trust("cem");
    const as = async (visitor: Visitor, address: string) => {
      const client = new Client(here, address);
      for (const [name, value] of visitor.cookies) client.cookies.set(name, value);
      return client;
    };
    const asking = await as(bea, "203.0.113.7");
    assert.ok(textOf((await asking.help("ada")).body, "handover-link"));
    for (let count = 0; count < 3 * POINTS; count++)
      assert.equal((await asking.help("ada")).statusCode, 200, "looking at a case that is open gives back");
    for (let count = 1; count < POINTS; count++) assert.equal((await asking.help("nobody")).statusCode, 200);
    assertTooMany(await asking.help("ada"));
    assertTooMany(await asking.post("/help/approve", { username: "ada", case: "x" }, "/help"));
    assertTooMany(await (await as(bea, "198.51.100.1")).help("ada"));
    const other = await as(cem, "198.51.100.2");
    assert.ok(textOf((await other.help("ada", true)).body, "handover-link"), "another helper of ada is not hit");
    assert.equal((await ada.signIn()).statusCode, 303, "nor is ada");
    const same = await as(cem, "203.0.113.7");
    assert.equal((await same.help("ada")).statusCode, 200, "nor whoever comes from the same address");
  });

  it("count cases that were opened, for one member or several, whatever the page shows besides", async () => {
    const here = await place(`help=${POINTS}/900`);
    const nour = await here.founder();
    const bea = await nour.bring("bea", { trust: false });
    for (const name of ["ada", "cem", "dora"]) {
      const member = await nour.bring(name);
      assert.equal((await member.trust("bea")).statusCode, 303);
    }
    const opened = async () =>
      (await here.context.pool.query("select sum(opened)::int as count from case_weeks")).rows[0].count;
    const path = await nour.openCase("ada");
    assert.equal((await here.visitor().post(path, { password: passwordOf("ada", 2) }, path)).statusCode, 200);
    const compare = await bea.help("ada");
    assert.match(compare.body, /data-testid="case"/);
    assert.equal(await opened(), 2, "a case of bea's own, beside the one with a password");
    await bea.openCase("cem");
    await bea.openCase("dora");
    await bea.openCase("dora", true);
    assert.equal(await opened(), 5);
    assertTooMany(await bea.help("dora", true));
    assertTooMany(await bea.help("ada"));
    assert.equal(await opened(), 5, "none was opened any more");
    await nour.openCase("dora");
  });
});

describe("limits on links and letters", () => {
  it("stop a client who tries out links, and give back whoever has a good one", async () => {
    const { here, letter, link } = await withLetterAndLink();
    for (const [good, dead] of [
      [link, `/handover/${"A".repeat(43)}`],
      [letter, `/invite/${"A".repeat(86)}`],
    ] as const) {
      const client = new Client(here, "203.0.113.7");
      for (let count = 0; count < 3 * POINTS; count++) assert.equal((await client.get(good)).statusCode, 200);
      for (let count = 0; count < 2; count++) assert.equal((await client.get(dead)).statusCode, 404);
      for (let count = 0; count < 2; count++)
        assert.equal((await client.post(dead, { password: passwordOf("x") })).statusCode, 404);
      assertTooMany(await client.get(dead));
      assertTooMany(await client.get(good));
      assertTooMany(await client.post(good, { username: "zoe", password: passwordOf("zoe") }));
      assert.equal((await new Client(here, "203.0.113.9").get(good)).statusCode, 200);
    }
  });

  it("stop whoever tries out names on one good letter, and no name that is taken costs a run of Argon2id", async () => {
    const here = await place(`invite=${POINTS}/900`);
    const nour = await here.founder();
    await nour.bring("ada");
    const good = await nour.invite();
    const client = new Client(here, "203.0.113.7");
    const join = (username: string, password = passwordOf(username)) => client.post(good, { username, password }, good);
    for (let count = 0; count < 2 * POINTS; count++) assert.equal((await join("zoe", "short")).statusCode, 422);
    const hashing = mock.method(here.context.hashing, "unlockKey");
    for (let count = 0; count < POINTS; count++) {
      const answer = await join(count % 2 ? "ada" : "nour");
      assert.equal(answer.statusCode, 422);
      assert.match(answer.body, /This name is taken/);
    }
    assert.equal(hashing.mock.callCount(), 0, "runs of Argon2id");
    assertTooMany(await join("ada"));
    assertTooMany(await join("zoe"));
    const elsewhere = new Client(here, "203.0.113.9");
    assert.equal((await elsewhere.join(good, "zoe")).statusCode, 303, "the letter is good still");
  });

  it("count many names tried at the same moment on one good letter", async () => {
    const here = await place(`invite=${POINTS}/900`);
    const nour = await here.founder();
    await nour.bring("ada");
    const good = await nour.invite();
    const names = /from "accounts" where "domain" = \$1 and "username" = \$2/;
    const { of, answers, looks } = await burst(here, good, names, (count) => {
      const username = count % 2 ? "ada" : "nour";
      return { username, password: passwordOf(username) };
    });
    const told = answers.filter(({ body }) => body.includes("This name is taken")).length;
    assert.ok(told <= POINTS, `${told} names were told`);
    assert.equal(looks, POINTS, "nor does another answer tell of more than were looked up");
    assert.deepEqual([of(422), of(429)], [POINTS, BURST - POINTS]);
    assertTooMany(await new Client(here, "203.0.113.7").get(good));
  });

  it("bound how many runs of Argon2id one client begins at the same moment, by a letter as by a link", async () => {
    const { here, letter, link } = await withLetterAndLink();
    for (const [path, success] of [
      [letter, 303],
      [link, 200],
    ] as const) {
      const hashing = mock.method(here.context.hashing, "unlockKey");
      const { of } = await burst(here, path, /./, (count) => ({
        username: `zoe${count}`,
        password: passwordOf("zoe"),
      }));
      const runs = hashing.mock.callCount();
      hashing.mock.restore();
      assert.ok(runs >= 1 && runs <= POINTS, `${runs} runs for ${path}`);
      assert.deepEqual([of(success), of(404), of(429)], [1, POINTS - 1, BURST - POINTS]);
    }
  });

  it("count many dead links and letters at the same moment", async () => {
    const here = await place(`handover=${POINTS}/900,invite=${POINTS}/900`);
    for (const [dead, like] of [
      [`/handover/${"A".repeat(43)}`, /reset_cases/],
      [`/invite/${"A".repeat(86)}`, /spent_invites/],
    ] as const) {
      const { of, looks } = await burst(here, dead, like, () => ({ username: "zoe", password: passwordOf("zoe") }));
      assert.equal(looks, POINTS, dead);
      assert.deepEqual([of(404), of(429)], [POINTS, BURST - POINTS]);
    }
  });

  it("shut nobody out who opens a good one many times at the same moment", async () => {
    const here = await place(`invite=${POINTS}/900`);
    const good = await (await here.founder()).invite();
    const client = new Client(here, "203.0.113.7");
    const answers = await Promise.all(Array.from({ length: BURST }, () => client.get(good)));
    assert.ok(answers.every(({ statusCode }) => [200, 429].includes(statusCode)));
    for (let count = 0; count < POINTS; count++) assert.equal((await client.get(good)).statusCode, 200);
  });

  it("count a joining that found no room to hash, since that name is free, but not a choice that found none", async () => {
    const { here, letter, link } = await withLetterAndLink();
    const hashing = mock.method(here.context.hashing, "unlockKey", () => Promise.reject(new BusyError()));
    const client = new Client(here, "203.0.113.7");
    const send = (path: string) => client.post(path, { username: "zoe", password: passwordOf("zoe") });
    for (let count = 0; count < POINTS; count++) assert.equal((await send(letter)).statusCode, 503);
    assertTooMany(await send(letter));
    for (let count = 0; count < 3 * POINTS; count++) assert.equal((await send(link)).statusCode, 503);
    hashing.mock.restore();
    assert.equal((await send(link)).statusCode, 200);
  });

  it("stop a member who adds and adds, and nobody else", async () => {
    const here = await place(`trust=${POINTS}/900`);
    const nour = await here.founder();
    const [bea, ada] = [await nour.bring("bea"), await nour.bring("ada")];
    for (let count = 0; count < POINTS; count++) assert.equal((await ada.trust(`zoe${count}`)).statusCode, 422);
    assertTooMany(await ada.trust("bea"));
    assert.equal((await bea.trust("ada")).statusCode, 303);
  });
});

describe("limits on a member who gets a new key", () => {
  it("go on as they were: nobody begins anew by removing somebody who shares the kept key", async () => {
    const here = await place(`trust=12/900,help=${POINTS}/900`);
    const nour = await here.founder();
    const ada = await nour.bring("ada", { trust: false });
    for (const name of ["bea", "cem", "dora"]) await nour.bring(name, { trust: false });
    const current_password = passwordOf("ada");
    const nothing = (count: number) => ada.post("/help", { username: `nobody-${count}` }, "/help");
    for (let count = 1; count < POINTS; count++) assert.equal((await nothing(count)).statusCode, 200);
    for (const name of ["bea", "cem", "dora"]) assert.equal((await ada.trust(name)).statusCode, 303);
    assert.equal((await ada.rules(2, 0, { keep_key: "on", current_password })).statusCode, 303);
    const fingerprint = async () =>
      (await here.context.pool.query("select fingerprint from accounts where username = 'ada'")).rows[0].fingerprint;
    const before = await fingerprint();
    const removed = await ada.post("/trust/remove", { username: "dora", confirm: "on", current_password }, "/trust");
    assert.equal(removed.statusCode, 303);
    assert.notDeepEqual(await fingerprint(), before, "it is a new key");
    assert.equal((await nothing(POINTS)).statusCode, 200);
    assertTooMany(await nothing(POINTS + 1));
    let tries = 0;
    while ((await ada.trust(`nobody-${tries}`)).statusCode !== 429) tries++;
    // Three who were named, the rules, and one who was removed.
    assert.equal(tries, 12 - 5);
  });
});

describe("what limits leave behind", () => {
  it("is no row of helping or agreeing, or of a link or letter, dead or good", async () => {
    const here = await place(`help=${POINTS}/900,handover=${POINTS}/900,invite=${POINTS}/900`);
    const nour = await here.founder();
    const bea = await nour.bring("bea");
    const ada = await nour.bring("ada");
    await ada.trust("bea");
    const letter = await nour.invite();
    await here.context.pool.query("delete from limits_points");
    const anybody = here.visitor();
    assert.match((await bea.help("nobody")).body, /<h1/);
    const link = await bea.openCase("ada");
    assert.equal((await anybody.get(link)).statusCode, 200);
    const { words } = await choose(here, link, passwordOf("ada", 2));
    assert.equal((await bea.agree("ada", words)).statusCode, 303);
    assert.equal((await bea.post("/help/approve", { username: "nobody", case: "x" }, "/help")).statusCode, 200);
    assert.equal((await anybody.get(letter)).statusCode, 200);
    const taken = { username: "ada", password: passwordOf("ada") };
    assert.equal((await anybody.post(letter, taken, letter)).statusCode, 422);
    assert.equal((await anybody.join(letter, "dora")).statusCode, 303);
    for (const dead of [link, letter]) {
      for (let count = 0; count < POINTS; count++) await new Client(here, "203.0.113.7").get(dead);
      assertTooMany(await new Client(here, "203.0.113.7").get(dead));
    }
    while ((await bea.help("nobody")).statusCode === 200);
    assert.deepEqual(await rowsOf(here), []);
  });

  it("is no row of a password that was right, and of others as many points as were wrong", async () => {
    const here = await place("sign-in=100/900");
    const ada = await here.founder("ada");
    const client = new Client(here, "203.0.113.7");
    assert.equal((await client.signIn("ada")).statusCode, 303);
    assert.equal((await client.post("/admin/tree", { current_password: passwordOf("ada") })).statusCode, 303);
    await Promise.all(Array.from({ length: 8 }, () => new Client(here, "203.0.113.7").signIn("ada")));
    assert.deepEqual(await rowsOf(here), []);
    await client.signIn("ada", WRONG);
    await Promise.all(Array.from({ length: 8 }, () => new Client(here, "203.0.113.7").signIn("ada")));
    assert.deepEqual(
      (await rowsOf(here)).map(({ points }) => points),
      [1, 1],
      "of the client, and of the client on that name",
    );
    assert.equal((await ada.get("/")).statusCode, 200);
  });

  it("is right whatever is taken and given back at the same moment", async () => {
    const here = await place("sign-in=1000/900");
    const limits = makeLimits(here.context);
    const many = (count: number, act: () => Promise<unknown>) => Promise.all(Array.from({ length: count }, act));
    for (let round = 0; round < 20; round++) {
      await many(10, () => limits.take("sign-in", "somebody"));
      await Promise.all([
        many(9, () => limits.giveBack("sign-in", "somebody")),
        many(3, () => limits.take("sign-in", "somebody")),
      ]);
      assert.deepEqual(
        (await rowsOf(here)).map(({ points }) => points),
        [4],
      );
      await many(4, () => limits.giveBack("sign-in", "somebody"));
      assert.deepEqual(await rowsOf(here), []);
      await limits.giveBack("sign-in", "somebody");
      assert.deepEqual(await rowsOf(here), [], "what nobody took is not given back");
    }
  });

  it("can't be matched with members by who has the server secret, either: they'd be who changed a list", async () => {
    const here = await place(`trust=${POINTS}/900`);
    const ada = await here.founder("ada");
    await ada.trust("nobody");
    await new Client(here, "203.0.113.7").signIn("ada", WRONG);
    const keys = (await rowsOf(here)).map(({ key }) => key);
    const { secret, clock, pool } = here.context;
    const id = (await pool.query("select id from accounts where username = 'ada'")).rows[0].id;
    const keyOf = (subject: string, action = "trust") =>
      toBase64url(hmac(secret, "kith/v1/limit", action, dayOf(clock()), subject));
    assert.ok(keys.includes(keyOf("client 203.0.113.7", "sign-in")), "this is how keys are made");
    assert.equal(keys.length, 3);
    for (const subject of ["client 127.0.0.1", `member ${id}`, "member ada", `member ${id} trust`]) {
      assert.ok(!keys.includes(keyOf(subject)), subject);
    }
  });

  it("names neither client nor member, and is unlogged: in no base backup of PostgreSQL", async () => {
    const here = await place(`sign-in=${POINTS}/900`);
    await here.founder("ada");
    await new Client(here, "203.0.113.7").signIn("ada", WRONG);
    const { rows } = await here.context.pool.query("select key from limits_points");
    assert.ok(rows.length >= 2);
    const id = (await here.context.pool.query("select id from accounts where username = 'ada'")).rows[0].id;
    for (const { key } of rows) {
      assert.match(key, /^[A-Za-z0-9_-]{43}$/);
      for (const text of ["203.0.113.7", "ada", id])
        assert.ok(!Buffer.from(key, "base64url").includes(text) && !key.includes(text));
    }
    const { rows: kind } = await here.context.pool.query(
      "select relpersistence from pg_class where relname = 'limits_points'",
    );
    assert.equal(kind[0].relpersistence, "u");
  });
});

describe("limits in memory", () => {
  const tries = async (limits: ReturnType<typeof makeLimits>, subject: string) => {
    for (let count = 0; ; count++) {
      const refused = await limits.take("invite", subject).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refused instanceof TooManyError) return count;
      if (refused) throw refused;
    }
  };

  it("end when their time is over, or the day, and nobody gains by what is given back after that", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: new Date("2026-11-26T12:00:00Z") });
    const here = await place(`invite=${POINTS}/900`);
    const limits = makeLimits(here.context);
    assert.equal(await tries(limits, "somebody"), POINTS);
    t.mock.timers.tick(899_000);
    await assert.rejects(limits.take("invite", "somebody"), { retryAfterSeconds: 1 });
    t.mock.timers.tick(1_000);
    for (let count = 0; count < POINTS; count++) await limits.giveBack("invite", "somebody");
    assert.equal(await tries(limits, "somebody"), POINTS);
    here.days(1);
    assert.equal(await tries(limits, "somebody"), POINTS);
  });

  it("forget the oldest of very many, so that nobody fills the memory", async () => {
    const here = await place(`invite=${POINTS}/900`);
    const limits = makeLimits(here.context);
    await tries(limits, "the first");
    await limits.take("invite", "the second");
    for (let count = 0; count < 49_999; count++) await limits.take("invite", `one of many ${count}`);
    assert.equal(await tries(limits, "the second"), POINTS - 1);
    assert.equal(await tries(limits, "the first"), POINTS);
  });

  it("count what broke only where it was told to", async () => {
    const limits = makeLimits((await place(`invite=${POINTS}/900`)).context);
    const broken = () => Promise.reject(new Error("gone"));
    const attempt = (counts: boolean) =>
      limits.during("invite", "somebody", broken, (came) => came === "broke" && counts);
    for (let count = 0; count < 3 * POINTS; count++) await assert.rejects(attempt(false), /gone/);
    for (let count = 0; count < POINTS; count++) await assert.rejects(attempt(true), /gone/);
    await assert.rejects(attempt(true), TooManyError);
  });
});
