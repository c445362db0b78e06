import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { findAccountByName } from "#kith/accounts/account.js";
import { changePassword } from "#kith/accounts/change-password.js";
import { selectRelations } from "#kith/accounts/queries.js";
import { openSession, type Session } from "#kith/accounts/sessions.js";
import { type SignInOutcome, signIn } from "#kith/accounts/sign-in.js";
import { openState, StaleKeyError } from "#kith/accounts/state.js";
import type { Context } from "#kith/context.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { redeem } from "#kith/invites/redeem.js";
import { hasValidTag } from "#kith/protocol/tag.js";
import { openCases } from "#kith/resets/cases.js";
import { choosePassword } from "#kith/resets/handover.js";
import { approve, help } from "#kith/resets/help.js";
import * as resetQueries from "#kith/resets/queries.js";
import { stopResets } from "#kith/resets/stop.js";
import { addTrusted, removeTrusted, setRules } from "#kith/trust/trust.js";
import { openPlace } from "../support/app.js";
import { numberArgument } from "../support/arguments.js";

// Two things at the same moment, on PostgreSQL: one outcome, nothing half. One of the two begins up to a few
// milliseconds later than the other, so that over many rounds every step of one meets every step of the other.

const RACES = numberArgument("races", 3);
const SLOTS = 4;
const MAX_LEAD_MILLISECONDS = 25;

let made = 0;

/** One member in one race. */
interface Racer {
  username: string;
  password: string;
  session: Session;
}

function newPassword(): string {
  made += 1;
  return `plum orchard window ${made}`;
}

async function signedIn(username: string, password: string): Promise<Racer> {
  const answer = await signIn(context, { username, password, client: "race" });
  assert.equal(answer.outcome, "signed-in");
  return { username, password, session: await sessionOf(answer) };
}

async function sessionOf(answer: SignInOutcome): Promise<Session> {
  assert.equal(answer.outcome, "signed-in");
  const session = answer.outcome === "signed-in" && (await openSession(context, answer.cookie));
  assert.ok(session, "the session opens");
  return session;
}

async function newMember(name: string): Promise<Racer> {
  const username = `${name}-${made}`;
  const password = newPassword();
  const joined = await redeem(context, operatorLetter(context, "operator"), {
    username,
    password,
    trustInviter: false,
    language: "en",
    client: "race",
  });
  assert.equal(joined.outcome, "joined");
  const session = joined.outcome === "joined" && (await openSession(context, joined.cookie));
  assert.ok(session);
  return { username, password, session };
}

/** Both at once, the one or the other a little later. */
async function race<A, B>(one: () => Promise<A>, other: () => Promise<B>, round: number): Promise<[A, B]> {
  const lead = ((round % 11) / 10) * MAX_LEAD_MILLISECONDS;
  const first = round % 2 === 0;
  return await Promise.all([sleep(first ? 0 : lead).then(one), sleep(first ? lead : 0).then(other)]);
}

/** Nothing half: every row of one generation and Kith's own, the state opens, no case or approval of another time. */
async function assertWhole(racer: Racer): Promise<void> {
  const account = await findAccountByName(context, "localhost", racer.username);
  assert.ok(account, "the account's tag is valid");
  const rows = await selectRelations(context.db, account.id);
  assert.equal(rows.length, SLOTS);
  for (const row of rows) {
    assert.ok(hasValidTag(context.secret, "relations", { ...row }));
    assert.deepEqual(row.generation, account.generation, "a row of another generation");
  }
  const cases = await resetQueries.selectCases(context.db, account.id);
  const open = await openCases(context, account);
  assert.deepEqual(open.map((row) => row.id).sort(), cases.map((row) => row.id).sort(), "a case that does not count");
  const people = await context.db.selectFrom("people").selectAll().where("account_id", "=", account.id).execute();
  assert.equal(Math.max(...people.map((person) => person.version)), account.people_version);
  const newest = people.find((person) => person.version === account.people_version);
  assert.deepEqual(newest?.fingerprint, account.fingerprint, "others see another key");
  const again = await signedIn(racer.username, racer.password);
  const state = await openState(context, again.session.account, await again.session.privateKey());
  assert.equal(state.damagedSlots, 0);
  racer.session = again.session;
}

