import assert from "node:assert/strict";
import type { FastifyInstance } from "fastify";
import { findAccountByName } from "#kith/accounts/account.js";
import { selectRelations } from "#kith/accounts/queries.js";
import { openSession } from "#kith/accounts/sessions.js";
import { signIn } from "#kith/accounts/sign-in.js";
import { openState } from "#kith/accounts/state.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { toHex } from "#kith/protocol/bytes.js";
import { hasValidTag } from "#kith/protocol/tag.js";
import type { Rules } from "#kith/protocol/token.js";
import { openCases } from "#kith/resets/cases.js";
import * as resetQueries from "#kith/resets/queries.js";
import { type Place, passwordOf, textOf, Visitor, wordsOf } from "./app.js";
import { choose, letBackIn, trustAll } from "./resets.js";

// What members do, each as one request that something may break off, and how to see afterwards that it was done whole
// or not at all. Everything before and after goes another way, which nothing breaks.

/** What answers requests: an app in this process, or one that is reached over HTTP. */
export type App = Pick<FastifyInstance, "inject">;

export type Outcome = "done" | "not done";

export interface Act {
  /** Sends the one request. @returns its status */
  run(app: App): Promise<number>;
  /** The status that says it is done. */
  doneStatus: number;
  /** Sees that it is done whole or not at all, and that whoever it was about can go on. */
  check(): Promise<Outcome>;
}

/** Members made so far in this process. */
let made = 0;

/** Somebody by a letter of the people who run the place. */
export async function newcomer(place: Place, name: string): Promise<Visitor> {
  const visitor = place.visitor();
  made += 1;
  const answer = await visitor.join(`/invite/${operatorLetter(place.context, "operator")}`, `${name}${made}x`);
  assert.equal(answer.statusCode, 303);
  return visitor;
}

/** A form on a page of this visitor, filled in and not yet sent. */
async function form(visitor: Visitor, url: string, fields: Record<string, string>, from = url) {
  const page = await visitor.get(from);
  const token = /name="_csrf" value="([^"]+)"/.exec(page.body)?.[1];
  assert.ok(token, `there is a form on ${from}`);
  const body = new URLSearchParams({ _csrf: token, ...fields }).toString();
  return async (app: App) => {
    const elsewhere = new Visitor(app as FastifyInstance);
    for (const [name, value] of visitor.cookies) elsewhere.cookies.set(name, value);
    return (await elsewhere.request("POST", url, body)).statusCode;
  };
}

/** Every row of one generation and Kith's own, nobody else sees another key, and every reset case counts. */
export async function assertOneGeneration(place: Place, username: string): Promise<void> {
  const { context } = place;
  const account = await findAccountByName(context, "localhost", username);
  assert.ok(account, `${username}'s account is Kith's and of one moment with its rows`);
  const rows = await selectRelations(context.db, account.id);
  assert.equal(rows.length, context.config.trustSlots);
  for (const row of rows) {
    assert.ok(hasValidTag(context.secret, "relations", { ...row }), "a row bears its tag");
    assert.deepEqual(row.generation, account.generation, "a row is of the account's generation");
  }
  const people = await context.db.selectFrom("people").selectAll().where("account_id", "=", account.id).execute();
  assert.equal(Math.max(...people.map(({ version }) => version)), account.people_version);
  const newest = people.find(({ version }) => version === account.people_version);
  assert.deepEqual(newest?.fingerprint, account.fingerprint, "others see the same key");
  const cases = await resetQueries.selectCases(context.db, account.id);
  const open = await openCases(context, account);
  assert.equal(open.length, cases.length, "every case counts");
}

/**
 * Nothing half: the rows fit together, and the password opens the list, in which these people stand and each of them
 * can help.
 */
