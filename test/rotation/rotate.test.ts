import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { TAGGED_TABLES } from "#kith/rotation/queries.js";
import { rotateSecret } from "#kith/rotation/rotate.js";
import { openPlace, passwordOf, Visitor, wordsOf } from "../support/app.js";
import { freshDatabase } from "../support/database.js";

describe("a new server secret", () => {
  it("changes nothing for members: sign-in, an open reset and second persons go on", async () => {
    const { databaseUrl } = await freshDatabase();
    const place = await openPlace({ databaseUrl });
    const nour = await place.founder();
    const ada = await nour.bring("ada");
    await ada.signOut();
    const letter = await nour.invite();
    const path = await nour.openCase("ada");
    const words = wordsOf((await ada.post(path, { password: passwordOf("ada", 2) }, path)).body);

    const newSecret = randomBytes(32);
    const { moved, there, forged } = await rotateSecret(place.context.db, place.context.secret, newSecret);
    assert.deepEqual({ there, forged }, { there: 0, forged: 0 });
    assert.ok(moved > 0);

    const after = await openPlace({ databaseUrl, secret: newSecret });
    const nourAfter = new Visitor(after.app);
    for (const [name, value] of nour.cookies) nourAfter.cookies.set(name, value);
    assert.equal((await nourAfter.get("/trust")).statusCode, 303, "sessions are over");
    const again = new Visitor(after.app);
    assert.equal((await again.signIn("nour")).statusCode, 303);
    await again.agree("ada", words);
    const back = new Visitor(after.app);
    assert.equal((await back.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
    assert.equal((await new Visitor(after.app).get(letter)).statusCode, 404, "open letters are void");
    // The old secret opens nothing any more.
    await assert.rejects(openPlace({ databaseUrl, secret: place.context.secret }), /another server secret/);
  });

  it("can be broken off and run again", async () => {
    const { databaseUrl } = await freshDatabase();
    const place = await openPlace({ databaseUrl });
    await place.founder();
    const newSecret = randomBytes(32);
    const { db, secret } = place.context;
    // The accounts are done, and then something breaks.
    await sql`create function break() returns trigger language plpgsql as $$ begin raise 'power'; end $$`.execute(db);
    await sql`create trigger break before update on relations for each row execute function break()`.execute(db);
    await assert.rejects(rotateSecret(db, secret, newSecret), /power/);
    await sql`drop trigger break on relations`.execute(db);
    const { forged, there } = await rotateSecret(db, secret, newSecret);
    assert.equal(forged, 0);
    assert.ok(there > 0, "what was done stays done");
    const after = await openPlace({ databaseUrl, secret: newSecret });
    assert.equal((await new Visitor(after.app).signIn("nour")).statusCode, 303);
  });

  it("knows every table whose rows bear a tag", async () => {
    const place = await openPlace();
    const { rows } = await sql<{ name: string }>`
      select table_name as name from information_schema.columns
      where column_name = 'tag' and table_schema = current_schema()`.execute(place.context.db);
    assert.deepEqual(rows.map((row) => row.name).sort(), Object.keys(TAGGED_TABLES).sort());
  });
});
