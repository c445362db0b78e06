// npm run simulate:cascade: what one stolen account costs a community.
//
// 1,000 members name three others each, at random. A thief has one account's password. In each round the thief resets
// whoever can be reset with the accounts in hand (chooses the password, agrees with each of them); then every other
// member signs in once. Three in ten members are careless: they say yes to every new key without asking. The others
// ask, and never say yes to a key that is the thief's. Nobody notices anything else, nobody stops a reset, and no reset
// waits: the worst case.
//
// The story is played twice with the same dice: on the shipped use cases with a real database (cheap Argon2id, S = 4
// slots), and on the plain model that `npm run test:model` holds against them. Both must lose the same members. The
// model alone then plays many thefts, for the spread.
import assert from "node:assert/strict";
import { it } from "node:test";
import { openSession, type Session } from "#kith/accounts/sessions.js";
import { signIn } from "#kith/accounts/sign-in.js";
import { addEntry, changeState } from "#kith/accounts/state.js";
import type { Context } from "#kith/context.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { redeem } from "#kith/invites/redeem.js";
import { findPersonByName } from "#kith/people/people.js";
import { choosePassword } from "#kith/resets/handover.js";
import { approve, help } from "#kith/resets/help.js";
import { confirmTrusted } from "#kith/trust/trust.js";
import { openPlace } from "../support/app.js";
import { numberArgument } from "../support/arguments.js";
import { Model, SLOTS } from "./model.js";

const MEMBERS = numberArgument("members", 1_000);
const TRUSTED = numberArgument("trusted", 3);
const CARELESS_PERCENT = numberArgument("careless", 30);
const THEFTS = numberArgument("thefts", 1_000);
const SEED = numberArgument("seed", 4);
/** 0: the model alone. */
const REAL = numberArgument("real", 1);

/** The same dice for both worlds (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Who names whom, who is careless, whose password is stolen. */
interface Community {
  names: string[];
  lists: Map<string, string[]>;
  careless: Set<string>;
  stolen: string;
}

function community(seed: number): Community {
  const random = dice(seed);
  const names = Array.from({ length: MEMBERS }, (_, index) => `m${index}`);
  const pick = () => names[Math.floor(random() * names.length)] as string;
  const lists = new Map<string, string[]>();
  for (const name of names) {
    const list = new Set<string>();
    while (list.size < TRUSTED) {
      const other = pick();
      if (other !== name) list.add(other);
    }
    lists.set(name, [...list]);
  }
  const careless = new Set(names.filter(() => random() * 100 < CARELESS_PERCENT));
  return { names, lists, careless, stolen: pick() };
}

/** What the story needs of a world. */
interface World {
  /** The thief tries to reset a member with the accounts in hand that the member once named. */
  reset(name: string, helpers: readonly string[]): Promise<boolean>;
  /** A member signs in, and says yes to every new key if careless. */
  comeBy(name: string, careless: boolean): Promise<void>;
}

async function play({ names, lists, careless, stolen }: Community, world: World): Promise<Set<string>> {
  const lost = new Set([stolen]);
  for (;;) {
    const before = lost.size;
    const inHand = new Set(lost);
    for (const name of names) {
      const helpers = (lists.get(name) as string[]).filter((other) => inHand.has(other));
      if (!lost.has(name) && helpers.length > 0 && (await world.reset(name, helpers))) lost.add(name);
    }
    if (lost.size === before) return lost;
    for (const name of names) if (!lost.has(name)) await world.comeBy(name, careless.has(name));
  }
}

function modelWorld({ names, lists }: Community, threshold: number, hold: boolean): World {
  const model = new Model(hold);
  for (const name of names) model.join(name, "", undefined);
  for (const name of names) {
    const member = model.of(name);
    member.list = (lists.get(name) as string[]).map((other) => ({ name: other, confirmedKey: model.of(other).key }));
    member.rules = { threshold, waitDays: 0, keepsKey: false };
    model.regenerate(member);
  }
  return {
    async reset(name, helpers) {
      const able = helpers.filter((helper) => model.canHelp(helper, name));
      const member = model.of(name);
      if (able.length < member.rules.threshold) return false;
      const chosen = { password: "thief", on: 0, lost: false };
      const one = { id: "", helper: able[0] as string, openedOn: 0, link: "", chosen, approvals: new Set(able) };
      model.complete(member, one);
      return true;
    },
    async comeBy(name, careless) {
      const member = model.of(name);
      model.regenerate(member);
      if (!careless) return;
      for (const entry of member.list) entry.confirmedKey = model.of(entry.name).key;
      model.regenerate(member);
    },
  };
}