export async function assertWhole(
  place: Place,
  username: string,
  password: string,
  trusted: Visitor[],
): Promise<Rules> {
  const { context } = place;
  await assertOneGeneration(place, username);
  const answer = await signIn(context, { username, password, client: "check" });
  assert.equal(answer.outcome, "signed-in", `${username} gets in`);
  const session = answer.outcome === "signed-in" && (await openSession(context, answer.cookie));
  assert.ok(session);
  const state = await openState(context, session.account, await session.privateKey());
  assert.equal(state.damagedSlots, 0);
  assert.deepEqual(
    state.trusted.map(({ name }) => name.split("@")[0]).sort(),
    trusted.map((person) => person.username).sort(),
    `${username}'s list`,
  );
  for (const person of trusted) {
    assert.ok(await isOffered(person, { username }), `${person.username} can help ${username}`);
  }
  return state.record.rules;
}

/** Whether somebody who says that another needs help is given a link. */
async function isOffered(helper: Visitor, { username }: Pick<Visitor, "username">): Promise<boolean> {
  return textOf((await helper.help(username, true)).body, "handover-link") !== undefined;
}

async function getsIn(place: Place, username: string, password: string): Promise<boolean> {
  const { statusCode } = await place.visitor().signIn(username, password);
  assert.ok(statusCode === 303 || statusCode === 422, `${username}'s sign-in is answered with ${statusCode}`);
  return statusCode === 303;
}

async function epochOf(place: Place, username: string): Promise<string> {
  const account = await findAccountByName(place.context, "localhost", username);
  return Buffer.from(account?.session_epoch ?? []).toString("hex");
}

/** Ada, who trusts Bea and Cem, has lost her password and chosen another; Bea has agreed. */
async function lockedOut(place: Place, { bea, cem }: Circle, rules: { threshold: number; keepKey?: boolean }) {
  const ada = await newcomer(place, "ada");
  await trustAll(ada, [bea.username, cem.username], rules);
  const path = await bea.openCase(ada.username);
  const password = passwordOf(ada.username, 2);
  const choice = await choose(place, path, password);
  assert.equal((await bea.agree(ada.username, choice.words)).statusCode, 303);
  return { ada, password, words: choice.words };
}

/** Two members who stay as they are and help. */
export interface Circle {
  bea: Visitor;
  cem: Visitor;
}

export async function openCircle(place: Place): Promise<Circle> {
  return { bea: await newcomer(place, "bea"), cem: await newcomer(place, "cem") };
}

/** Sees which of two passwords opens: exactly one of them. */
async function whichOpens(place: Place, username: string, old: string, other: string): Promise<Outcome> {
  const isOld = await getsIn(place, username, old);
  const isOther = await getsIn(place, username, other);
  assert.ok(isOld !== isOther, isOld ? "both passwords open" : `${username} is locked out`);
  return isOther ? "done" : "not done";
}

/** Signs in with the new password, as who was let back in does, and sees whether that had been done before. */
async function completes(place: Place, ada: Visitor, password: string, epoch: string, list: Visitor[]) {
  const wasDone = (await epochOf(place, ada.username)) !== epoch;
  await assertOneGeneration(place, ada.username);
  assert.ok(await getsIn(place, ada.username, password), "the reset is complete, or still ripe");
  assert.ok(!(await getsIn(place, ada.username, passwordOf(ada.username))), "the old password is over");
  await assertWhole(place, ada.username, password, list);
  return wasDone ? "done" : "not done";
}

