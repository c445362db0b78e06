import assert from "node:assert/strict";
import { it } from "node:test";
import { casesOf, passwordOf } from "../support/app.js";
import { choose, openCommunity, trustAll } from "../support/resets.js";

it("a link put back chooses another case: no yes to one choice counts for the other, however rows are swapped", async () => {
  const { place, who } = await openCommunity(["ada", "bea"]);
  const { db } = place.context;
  await trustAll(who.ada, ["bea"]);
  const link = await who.bea.openCase("ada");
  const stored = async () => await db.selectFrom("reset_cases").selectAll().executeTakeFirstOrThrow();
  const put = async (row: Awaited<ReturnType<typeof stored>>) => {
    await db.deleteFrom("reset_cases").execute();
    await db.insertInto("reset_cases").values(row).execute();
  };
  const open = await stored();
  const ada = await choose(place, link, passwordOf("ada", 2));
  const hers = await stored();
  await put(open);
  await choose(place, link, passwordOf("thief"));
  const thiefs = await stored();
  await put(hers);
  const [shown] = casesOf((await who.bea.help("ada")).body);
  assert.deepEqual(shown?.words, ada.words, "these she reads out");
  await put(thiefs);
  const answer = await who.bea.post("/help/approve", { username: "ada", case: String(shown?.id) }, "/help");
  assert.equal(answer.statusCode, 200, "nothing opens");
  assert.equal((await db.selectFrom("approvals").selectAll().execute()).length, 0);
  assert.equal((await place.visitor().signIn("ada", passwordOf("thief"))).statusCode, 200, "it waits for ever");
});
