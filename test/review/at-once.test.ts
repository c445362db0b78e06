import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { actOn, setRole } from "#kith/review/acts.js";
import { presentAdmins } from "#kith/review/keys.js";
import { setRoleByOperator } from "#kith/review/operator.js";
import { openPlace, type Place, passwordOf, type Visitor } from "../support/app.js";
import { accountOf } from "../support/pages.js";

const ROUNDS = 8;

describe("two admins at once", () => {
  let place: Place;
  let nour: Visitor;
  let bea: Visitor;
  before(async () => {
    place = await openPlace();
    nour = await place.founder();
    bea = await nour.bring("bea");
    await nour.bring("dora");
    await nour.post("/admin/accounts/role", { username: "bea", role: "admin" }, "/admin/accounts");
    await nour.post("/admin/confirm", { username: "bea" }, "/admin/accounts");
    await bea.signIn();
    for (const admin of [nour, bea]) {
      const fields = { current_password: passwordOf(admin.username) };
      assert.equal((await admin.post("/admin/tree", fields, "/admin/tree")).statusCode, 303);
    }
  });
  const giveInvites = async (count: number) => {
    const fields = { username: "dora", count: `${count}` };
    assert.equal((await nour.post("/admin/accounts/invites", fields, "/admin/accounts")).statusCode, 303);
  };
  const granted = async () => (await accountOf(place.context.pool, "dora")).granted;

  it("take one act back once: the second reads that it was already", async () => {
    await giveInvites(500);
    for (let round = 1; round <= ROUNDS; round++) {
      await giveInvites(7);
      const id = /name="act" value="([^"]+)"/.exec((await nour.get("/admin/log")).body)?.[1] as string;
      const undo = (admin: Visitor) => admin.post("/admin/log/undo", { act: id }, "/admin/log");
      const answers = await Promise.all([undo(nour), undo(bea)]);
      assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [303, 422], `round ${round}`);
      assert.match(answers.find(({ statusCode }) => statusCode === 422)?.body ?? "", /can’t be taken back any more/);
      assert.equal(await granted(), 500, `round ${round}`);
    }
  });

  it("do not both close signing in for each other: one stays, and can open it again", async () => {
    const { context } = place;
    const { id: one } = await accountOf(context.pool, "nour");
    const { id: other } = await accountOf(context.pool, "bea");
    const freeze = (actor: string, whom: string) => actOn(context, actor, "frozen-sign-in", whom, [whom], "Slow down.");
    for (let round = 1; round <= ROUNDS; round++) {
      const said = (await Promise.all([freeze(one, other), freeze(other, one)])).map(({ outcome }) => outcome);
      assert.deepEqual(said.toSorted(), ["done", "not-admin"], `round ${round}`);
      const frozen = said[0] === "done" ? other : one;
      await actOn(context, frozen === one ? other : one, "unfrozen-sign-in", frozen, [frozen], "");
    }
    await Promise.all([nour.signIn(), bea.signIn()]);
    for (const admin of [nour, bea]) {
      const fields = { current_password: passwordOf(admin.username) };
      await admin.post("/admin/tree", fields, "/admin/tree");
    }
  });

  it("do not both leave: one stays, and reads that somebody has to", async () => {
    const { context } = place;
    const { id: one } = await accountOf(context.pool, "nour");
    const { id: other } = await accountOf(context.pool, "bea");
    for (let round = 1; round <= ROUNDS; round++) {
      // Each leaves, or each unmakes the other.
      const whom = round % 2 === 0 ? [one, other] : [other, one];
      const outcomes = await Promise.all([
        setRole(context, one, whom[0] as string, "member"),
        setRole(context, other, whom[1] as string, "member"),
      ]);
      const said = outcomes.map(({ outcome }) => outcome).sort();
      assert.deepEqual(said, round % 2 === 0 ? ["done", "last"] : ["done", "not-admin"], `round ${round}`);
      assert.equal((await presentAdmins(context)).length, 1, `round ${round}`);
      for (const username of ["nour", "bea"])
        await setRoleByOperator(context, { username, domain: "localhost" }, "admin");
    }
  });
});