async function refused(username: string, password: string): Promise<void> {
  const answer = await signIn(context, { username, password, client: "race" });
  assert.equal(answer.outcome, "wrong", "a password that must not open");
}

/** Opens a case and chooses a password in it. */
async function chooseWith(helper: Racer, target: Racer): Promise<{ id: string; password: string }> {
  const opened = await help(context, helper.session, target.username, true);
  assert.equal(opened.outcome, "opened");
  const password = newPassword();
  const chosen = await choosePassword(context, opened.outcome === "opened" ? opened.link : "", password, false);
  assert.equal(chosen.outcome, "chosen");
  const account = await findAccountByName(context, "localhost", target.username);
  assert.ok(account);
  const row = (await openCases(context, account)).find((one) => one.choice_day !== null);
  assert.ok(row);
  return { id: row.id, password };
}

async function trustBoth(owner: Racer, threshold: number, keepsKey = false): Promise<void> {
  for (const name of [bea, cem]) await addTrusted(context, owner.session, name.username);
  const rules = { threshold, waitDays: 0, keepsKey, password: owner.password };
  assert.equal((await setRules(context, owner.session, rules)).outcome, "saved");
}

const place = await openPlace({ env: { KITH_TRUST_SLOTS: String(SLOTS), KITH_ARGON2: "m=64,t=1,p=1" } });
// Sessions that outlast the whole suite.
const config = { ...place.context.config, sessionIdleMinutes: 10 ** 8, sessionMaxHours: 10 ** 7 };
const context: Context = { ...place.context, config };
const bea = await newMember("bea");
const cem = await newMember("cem");
const dora = await newMember("dora");

