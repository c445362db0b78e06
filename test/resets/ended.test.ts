import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { sweepCases } from "#kith/resets/cases.js";
import { countOf, passwordOf, type Visitor } from "../support/app.js";
import { openCommunity, readable, trustAll } from "../support/resets.js";
import { beforeStatement } from "../support/statements.js";

/** Ada trusts bea, who has just begun to help her. */
async function openWithCase() {
  const community = await openCommunity(["ada", "bea"]);
  await trustAll(community.who.ada, ["bea"]);
  await community.who.bea.openCase("ada");
  return community;
}

const isTold = async (owner: Visitor) =>
  /A reset of your password has ended/.test(readable((await owner.get("/")).body));

/** How many acts of admins the owner reads of. */
async function actsOn(owner: Visitor): Promise<number> {
  const { statusCode, body } = await owner.get("/account");
  assert.equal(statusCode, 200);
  return countOf(body, "own-act");
}

describe("a reset that ended without its owner", () => {
  it("since it ran out is told once, after the next sign-in, and is nothing that admins did", async () => {
    const { place, who } = await openWithCase();
    place.days(45);
    await sweepCases(place.context);
    await who.ada.signIn();
    assert.ok(await isTold(who.ada));
    assert.match(readable((await who.ada.get("/security")).body), /A reset ended without taking effect today/);
    assert.equal(await actsOn(who.ada), 0);
    await who.ada.signIn();
    assert.ok(!(await isTold(who.ada)));
    await sweepCases(place.context);
    await who.ada.signIn();
    assert.ok(!(await isTold(who.ada)), "nothing is left to tell");
  });

  it("is told to a session that is open already as well", async () => {
    const { place, who } = await openWithCase();
    assert.ok(!(await isTold(who.ada)));
    // No session lasts so long: an instance whose clock is ahead.
    place.days(45);
    await sweepCases(place.context);
    place.days(-45);
    assert.ok(await isTold(who.ada));
    assert.equal(await actsOn(who.ada), 0);
    await who.ada.signIn();
    assert.ok(!(await isTold(who.ada)), "it was told");
    assert.match(readable((await who.ada.get("/security")).body), /A reset ended without taking effect/);
  });

  it("is told by a sign-in that comes before the sweep, once", async () => {
    const { place, who } = await openWithCase();
    place.days(45);
    await who.ada.signIn();
    assert.ok(await isTold(who.ada));
    assert.match(readable((await who.ada.get("/security")).body), /A reset ended without taking effect today/);
    await sweepCases(place.context);
    await who.ada.signIn();
    assert.ok(!(await isTold(who.ada)));
  });

  it("since the owner was suspended is told once that is over, whoever did it", async () => {
    const { place, nour, who } = await openWithCase();
    await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree");
    const suspensions = {
      admin: () => nour.post("/admin/accounts/suspend", { username: "ada", reason: "Alarm." }, "/admin/accounts"),
      command: () => setStatus(place.context, { username: "ada", domain: "localhost" }, "suspended"),
    };
    for (const [by, suspend] of Object.entries(suspensions)) {
      await suspend();
      await setStatus(place.context, { username: "ada", domain: "localhost" }, "active");
      await who.ada.signIn();
      assert.ok(await isTold(who.ada), by);
      assert.equal(await actsOn(who.ada), 1, "the admin's, and no other");
      await who.bea.openCase("ada");
    }
  });

  it("goes on where the suspension was not stored, and its owner is as before, meanwhile and afterwards", async () => {
    const { place, nour, who } = await openWithCase();
    const { context } = place;
    let meanwhile = 0;
    await beforeStatement(context.pool, [/insert into "admin_acts"/], async () => {
      meanwhile = (await who.ada.get("/trust")).statusCode;
      throw new Error("the disk is full");
    });
    const answer = await nour.post("/admin/accounts/suspend", { username: "ada", reason: "Alarm." }, "/admin/accounts");
    assert.equal(answer.statusCode, 500);
    assert.equal(meanwhile, 200);
    assert.equal((await who.ada.get("/trust")).statusCode, 200);
    assert.ok(!(await isTold(who.ada)));
    assert.deepEqual([...context.forgedRows], []);
  });

  it("is not told of one that a sign-in had ended, and somebody put back", async () => {
    const { place, who } = await openWithCase();
    const { db } = place.context;
    const rows = await db.selectFrom("reset_cases").selectAll().execute();
    await who.ada.signIn();
    await db.insertInto("reset_cases").values(rows).execute();
    place.days(45);
    await sweepCases(place.context);
    assert.deepEqual(await db.selectFrom("reset_cases").selectAll().execute(), []);
    await who.ada.signIn();
    assert.ok(!(await isTold(who.ada)));
  });
});
