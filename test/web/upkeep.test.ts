import assert from "node:assert/strict";
import { it } from "node:test";
import { openPlace } from "../support/app.js";
import { hourlyUpkeep } from "../support/upkeep.js";

it("the upkeep inspects every hour, begins no inspection beside another, and goes on after one that failed", async () => {
  const place = await openPlace();
  await place.founder();
  const hourly = hourlyUpkeep(place.context);
  assert.ok(hourly);

  await place.context.pool.query("update accounts set role = 'member' where username = 'nour'");
  const found = () => place.context.forgedRows.get("accounts") ?? 0;
  await Promise.all([hourly(), hourly()]);
  const each = found();
  assert.ok(each > 0);
  const { db } = place.context;
  place.context.db = db.withSchema("nowhere");
  await hourly();
  assert.ok(place.log.some((line) => line.includes("the inspection was not finished")));
  place.context.db = db;
  place.context.forgedRows.clear();
  await hourly();
  assert.equal(found(), each, "one inspection finds as much as the two at once");
});