describe(`two at the same moment (${RACES} rounds each)`, { timeout: 24 * 3_600_000 }, () => {
  /** @param allowed how a round may end */
  const rounds = (title: string, allowed: readonly string[], round: (number: number) => Promise<string>) => {
    it(title, { timeout: 24 * 3_600_000 }, async (test) => {
      const outcomes = new Map<string, number>();
      for (let number = 0; number < RACES; number++) {
        const outcome = await round(number);
        assert.ok(allowed.includes(outcome), `${outcome} is none of: ${allowed.join("; ")}`);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        // What one of the two wrote meanwhile is not taken for somebody's forgery by the other.
        assert.deepEqual(
          place.log.splice(0).filter((line) => line.includes("tag")),
          [],
        );
      }
      test.diagnostic([...outcomes].map(([outcome, count]) => `${outcome}: ${count}`).join(", "));
    });
  };

  rounds("two approvals: both count", ["both"], async (number) => {
    const ada = await newMember("ada");
    await trustBoth(ada, 2);
    const { id, password } = await chooseWith(bea, ada);
    const [one, other] = await race(
      () => approve(context, bea.session, ada.username, id),
      () => approve(context, cem.session, ada.username, id),
      number,
    );
    assert.deepEqual([one.outcome, other.outcome], ["agreed", "agreed"]);
    const agreed = [one, other].map((answer) => (answer.outcome === "agreed" ? answer.agreed : 0));
    assert.ok(agreed.includes(2), "whoever came second is told so");
    assert.equal((await resetQueries.selectApprovals(context.db, [id])).length, 2);
    await signedIn(ada.username, password);
    await refused(ada.username, ada.password);
    await assertWhole({ ...ada, password });
    return "both";
  });

  rounds("one approval sent twice: counts once", ["once"], async (number) => {
    const ada = await newMember("ada");
    await trustBoth(ada, 2);
    const { id, password } = await chooseWith(bea, ada);
    const twice = () => approve(context, bea.session, ada.username, id);
    const [one, other] = await race(twice, twice, number);
    assert.deepEqual([one.outcome, other.outcome], ["agreed", "agreed"]);
    assert.equal((await resetQueries.selectApprovals(context.db, [id])).length, 1);
    const answer = await signIn(context, { username: ada.username, password, client: "race" });
    assert.equal(answer.outcome, "waiting");
    await assertWhole(ada);
    return "once";
  });

  rounds(
    "approval against stop: the case is over, whichever came first",
    ["agreed, 1 stopped", "ended, 1 stopped", "none, 1 stopped"],
    async (number) => {
      const ada = await newMember("ada");
      await trustBoth(ada, 1);
      const { id, password } = await chooseWith(bea, ada);
      const [agreed, stopped] = await race(
        () => approve(context, bea.session, ada.username, id),
        () => stopResets(context, ada.session),
        number,
      );
      assert.equal((await resetQueries.selectApprovals(context.db, [id])).length, 0, "no approval is left");
      await refused(ada.username, password);
      await assertWhole(ada);
      return `${agreed.outcome}, ${stopped.count} stopped`;
    },
  );

  rounds(
    "sign-in with the old password against ripening: exactly one of them",
    ["old signed-in, new wrong", "old wrong, new signed-in"],
    async (number) => {
      const ada = await newMember("ada");
      await trustBoth(ada, 2, number % 2 === 0);
      const { id, password } = await chooseWith(bea, ada);
      for (const helper of [bea, cem]) await approve(context, helper.session, ada.username, id);
      const credentials = { username: ada.username, client: "race" };
      const [old, ripe] = await race(
        () => signIn(context, { ...credentials, password: ada.password }),
        () => signIn(context, { ...credentials, password }),
        number,
      );
      const winner = old.outcome === "signed-in" ? ada.password : password;
      await sessionOf(old.outcome === "signed-in" ? old : ripe);
      await refused(ada.username, winner === password ? ada.password : password);
      await assertWhole({ ...ada, password: winner });
      return `old ${old.outcome}, new ${ripe.outcome}`;
    },
  );

  rounds(
    "stop by the button against ripening: exactly one of them",
    ["1 stopped, new wrong", "0 stopped, new signed-in"],
    async (number) => {
      const ada = await newMember("ada");
      await trustBoth(ada, 2, number % 2 === 0);
      const { id, password } = await chooseWith(bea, ada);
      for (const helper of [bea, cem]) await approve(context, helper.session, ada.username, id);
      const [stopped, ripe] = await race(
        () =>
          stopResets(context, ada.session).catch((error: unknown) => {
            if (error instanceof StaleKeyError) return { count: 0 };
            throw error;
          }),
        () => signIn(context, { username: ada.username, password, client: "race" }),
        number,
      );
      assert.equal(ripe.outcome, stopped.count === 1 ? "wrong" : "signed-in", `stopped ${stopped.count}`);
      await refused(ada.username, stopped.count === 1 ? password : ada.password);
      await assertWhole({ ...ada, password: stopped.count === 1 ? ada.password : password });
      return `${stopped.count} stopped, new ${ripe.outcome}`;
    },
  );

  rounds("trust edit against sign-in: both happen", ["both"], async (number) => {
    const ada = await newMember("ada");
    await trustBoth(ada, 1);
    const adds = number % 2 === 0;
    const [edit, answer] = await race<unknown, SignInOutcome>(
      () =>
        adds
          ? addTrusted(context, ada.session, dora.username)
          : removeTrusted(context, ada.session, { username: bea.username, confirmed: true, password: undefined }),
      () => signIn(context, { username: ada.username, password: ada.password, client: "race" }),
      number,
    );
    assert.deepEqual(edit, adds ? "added" : { outcome: "removed" });
    await sessionOf(answer);
    await assertWhole(ada);
    const state = await openState(context, ada.session.account, await ada.session.privateKey());
    const expected = adds ? [bea, cem, dora] : [cem];
    assert.deepEqual(
      state.trusted.map((entry) => entry.name).sort(),
      expected.map(({ username }) => `${username}@localhost`).sort(),
      "the edit is not undone",
    );
    assert.equal((await help(context, cem.session, ada.username, true)).outcome, "opened", "the tokens fit");
    return "both";
  });

  rounds("two choices of one link: one password", ["chosen, dead", "dead, chosen"], async (number) => {
    const ada = await newMember("ada");
    await trustBoth(ada, 1);
    const opened = await help(context, bea.session, ada.username, true);
    assert.equal(opened.outcome, "opened");
    const link = opened.outcome === "opened" ? opened.link : "";
    const passwords = [newPassword(), newPassword()] as const;
    const [one, other] = await race(
      () => choosePassword(context, link, passwords[0], false),
      () => choosePassword(context, link, passwords[1], false),
      number,
    );
    const [chosen, dead] = one.outcome === "chosen" ? passwords : [passwords[1], passwords[0]];
    const compare = await help(context, bea.session, ada.username, false);
    assert.ok(compare.outcome === "compare" && compare.cases.length === 1);
    const words = one.outcome === "chosen" ? one.words : other.outcome === "chosen" ? other.words : [];
    assert.deepEqual(compare.cases[0]?.words, words, "the words of the password that was taken");
    await approve(context, bea.session, ada.username, compare.cases[0]?.id ?? "");
    await refused(ada.username, dead);
    await signedIn(ada.username, chosen);
    await assertWhole({ ...ada, password: chosen });
    return `${one.outcome}, ${other.outcome}`;
  });

  rounds("two sign-ins that ripen one case: it is completed once", ["once"], async (number) => {
    const ada = await newMember("ada");
    await trustBoth(ada, 2, number % 2 === 0);
    const { id, password } = await chooseWith(bea, ada);
    for (const helper of [bea, cem]) await approve(context, helper.session, ada.username, id);
    const both = () => signIn(context, { username: ada.username, password, client: "race" });
    const answers = await race(both, both, number);
    const resets = answers.filter((answer) => answer.outcome === "signed-in" && answer.reset !== "no");
    assert.equal(resets.length, 1, "completed once");
    for (const answer of answers) await sessionOf(answer);
    const people = await context.db
      .selectFrom("people")
      .selectAll()
      .where("account_id", "=", ada.session.account.id)
      .execute();
    assert.deepEqual(people.map((person) => [person.version, person.reset_mark]).sort(), [
      [1, 0],
      [2, 2],
    ]);
    await refused(ada.username, ada.password);
    await assertWhole({ ...ada, password });
    return "once";
  });

  rounds(
    "change of password against sign-in: only the new one opens",
    ["changed, signed-in", "changed, wrong"],
    async (number) => {
      const ada = await newMember("ada");
      await trustBoth(ada, 1);
      const password = newPassword();
      const [changed, answer] = await race(
        () => changePassword(context, ada.session, ada.password, password),
        () => signIn(context, { username: ada.username, password: ada.password, client: "race" }),
        number,
      );
      if (answer.outcome === "signed-in") {
        assert.equal(await openSession(context, answer.cookie), undefined, "a session of the old password is over");
      }
      assert.ok(changed.outcome === "changed" && (await openSession(context, changed.cookie)), "this one goes on");
      await refused(ada.username, ada.password);
      await assertWhole({ ...ada, password });
      return `${changed.outcome}, ${answer.outcome}`;
    },
  );

  rounds("two cases opened for one row: one is left, and its link works", ["one"], async (number) => {
    const ada = await newMember("ada");
    await trustBoth(ada, 1);
    const open = () => help(context, bea.session, ada.username, true);
    const answers = await race(open, open, number);
    const chosen = [];
    for (const answer of answers) {
      assert.equal(answer.outcome, "opened");
      if (answer.outcome !== "opened") continue;
      chosen.push((await choosePassword(context, answer.link, newPassword(), false)).outcome);
    }
    assert.deepEqual(chosen.sort(), ["chosen", "dead"]);
    await assertWhole(ada);
    return "one";
  });
});
