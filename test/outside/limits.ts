import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it, mock } from "node:test";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { buildApp } from "#kith/web/app.js";
import { passwordOf, type Visitor } from "../support/app.js";
import { type Cast, Client, NOBODY, openCast, seen } from "./cast.js";

const POINTS = 3;
const SECONDS = 900;
const WRONG = "9 wrong wrong wrong wrong";

const strict = { points: POINTS, seconds: SECONDS };
const limits = {
  "sign-in": strict,
  code: strict,
  help: strict,
  handover: strict,
  invite: strict,
  trust: strict,
  contact: strict,
};

type Send = () => Promise<LightMyRequestResponse>;

/** Sends until the limit is hit: what was answered before, and what says so. */
async function untilLimit(send: Send, typed = "", repeated?: "sentences") {
  const before = [];
  for (let tries = 0; tries < 3 * POINTS; tries++) {
    const answer = seen(await send(), typed, repeated);
    if (answer.status === 429) return { tries, before, hit: answer };
    before.push(answer);
  }
  throw new Error("the limit is never hit");
}

describe("hitting a limit tells a guesser nothing", () => {
  let cast: Cast;
  let bea: Visitor;
  let app: FastifyInstance | undefined;
  let addresses = 0;

  /** Somebody from where nobody came before. */
  const stranger = (as?: Visitor) => new Client(app as FastifyInstance, `198.51.100.${++addresses}`, as);
  /** As a start of Kith does with what is in memory. */
  const forget = async () => {
    await app?.close();
    const { context } = cast.place;
    await context.pool.query("delete from limits_points");
    app = await buildApp({ ...context, config: { ...context.config, limits } });
  };
  const wrong = (client: Client, username: string) =>
    client.post("/sign-in", { username, password: WRONG }, "/sign-in");

  before(async () => {
    cast = await openCast();
    bea = cast.bea;
    // Time stands still, so that what is said of it can be compared.
    mock.timers.enable({ apis: ["Date"], now: Date.now() });
  });
  after(async () => {
    mock.timers.reset();
    await app?.close();
  });
  beforeEach(forget);

  /** Each class from an address of its own: as many tries, the same answers, the same wait. @returns what the limit says */
  async function assertLimitsAlike(
    classes: Readonly<Record<string, string>>,
    send: (client: Client, target: string) => Promise<LightMyRequestResponse>,
    as?: Visitor,
    repeated?: "sentences",
  ) {
    let first: Awaited<ReturnType<typeof untilLimit>> | undefined;
    for (const [why, target] of Object.entries(classes)) {
      await forget();
      const client = stranger(as);
      const found = await untilLimit(() => send(client, target), target, repeated);
      first ??= found;
      assert.deepEqual(found, first, why);
    }
    assert.equal(first?.tries, POINTS);
    assert.equal(first.hit.headers["retry-after"], String(SECONDS));
    return first.hit;
  }

  it("by signing in: not who there is, how they stand, nor whether the last password was right", async () => {
    const hit = await assertLimitsAlike(cast.anybody, wrong);
    const client = stranger();
    await untilLimit(() => wrong(client, NOBODY), NOBODY);
    for (const [username, password] of [
      ["cem", passwordOf("cem")],
      ["sus", passwordOf("sus")],
      ["rip", passwordOf("rip", 2)],
      ["two", passwordOf("two")],
      [NOBODY, WRONG],
    ] as const) {
      const answer = await client.post("/sign-in", { username, password }, "/sign-in");
      assert.deepEqual(seen(answer), hit, username);
    }
  });

  it("by asking to help: not who there is, who trusts whom, nor who could have been helped", async () => {
    const hit = await assertLimitsAlike(cast.beyondHelp, (client, username) => client.help(username), bea);
    await forget();
    const client = stranger(bea);
    await untilLimit(() => client.help(NOBODY), NOBODY);
    for (const username of ["ful", "cas", "cem", "sus", "bea", NOBODY]) {
      const asked = await client.help(username);
      const agreed = await client.post("/help/approve", { username, case: "x" }, "/help");
      assert.deepEqual([seen(asked), seen(agreed)], [hit, hit], username);
    }
  });

  it("by agreeing: the same, for asking and agreeing count alike", async () => {
    await assertLimitsAlike(
      cast.beyondHelp,
      (client, username) => client.post("/help/approve", { username, case: "x" }, "/help"),
      bea,
    );
  });

  it("by trying links and letters: not what they died of, nor whether the last one was alive", async () => {
    const trusted = cast.place.visitor();
    await trusted.signIn("cem");
    for (const [dead, alive] of [
      [cast.links, await bea.openCase("ful", true)],
      [cast.letters, await trusted.invite()],
    ] as const) {
      const read = await assertLimitsAlike(dead, (client, path) => client.get(path));
      const sent = await assertLimitsAlike(dead, (client, path) =>
        client.post(path, { username: NOBODY, password: passwordOf(NOBODY) }, "/about"),
      );
      const client = stranger();
      await untilLimit(() => client.get(dead.unknown as string), "");
      assert.deepEqual(seen(await client.get(alive)), read);
      assert.deepEqual(seen(await client.post(alive, { username: NOBODY, password: passwordOf(NOBODY) })), sent);
      assert.equal((await stranger().get(alive)).statusCode, 200, "it is alive still");
    }
  });

  it("by naming people: not whether it worked, for what works counts too", async () => {
    const owner = cast.place.visitor();
    await owner.signIn("oth");
    const nowhere = { "nobody at all": NOBODY, suspended: "sus", "no name": "a@b" };
    const hit = await assertLimitsAlike(nowhere, (client, username) => client.trust(username), owner, "sentences");
    await forget();
    const client = stranger(owner);
    assert.equal((await client.trust("hel")).statusCode, 303);
    assert.equal((await client.trust(NOBODY)).statusCode, 422);
    assert.equal((await client.post("/trust/remove", { username: "hel" }, "/trust")).statusCode, 303);
    for (const username of ["hel", NOBODY, "sus", "cem"]) assert.deepEqual(seen(await client.trust(username)), hit);
  });

  it("of what somebody else does: it takes as many tries, whatever others do to the same member meanwhile", async () => {
    const guess = (client: Client) => untilLimit(() => wrong(client, "cem"), "cem");
    for (const others of [
      async () => undefined,
      async () => void (await wrong(stranger(), "cem")),
      async () => void (await stranger().signIn("cem")),
      async () => void (await guess(stranger())),
      async () => void (await stranger(bea).help("cem")),
    ]) {
      await forget();
      const client = stranger();
      await wrong(client, "cem");
      await others();
      assert.equal((await guess(client)).tries, POINTS - 1);
    }
  });

  it("of what other helpers do: neither their tries nor their success show", async () => {
    const [ful, gil] = [cast.place.visitor(), cast.place.visitor()];
    await gil.signIn("gil");
    await ful.signIn("ful");
    const ask = (client: Client) => untilLimit(() => client.help("cem"), "cem");
    for (const others of [
      async () => undefined,
      async () => void (await stranger(gil).help("cem")),
      async () => void (await ask(stranger(gil))),
      async () => void (await stranger(gil).help("ful", true)),
      async () => void (await ful.signIn("ful")),
    ]) {
      await forget();
      const client = stranger(bea);
      await client.help("cem");
      await others();
      assert.equal((await ask(client)).tries, POINTS - 1);
    }
  });
});