export const ACTS: Record<string, (place: Place, circle: Circle) => Promise<Act>> = {
  async joining(place) {
    const inviter = await newcomer(place, "inviter");
    const path = await inviter.invite();
    const visitor = place.visitor();
    made += 1;
    const username = `newcomer${made}x`;
    const run = await form(visitor, path, { username, password: passwordOf(username), trust_inviter: "on" });
    return {
      run,
      doneStatus: 303,
      async check() {
        const isThere = (await findAccountByName(place.context, "localhost", username)) !== undefined;
        const isOpen = (await place.visitor().get(path)).statusCode === 200;
        assert.equal(isOpen, !isThere, "the letter is spent exactly if there is an account");
        if (!isThere)
          assert.equal((await place.visitor().join(path, username)).statusCode, 303, "it can be used again");
        await assertWhole(place, username, passwordOf(username), [inviter]);
        return isThere ? "done" : "not done";
      },
    };
  },

  async "sign-in"(place, { bea, cem }) {
    const ada = await newcomer(place, "ada");
    await trustAll(ada, [bea.username, cem.username]);
    const fields = { username: ada.username, password: passwordOf(ada.username) };
    const before = (await findAccountByName(place.context, "localhost", ada.username))?.generation;
    return {
      run: await form(place.visitor(), "/sign-in", fields),
      doneStatus: 303,
      async check() {
        const after = (await findAccountByName(place.context, "localhost", ada.username))?.generation;
        await assertOneGeneration(place, ada.username);
        assert.equal((await ada.get("/trust")).statusCode, 200, "the session that was open still is");
        await assertWhole(place, ada.username, passwordOf(ada.username), [bea, cem]);
        return Buffer.compare(before ?? Buffer.alloc(0), after ?? Buffer.alloc(0)) === 0 ? "not done" : "done";
      },
    };
  },

  async "naming somebody"(place, { bea, cem }) {
    const ada = await newcomer(place, "ada");
    await trustAll(ada, [bea.username]);
    return {
      run: await form(ada, "/trust", { username: cem.username }),
      doneStatus: 303,
      async check() {
        const isNamed = (await ada.get("/trust")).body.includes(cem.username);
        await assertWhole(place, ada.username, passwordOf(ada.username), isNamed ? [bea, cem] : [bea]);
        return isNamed ? "done" : "not done";
      },
    };
  },

  async "removing somebody"(place, { bea, cem }) {
    const ada = await newcomer(place, "ada");
    await trustAll(ada, [bea.username, cem.username]);
    return {
      run: await form(ada, "/trust/remove", { username: cem.username, confirm: "on" }, "/trust"),
      doneStatus: 303,
      async check() {
        const isNamed = (await ada.get("/trust")).body.includes(cem.username);
        await assertWhole(place, ada.username, passwordOf(ada.username), isNamed ? [bea, cem] : [bea]);
        assert.equal(await isOffered(cem, ada), isNamed, "who was removed can't help");
        return isNamed ? "not done" : "done";
      },
    };
  },

  async "removing somebody while the key is kept"(place, { bea, cem }) {
    const ada = await newcomer(place, "ada");
    const dora = await newcomer(place, "dora");
    await trustAll(ada, [bea.username, cem.username, dora.username], { threshold: 2, keepKey: true });
    const password = passwordOf(ada.username);
    const fields = { username: dora.username, confirm: "on", current_password: password };
    const keyOf = async () => toHex((await findAccountByName(place.context, "localhost", ada.username))!.fingerprint);
    const before = await keyOf();
    return {
      run: await form(ada, "/trust/remove", fields, "/trust"),
      doneStatus: 303,
      async check() {
        const isDone = (await keyOf()) !== before;
        const { keepsKey } = await assertWhole(place, ada.username, password, isDone ? [bea, cem] : [bea, cem, dora]);
        assert.ok(keepsKey);
        assert.equal(await isOffered(dora, ada), !isDone, "who was removed can't help");
        return isDone ? "done" : "not done";
      },
    };
  },

  async "other rules"(place, { bea, cem }) {
    const ada = await newcomer(place, "ada");
    await trustAll(ada, [bea.username, cem.username]);
    return {
      run: await form(ada, "/trust/rules", { threshold: "2", wait_days: "3" }, "/trust"),
      doneStatus: 303,
      async check() {
        const rules = await assertWhole(place, ada.username, passwordOf(ada.username), [bea, cem]);
        const isDone = rules.threshold === 2;
        assert.deepEqual(rules, { threshold: isDone ? 2 : 1, waitDays: isDone ? 3 : 0, keepsKey: false });
        return isDone ? "done" : "not done";
      },
    };
  },

  async "a yes to a new key"(place, { bea }) {
    const [ada, dora] = [await newcomer(place, "ada"), await newcomer(place, "dora")];
    await trustAll(ada, [bea.username, dora.username]);
    await trustAll(dora, [bea.username]);
    const back = await letBackIn(place, bea, dora.username);
    // The sign-in that meets the new key.
    assert.equal((await ada.signIn()).statusCode, 303);
    return {
      run: await form(ada, "/trust/confirm", { username: dora.username }, "/trust"),
      doneStatus: 303,
      async check() {
        await assertOneGeneration(place, ada.username);
        const isDone = await isOffered(back, ada);
        if (!isDone) {
          const again = await ada.post("/trust/confirm", { username: dora.username }, "/trust");
          assert.equal(again.statusCode, 303, "it can be said again");
        }
        await assertWhole(place, ada.username, passwordOf(ada.username), [bea, back]);
        return isDone ? "done" : "not done";
      },
    };
  },

  async "an approval"(place, circle) {
    const { ada, password, words } = await lockedOut(place, circle, { threshold: 2, keepKey: true });
    const { bea, cem } = circle;
    const epoch = await epochOf(place, ada.username);
    const account = await findAccountByName(place.context, "localhost", ada.username);
    assert.ok(account);
    const [open] = await openCases(place.context, account);
    assert.ok(open);
    return {
      run: await form(cem, "/help/approve", { username: ada.username, case: open.id }, "/help"),
      doneStatus: 303,
      async check() {
        const approvals = await resetQueries.selectApprovals(place.context.db, [open.id]);
        const isDone = approvals.length === 2;
        if (!isDone) {
          const waiting = await place.visitor().signIn(ada.username, password);
          assert.equal(waiting.statusCode, 200, "the sign-in says what is missing");
          assert.equal((await cem.agree(ada.username, words)).statusCode, 303, "it can be given again");
        }
        await completes(place, ada, password, epoch, [bea, cem]);
        return isDone ? "done" : "not done";
      },
    };
  },

  async "choosing a password"(place, { bea }) {
    const ada = await newcomer(place, "ada");
    await trustAll(ada, [bea.username]);
    const path = await bea.openCase(ada.username);
    const password = passwordOf(ada.username, 2);
    const epoch = await epochOf(place, ada.username);
    return {
      run: await form(place.visitor(), path, { password }),
      doneStatus: 200,
      async check() {
        const isAlive = (await place.visitor().get(path)).statusCode === 200;
        if (isAlive) await choose(place, path, password);
        const waiting = await place.visitor().signIn(ada.username, password);
        assert.equal(waiting.statusCode, 200, "the sign-in says what is missing");
        assert.equal((await bea.agree(ada.username, wordsOf(waiting.body))).statusCode, 303);
        await completes(place, ada, password, epoch, []);
        return isAlive ? "not done" : "done";
      },
    };
  },

  async "a ripe reset"(place, circle) {
    const { ada, password } = await lockedOut(place, circle, { threshold: 1 });
    const epoch = await epochOf(place, ada.username);
    return {
      run: await form(place.visitor(), "/sign-in", { username: ada.username, password }),
      doneStatus: 303,
      check: () => completes(place, ada, password, epoch, []),
    };
  },

  async "a ripe reset that keeps the key"(place, circle) {
    const { bea, cem } = circle;
    const { ada, password, words } = await lockedOut(place, circle, { threshold: 2, keepKey: true });
    assert.equal((await cem.agree(ada.username, words)).statusCode, 303);
    const epoch = await epochOf(place, ada.username);
    return {
      run: await form(place.visitor(), "/sign-in", { username: ada.username, password }),
      doneStatus: 303,
      check: () => completes(place, ada, password, epoch, [bea, cem]),
    };
  },

  async "a change of password"(place, { bea, cem }) {
    const ada = await newcomer(place, "ada");
    await trustAll(ada, [bea.username, cem.username]);
    const [old, password] = [passwordOf(ada.username), passwordOf(ada.username, 2)];
    return {
      run: await form(ada, "/security/password", { current_password: old, password }, "/security"),
      doneStatus: 303,
      async check() {
        const outcome = await whichOpens(place, ada.username, old, password);
        const session = (await ada.get("/trust")).statusCode;
        assert.equal(session, outcome === "done" ? 303 : 200, "the old session ends exactly with the old password");
        await assertWhole(place, ada.username, outcome === "done" ? password : old, [bea, cem]);
        return outcome;
      },
    };
  },
};
