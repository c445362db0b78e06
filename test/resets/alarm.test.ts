import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addDays, dayOf, weekOf } from "#kith/days.js";
import { resetAlarm, usual } from "#kith/resets/alarm.js";
import { passwordOf } from "../support/app.js";
import { choose, letBackIn, openCommunity, readable, trustAll } from "../support/resets.js";

describe("the alarm", () => {
  it("shows admins how many resets a week were opened and finished, and nobody's name", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.cem, ["bea"]);
    await letBackIn(place, who.bea, "ada");
    await choose(place, await who.bea.openCase("cem"), passwordOf("cem", 2));
    const page = await nour.get("/admin/cases");
    assert.equal(page.statusCode, 200);
    assert.match(readable(page.body), /from .* 2 1 from/, "two opened, one finished");
    assert.doesNotMatch(readable(page.body), /ada|bea|cem/);
    const { weeks, warning } = await resetAlarm(place.context);
    assert.equal(weeks.length, 12);
    assert.deepEqual([weeks[0]?.opened, weeks[0]?.finished, warning], [2, 1, false]);
    const columns = Object.keys((await place.context.db.selectFrom("case_weeks").selectAll().execute())[0] ?? {});
    assert.deepEqual(columns.sort(), ["finished", "opened", "week"], "numbers only");
    assert.equal((await who.bea.get("/admin/cases")).statusCode, 404, "to others it is not there");
    assert.equal((await place.visitor().get("/admin/cases")).statusCode, 303);
  });

  it("warns when a week has more than four times the usual, and stops a fortnight later", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const open = async (count: number) => {
      await who.bea.signIn();
      for (let number = 0; number < count; number++) await who.bea.openCase("ada", true);
    };
    const warns = async () => {
      await nour.signIn();
      const page = readable((await nour.get("/admin/cases")).body);
      return /Unusually many resets/.test(page);
    };
    for (let week = 0; week < 12; week++) {
      await open(2);
      place.days(7);
    }
    await open(8);
    assert.equal(await warns(), false, "four times the usual");
    await open(1);
    assert.equal(await warns(), true, "more than four times");
    place.days(7);
    assert.equal(await warns(), true, "last week's still");
    place.days(7);
    assert.equal(await warns(), false);
  });

  it("is not raised by the first few cases of a young place", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    for (let number = 0; number < 4; number++) await who.bea.openCase("ada", true);
    assert.equal((await resetAlarm(place.context)).warning, false);
    await who.bea.openCase("ada", true);
    assert.equal((await resetAlarm(place.context)).warning, true, "five at once are many where none is usual");
  });

  it("measures a week by those before it, not by those that came after", async () => {
    const { place } = await openCommunity([]);
    const { db } = place.context;
    const monday = (ago: number) => addDays(weekOf(dayOf(place.context.clock())), -7 * ago);
    const counts = Array.from({ length: 25 }, (_, ago) => ({
      week: monday(ago),
      opened: ago < 13 ? 8 : 2,
      finished: 0,
    }));
    await db.insertInto("case_weeks").values(counts).execute();
    const alarming = async () => (await resetAlarm(place.context)).weeks.map((week) => week.alarming);
    assert.deepEqual(await alarming(), new Array(12).fill(false), "eight are not more than four times two");
    await db.updateTable("case_weeks").set({ opened: 9 }).where("week", "=", monday(11)).execute();
    assert.deepEqual(await alarming(), [...new Array(11).fill(false), true], "and nine are, however many came after");
  });

  it("takes the median for the usual", () => {
    assert.equal(usual([]), 1);
    assert.equal(usual([0, 0, 0]), 1);
    assert.equal(usual([2, 2, 40]), 2, "one bad week does not make the next look usual");
    assert.equal(usual([2, 4]), 3);
    assert.equal(usual([1, 9, 3, 5, 7]), 5);
  });
});