async function realWorld({ names, lists, stolen }: Community, threshold: number, hold: boolean): Promise<World> {
  const env = { KITH_TRUST_SLOTS: String(SLOTS), KITH_HOLD_ON_KEY_CHANGE: String(hold), KITH_ARGON2: "m=64,t=1,p=1" };
  const place = await openPlace({ env });
  const config = { ...place.context.config, sessionIdleMinutes: 10 ** 8, sessionMaxHours: 10 ** 7 };
  const context: Context = { ...place.context, config };
  const passwords = new Map<string, string>();
  const sessions = new Map<string, Session>();
  const open = async (cookie: string) => {
    const session = await openSession(context, cookie);
    assert.ok(session);
    return session;
  };
  const signInAs = async (name: string) => {
    const answer = await signIn(context, { username: name, password: passwords.get(name) as string, client: "" });
    assert.equal(answer.outcome, "signed-in");
    if (answer.outcome !== "signed-in") throw new Error();
    sessions.set(name, await open(answer.cookie));
    return answer;
  };
  for (const name of names) {
    const password = `plum orchard window ${name.slice(1)}`;
    const letter = operatorLetter(context, "operator");
    const about = { username: name, password, trustInviter: false, language: "en", client: "" };
    const joined = await redeem(context, letter, about);
    assert.equal(joined.outcome, "joined");
    passwords.set(name, password);
    if (joined.outcome === "joined") sessions.set(name, await open(joined.cookie));
  }
  for (const name of names) {
    const session = sessions.get(name) as Session;
    await changeState(context, session, async (state) => {
      for (const other of lists.get(name) as string[]) {
        const person = await findPersonByName(context, "localhost", other);
        assert.ok(person && addEntry(state, person, "2026-11"));
      }
      state.record.rules = { threshold, waitDays: 0, keepsKey: false };
      return { store: true, outcome: undefined };
    });
  }
  await signInAs(stolen);
  return {
    async reset(name, helpers) {
      let link: string | undefined;
      const able: string[] = [];
      for (const helper of helpers) {
        const answer = await help(context, sessions.get(helper) as Session, name, able.length === 0);
        if (answer.outcome === "none") continue;
        able.push(helper);
        if (answer.outcome === "opened") link ??= answer.link;
      }
      if (!link) return false;
      const password = `thief orchard window ${name.slice(1)}`;
      assert.equal((await choosePassword(context, link, password, false)).outcome, "chosen");
      for (const helper of able) {
        const answer = await help(context, sessions.get(helper) as Session, name, false);
        const id = answer.outcome === "compare" ? answer.cases[0]?.id : undefined;
        await approve(context, sessions.get(helper) as Session, name, id ?? "");
      }
      const answer = await signIn(context, { username: name, password, client: "" });
      if (answer.outcome !== "signed-in") return false;
      passwords.set(name, password);
      sessions.set(name, await open(answer.cookie));
      return true;
    },
    async comeBy(name, careless) {
      const signedIn = await signInAs(name);
      if (!careless || signedIn.reset !== "no" || !signedIn.held) return;
      const session = sessions.get(name) as Session;
      for (const other of lists.get(name) as string[]) await confirmTrusted(context, session, other);
    },
  };
}

function percent(count: number): string {
  return `${((100 * count) / MEMBERS).toFixed(1)} %`;
}

async function spread(threshold: number, hold: boolean): Promise<string> {
  const sizes: number[] = [];
  for (let theft = 0; theft < THEFTS; theft++) {
    const people = community(SEED + theft);
    sizes.push((await play(people, modelWorld(people, threshold, hold))).size);
  }
  sizes.sort((a, b) => a - b);
  const at = (part: number) => sizes[Math.min(sizes.length - 1, Math.floor(part * sizes.length))] as number;
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  return `mean ${percent(mean)}, median ${percent(at(0.5))}, 95th of 100 ${percent(at(0.95))}, worst ${percent(at(1))}`;
}

it("cascade", { timeout: 24 * 3_600_000 }, async () => {
  console.log(
    `# ${MEMBERS} members, ${TRUSTED} trusted each, ${CARELESS_PERCENT} % say yes without asking, one stolen`,
  );
  for (const threshold of [1, 2]) {
    for (const hold of [true, false]) {
      const title = `k = ${threshold} of ${TRUSTED}, ${hold ? "hold" : "silent refresh"}`;
      if (THEFTS > 0) console.log(`# ${title}: model, ${THEFTS} thefts: ${await spread(threshold, hold)}`);
      if (REAL === 0) continue;
      const begun = Date.now();
      const people = community(SEED);
      const modelled = await play(people, modelWorld(people, threshold, hold));
      const lost = await play(people, await realWorld(people, threshold, hold));
      assert.deepEqual([...lost].sort(), [...modelled].sort(), "the shipped code loses whom the model loses");
      const seconds = Math.round((Date.now() - begun) / 1000);
      console.log(
        `# ${title}: shipped code, theft ${SEED}: ${lost.size} lost (${percent(lost.size)}), as the model; ${seconds} s`,
      );
    }
  }
});
