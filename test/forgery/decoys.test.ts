import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, it } from "node:test";
import { findAccountByName } from "#kith/accounts/account.js";
import { openPlace, type Place } from "../support/app.js";
import { freshDatabase } from "../support/database.js";

// Before a start somebody who can write to the database puts rows where Kith keeps those that are nobody's.

describe("a start takes for nobody's only what bears Kith's tag", () => {
  const secret = randomBytes(32);
  let databaseUrl: string;
  let place: Place;
  before(async () => {
    ({ databaseUrl } = await freshDatabase());
    place = await openPlace({ databaseUrl, secret });
    const nour = await place.founder();
    await nour.bring("ada", { trust: false });
  });
  const sql = (text: string, values: unknown[] = []) => place.context.pool.query(text, values);
  const restart = async () => {
    place = await openPlace({ databaseUrl, secret });
    return place.context;
  };
  const adaIsThere = async () => {
    assert.equal((await place.visitor().signIn("ada")).statusCode, 303);
    assert.ok(await findAccountByName(place.context, "localhost", "ada"), "an admin finds the name");
    assert.equal((await place.visitor().signIn("nobody")).statusCode, 422);
  };

  it("not a row of people with a member's id that says it is a decoy", async () => {
    const decoys = "from people where status = 'decoy'";
    const { rows } = await sql(`select p::text as row from people p where status = 'decoy'`);
    const columns = "version, username, domain, public_key, fingerprint, status, reset_mark, tag";
    // First in the table.
    await sql(`create table aside as select * ${decoys}`);
    await sql(`delete ${decoys}`);
    await sql("vacuum people");
    await sql(
      `insert into people (account_id, ${columns}) select (select id from accounts where username = 'ada'),
       version + 10, ${columns.slice("version, ".length)} from aside limit 1`,
    );
    for (const { row } of rows) await sql("insert into people select ($1::people).*", [row]);
    await sql("delete from accounts where username = ''");
    const { decoys: found, forgedRows } = await restart();
    const { rows: adas } = await sql("select id from accounts where username = 'ada'");
    assert.ok(!found.personIds.includes(adas[0].id));
    assert.notEqual(found.accountId, adas[0].id);
    assert.equal(forgedRows.get("people"), 1);
    await sql("delete from people where version > 10");
    await adaIsThere();
  });

  it("not an account without a name, or with the name of another under a decoy's id: it makes one of its own", async () => {
    const { accountId } = place.context.decoys;
    await sql("update accounts set username = 'zed', domain = 'localhost' where id = $1", [accountId]);
    const { rows: taken } = await sql("select * from accounts where id = $1", [accountId]);
    const nameless = { ...taken[0], id: "00000000-0000-4000-8000-000000000001", username: "", domain: "" };
    const names = Object.keys(nameless);
    await sql(
      `insert into accounts (${names}) values (${names.map((_, index) => `$${index + 1}`)})`,
      Object.values(nameless),
    );
    const { decoys, forgedRows } = await restart();
    assert.equal(forgedRows.get("accounts"), 2);
    assert.notEqual(decoys.accountId, nameless.id);
    const { rows } = await sql("select id, username from accounts where id = $1 or username = ''", [accountId]);
    assert.deepEqual(rows, [{ id: decoys.accountId, username: "" }]);
    await adaIsThere();
    assert.equal((await restart()).forgedRows.size, 0, "the next start finds nothing");
  });
});
