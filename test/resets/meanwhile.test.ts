import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setStatus } from "#kith/accounts/suspend.js";
import { casesOf, type Place, passwordOf, type Visitor } from "../support/app.js";
import { choose, currentOf, openCommunity, readable, trustAll } from "../support/resets.js";
import { beforeStatement } from "../support/statements.js";

const WRITING_THE_APPROVAL = /insert into approvals/;
const READING_THE_APPROVALS = /^select .* from "approvals"/;
const READING_AN_ACCOUNT = /from "?accounts/;

/** Ada trusts bea and cem, one of whom is enough, and has chosen a password. */
async function openChosen() {
  const { place, nour, who } = await openCommunity(["ada", "bea", "cem"]);
  await trustAll(who.ada, ["bea", "cem"]);
  const choice = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
  const found = casesOf((await who.bea.help("ada")).body)[0];
  const agree = (helper: Visitor) =>
    helper.post("/help/approve", { username: "ada", case: String(found?.id) }, "/help");
  const rows = (table: "approvals" | "reset_cases" | "accounts") =>
    place.context.db.selectFrom(table).selectAll().execute();
  return { place, nour, who, ...choice, agree, rows };
}

describe("agreeing to a reset at the moment in which it ends", () => {
  for (const [what, moment] of [
    ["before the agreement is written", [WRITING_THE_APPROVAL]],
    ["just after it was", [WRITING_THE_APPROVAL, READING_AN_ACCOUNT]],
  ] as const) {
    it(`says that it has ended, if its owner stops it ${what}`, async () => {
      const { place, who, agree, rows } = await openChosen();
      await beforeStatement(place.context.pool, [...moment], async () => {
        await who.ada.signIn();
        // What another helper begins at once is not what was agreed to.
        await who.cem.openCase("ada");
      });
      const page = await agree(who.bea);
      assert.equal(page.statusCode, 422);
      assert.match(page.body, /<title>Error: Help someone/);
      assert.match(page.body, /<input id="username" name="username"[^>]* value="ada"[^>]* aria-invalid="true"/);
      assert.match(readable(page.body), /That reset is not open any more/);
      assert.equal(currentOf(page.body), "Help someone");
      assert.deepEqual(await rows("approvals"), []);
      assert.equal((await rows("reset_cases")).length, 1);
    });

    it(`says so, too, if the account is gone ${what}`, async () => {
      const { place, who, agree } = await openChosen();
      await beforeStatement(place.context.pool, [...moment], async () => {
        await place.context.db.deleteFrom("accounts").where("username", "=", "ada").execute();
      });
      assert.equal((await agree(who.bea)).statusCode, 422);
    });
  }
});

describe("agreeing to a reset that is being ended", () => {
  it("waits for that, and then says that it has ended", async () => {
    const { place, who, agree, rows } = await openChosen();
    const other = await place.context.pool.connect();
    await other.query("begin");
    await other.query("delete from reset_cases");
    const answer = agree(who.bea);
    const isWaiting = () =>
      place.context.pool.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
    while ((await isWaiting()).rowCount === 0) await sleep(20);
    await other.query("commit");
    other.release();
    const page = await answer;
    assert.equal(page.statusCode, 422);
    assert.match(readable(page.body), /That reset is not open any more/);
    assert.deepEqual(await rows("approvals"), []);
  });
});

describe("completing a reset at the moment in which its account changes", () => {
  it("takes up the change, if it left the reset as it was", async () => {
    const { place, nour, who, browser, agree, rows } = await openChosen();
    await agree(who.bea);
    await beforeStatement(place.context.pool, [READING_THE_APPROVALS], async () => {
      const act = { username: "ada", what: "inviting", reason: "Somebody is inviting strangers." };
      assert.equal((await nour.post("/admin/accounts/freeze", act, "/admin/accounts")).statusCode, 303);
    });
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
    assert.equal((await browser.get("/security")).statusCode, 200, "signed in");
    const ada = (await rows("accounts")).find(({ username }) => username === "ada");
    assert.equal(ada?.frozen, "inviting");
    assert.deepEqual(await rows("reset_cases"), []);
  });

  it("does not, if it was stopped: the old password is right", async () => {
    const { place, who, browser, agree } = await openChosen();
    await agree(who.bea);
    await beforeStatement(place.context.pool, [READING_THE_APPROVALS], () => who.ada.signIn());
    assert.equal((await browser.signIn("ada", passwordOf("ada", 2))).statusCode, 422);
    assert.equal((await place.visitor().signIn("ada")).statusCode, 303);
  });
});

