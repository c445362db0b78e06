import assert from "node:assert/strict";
import { it } from "node:test";
import pg from "pg";
import { openPlace } from "../support/app.js";
import { freshDatabase } from "../support/database.js";

// One account's complete earlier state can't be told from inside the database: what its owner is shown instead.

/** What the first page says of the last sign-in and the last change of the list. */
const shown = (body: string) => /You last signed in [^<]*/.exec(body)?.[0].split(". ").slice(0, 2).join(". ");

it("an account put back as a whole says after the sign-in how long ago it was last used and its list changed", async () => {
  const { databaseUrl, adminUrl } = await freshDatabase();
  const place = await openPlace({ databaseUrl });
  const writer = new pg.Client({ connectionString: adminUrl });
  await writer.connect();
  const nour = await place.founder();
  const ada = await nour.bring("ada", { trust: false });
  await nour.bring("bea", { trust: false });
  await ada.trust("nour");
  place.days(5);
  await ada.signIn();
  const tables = ["accounts", "relations"] as const;
  for (const table of tables) await writer.query(`create table earlier_${table} as select * from ${table}`);

  place.days(5);
  await ada.signIn();
  await ada.trust("bea");
  place.days(5);
  await ada.signIn();
  const before = shown((await ada.get("/")).body);

  const { rows } = await writer.query("select id from accounts where username = 'ada'");
  for (const [table, owner] of [
    ["accounts", "id"],
    ["relations", "trusting_id"],
  ] as const) {
    // Triggers and keys aside, as whoever owns the server can.
    await writer.query("set session_replication_role = replica");
    await writer.query(`delete from ${table} where ${owner} = $1`, [rows[0].id]);
    await writer.query(`insert into ${table} select * from earlier_${table} where ${owner} = $1`, [rows[0].id]);
  }
  await writer.end();
  assert.equal((await ada.signIn()).statusCode, 303, "it is what Kith wrote");
  const page = (await ada.get("/")).body;
  assert.doesNotMatch(page, /\bbea\b/, "the list is the earlier one");
  assert.ok(before && shown(page));
  assert.notEqual(shown(page), before, "and the days say so");
  const day = (offset: number) =>
    new Date(place.context.clock().getTime() - offset * 86_400_000).toLocaleDateString("en-GB", {
      day: "numeric",
      month: "long",
      timeZone: "UTC",
    });
  assert.ok(shown(page)?.includes(day(10)), `${shown(page)} names ${day(10)}, not ${day(5)}`);
});
