import assert from "node:assert/strict";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { backUp, restore } from "#kith/backup/backup.js";
import { connect } from "#kith/db/connect.js";
import { openPlace, type Place, passwordOf, Visitor, wordsOf } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { temporaryDirectory } from "../support/temporary.js";

async function inhabited(): Promise<{ place: Place; names: string[] }> {
  const place = await openPlace();
  const nour = await place.founder();
  const names = ["ada", "bea", "cem"];
  for (const name of names) await nour.bring(name);
  return { place, names };
}

async function restored(file: string): Promise<string> {
  const { databaseUrl } = await freshDatabase();
  const connection = await connect({ databaseUrl });
  await restore(connection.db, file);
  await connection.close();
  return databaseUrl;
}

describe("a backup", () => {
  it("taken while members sign in is one moment: restored with the secret, everybody signs in and can be let back in", async () => {
    const { place, names } = await inhabited();
    const file = `${temporaryDirectory()}/backup`;
    let busy = true;
    const load = (async () => {
      while (busy) await Promise.all(names.map((name) => new Visitor(place.app).signIn(name)));
    })();
    const counts = await backUp(place.context.db, file);
    busy = false;
    await load;
    assert.equal(counts.relations, (counts.accounts ?? 0) * place.context.config.trustSlots);

    const other = await openPlace({ databaseUrl: await restored(file), secret: place.context.secret });
    for (const name of [...names, "nour"]) {
      assert.equal((await new Visitor(other.app).signIn(name)).statusCode, 303, `${name} signs in`);
    }
    const nour = new Visitor(other.app);
    await nour.signIn("nour");
    const path = await nour.openCase("ada");
    const ada = new Visitor(other.app);
    const words = wordsOf((await ada.post(path, { password: passwordOf("ada", 2) }, path)).body);
    await nour.agree("ada", words);
    assert.equal((await ada.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
  });

  it("does not hold the secret, sessions, or a name of whom somebody trusts beside that somebody's rows", async () => {
    const { place } = await inhabited();
    const file = `${temporaryDirectory()}/backup`;
    const counts = await backUp(place.context.db, file);
    const text = await readFile(file, "utf8");
    const secret = Buffer.from(place.context.secret);
    for (const form of ["hex", "base64", "base64url"] as const) assert.ok(!text.includes(secret.toString(form)));
    assert.equal(counts.sessions, undefined);
    for (const line of text.split("\n").filter((row) => row.startsWith("["))) {
      const names = ["ada", "bea", "cem", "nour"].filter((name) => line.includes(`"${name}"`));
      assert.ok(names.length <= 1, "no row holds two names");
    }
  });

  it("restored with another secret is refused at start, and opens nothing", async () => {
    const { place } = await inhabited();
    const file = `${temporaryDirectory()}/backup`;
    await backUp(place.context.db, file);
    const databaseUrl = await restored(file);
    await assert.rejects(openPlace({ databaseUrl }), /another server secret/);
  });

  it("is only restored into an empty database, and only whole", async () => {
    const { place } = await inhabited();
    const file = `${temporaryDirectory()}/backup`;
    await backUp(place.context.db, file);
    await assert.rejects(restore(place.context.db, file), /there are members in this database/);

    const whole = await readFile(file);
    await writeFile(`${file}.changed`, whole.toString("utf8").replace('"ada"', '"eve"'));
    await assert.rejects(restored(`${file}.changed`), /not a whole backup/);
    await writeFile(`${file}.cut`, whole);
    await truncate(`${file}.cut`, whole.length - 200);
    await assert.rejects(restored(`${file}.cut`), /not a whole backup/);
    await assert.rejects(restored(`${file}.absent`), /can't be read/);
  });
});