describe("beginning to help at the moment in which the account changes", () => {
  it("leaves alone what another helper began since on the same row, and is answered as for a name that nobody has", async () => {
    const { place, who, rows } = await openChosen();
    await who.ada.signIn();
    await who.bea.openCase("ada");
    const [before] = await rows("reset_cases");
    const weeks = () => place.context.db.selectFrom("case_weeks").selectAll().execute();
    let kept: Awaited<ReturnType<typeof rows>> = [];
    let opened: Awaited<ReturnType<typeof weeks>> = [];
    await beforeStatement(place.context.pool, [/^select pg_advisory_xact_lock\(hashtextextended\(\$1/], async () => {
      // Until it is the very row that was bea's.
      do {
        await who.ada.signIn();
        await who.cem.openCase("ada");
        kept = await rows("reset_cases");
      } while ((kept[0] as typeof before)?.row_id !== before?.row_id);
      opened = await weeks();
    });
    const answer = await who.bea.help("ada", true);
    assert.equal(readable(answer.body), readable((await who.bea.help("nobody")).body));
    assert.deepEqual(await rows("reset_cases"), kept);
    assert.deepEqual(await weeks(), opened, "nothing was opened");
  });

  const suspend = (place: Place) => setStatus(place.context, { username: "ada", domain: "localhost" }, "suspended");

  it("opens nothing for somebody who has just been suspended", async () => {
    const { place, who, rows } = await openChosen();
    await beforeStatement(place.context.pool, [/pg_advisory_xact_lock/], () => suspend(place));
    assert.doesNotMatch((await who.bea.help("ada", true)).body, /handover-link/);
    assert.deepEqual(await rows("reset_cases"), []);
  });

  it("lets another beginning of the same helper wait until it is written, and then be in its place", async () => {
    const { place, who, rows } = await openChosen();
    const phone = place.visitor();
    await phone.signIn("bea");
    let second: ReturnType<Visitor["help"]> | undefined;
    await beforeStatement(place.context.pool, [/^insert into "reset_cases"/], async () => {
      second = phone.help("ada", true);
      await Promise.race([second, sleep(2_000)]);
    });
    assert.match((await who.bea.help("ada", true)).body, /handover-link/);
    assert.match((await second)?.body ?? "", /handover-link/);
    assert.equal((await rows("reset_cases")).length, 1);
  });

  it("is ended by a suspension that comes while it is being written", async () => {
    const { place, who, rows } = await openChosen();
    let suspended: Promise<unknown> | undefined;
    await beforeStatement(place.context.pool, [/^insert into "reset_cases"/], async () => {
      suspended = suspend(place);
      // It waits for what is being written.
      await Promise.race([suspended, sleep(2_000)]);
    });
    assert.match((await who.bea.help("ada", true)).body, /handover-link/);
    assert.equal(await suspended, "done");
    assert.deepEqual(await rows("reset_cases"), []);
  });
});

describe("signing in with the old password at the moment in which a reset is opened", () => {
  it("stops it, and tells who had agreed", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const owner = place.visitor();
    // While the password is checked: that no reset was under way is known by then.
    await beforeStatement(place.context.pool, [/from "relations"/], async () => {
      const { words } = await choose(place, await who.bea.openCase("ada"), passwordOf("ada", 2));
      await who.bea.agree("ada", words);
    });
    assert.equal((await owner.signIn("ada")).statusCode, 303);
    assert.match(readable((await owner.get("/")).body), /Your sign-in stopped it Bea had agreed\./);
    assert.deepEqual(await place.context.db.selectFrom("reset_cases").selectAll().execute(), []);
  });
});
