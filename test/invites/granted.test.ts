import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { grantedToEverybody, grantToEverybody } from "#kith/invites/granted.js";
import { writeSetting } from "#kith/settings.js";
import { openPlace, type Place, type Visitor } from "../support/app.js";

describe("invites that everybody is given", () => {
  let place: Place;
  let ada: Visitor;
  before(async () => {
    place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "1" } });
    ada = await (await place.founder()).bring("ada");
    await ada.invite();
  });
  const give = (count: number) =>
    place.context.db.transaction().execute((db) => grantToEverybody(place.context, db, count));
  const left = async () => {
    await ada.signIn();
    return Number(/<span class="count">(\d+)<\/span>/.exec((await ada.get("/invites")).body)?.[1]);
  };
  const use = async (count: number) => {
    for (let used = 0; used < count; used++) await ada.invite();
    assert.equal(await left(), 0);
  };
  const stored = async () =>
    (await place.context.pool.query("select * from settings where name = 'granted-to-everybody'")).rows[0];
  const putBack = async ({ value, tag }: { value: string; tag: Buffer }) =>
    await place.context.pool.query("update settings set value = $1, tag = $2 where name = 'granted-to-everybody'", [
      value,
      tag,
    ]);

  it("come once, whatever number of before is put back, and however often", async () => {
    await give(2);
    assert.equal(await left(), 2);
    await use(2);
    const earlier = await stored();
    await give(3);
    assert.equal(await left(), 3);
    await use(3);
    const present = await stored();
    for (let time = 0; time < 2; time++) {
      await putBack(earlier);
      assert.equal(await left(), 0);
      await putBack(present);
      assert.equal(await left(), 0, "nothing is gained");
    }
    await place.context.pool.query("delete from settings where name = 'granted-to-everybody'");
    assert.equal(await left(), 0);
    await place.context.pool.query("insert into settings values ($1, $2, $3)", Object.values(present));
    assert.equal(await left(), 0, "nor by taking it away for a while");
  });

  it("leave as far as they were not used when they are taken back, and those given later come whole", async () => {
    await give(4);
    assert.equal(await left(), 4);
    await ada.invite();
    await give(-4);
    assert.equal(await left(), 0, "three left, and one was used");
    await give(2);
    assert.equal(await left(), 2, "as many as were given");
  });

  it("are read as an earlier Kith wrote them", async () => {
    await writeSetting(place.context, "granted-to-everybody", "7", place.context.db);
    assert.deepEqual(await grantedToEverybody(place.context), { count: 7, change: 1 });
    await give(1);
    assert.deepEqual(await grantedToEverybody(place.context), { count: 8, change: 2 });
  });
});
