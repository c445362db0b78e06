import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { connect } from "#kith/db/connect.js";
import { migrateTo, migrateToLatest, migrationStates } from "#kith/db/migrate.js";
import { migrations } from "#kith/migrations/index.js";
import { freshDatabase } from "../support/database.js";
import { standsInFiles } from "../support/files.js";

const names = Object.keys(migrations);

test("every file in migrations/ is in the list, in the order of its day and of the alphabet, as Kysely takes them", () => {
  const folder = fileURLToPath(new URL("../../migrations", import.meta.url));
  const files = readdirSync(folder).filter((file) => /^\d{4}-.*\.ts$/.test(file));
  assert.deepEqual([...names].sort(), files.map((file) => file.replace(/\.ts$/, "")).sort());
  assert.deepEqual(names, [...names].sort());
});

test("a database in which the last migration is missing is brought up to date", async () => {
  const { db, close } = await connect(await freshDatabase());
  await migrateTo(db, names.at(-2) as string);
  assert.deepEqual(await migrateToLatest(db), names.slice(-1));
  await close();
});

test("migrations go down to an empty database and up again", async () => {
  const { db, close } = await connect(await freshDatabase());
  const tables = async () =>
    (
      await sql<{ name: string }>`select table_name as name from information_schema.tables
      where table_schema = 'public' and table_name not like 'kysely_%' order by 1`.execute(db)
    ).rows;
  const before = await tables();
  assert.deepEqual(await migrateToLatest(db), []);
  assert.deepEqual(await migrateTo(db, "none"), [...names].reverse());
  assert.deepEqual(await tables(), []);
  assert.ok((await migrationStates(db)).every(({ appliedAt }) => appliedAt === undefined));
  assert.deepEqual(await migrateToLatest(db), names);
  assert.deepEqual(await tables(), before);
  await close();
});

test("sessions that a migration ends stand in no file any more", async () => {
  const database = await freshDatabase();
  const { db, close } = await connect(database);
  for (const migration of ["2026-11-26-begin-sessions-anew", "2026-11-26-wrap-sessions-anew"]) {
    for (const ends of ["down", "up"]) {
      const before = names[names.indexOf(migration) - 1] as string;
      await migrateTo(db, ends === "down" ? migration : before);
      const sealed = randomBytes(100);
      await sql`insert into sessions (id, sealed, expiry_day) values (${randomBytes(32)}, ${sealed}, current_date)`.execute(
        db,
      );
      assert.equal(await standsInFiles(database, sealed), true);
      await migrateTo(db, ends === "down" ? before : migration);
      assert.equal(await standsInFiles(database, sealed), false, `${migration}: ${ends}`);
    }
  }
  await close();
});

test("two instances that migrate at once leave each migration applied once", async () => {
  const database = await freshDatabase();
  const [one, other] = [await connect(database), await connect(database)];
  await migrateTo(one.db, "none");
  const applied = await Promise.all([migrateToLatest(one.db), migrateToLatest(other.db)]);
  assert.deepEqual(applied.flat().sort(), [...names].sort());
  await one.close();
  await other.close();
});

test("an unknown migration is refused with the nearest name", async () => {
  const { db, close } = await connect(await freshDatabase());
  await assert.rejects(migrateTo(db, `${names[0]}s`), new RegExp(`did you mean ${names[0]}`));
  await close();
});

test("a database of a newer Kith is left alone", async () => {
  const { db, close } = await connect(await freshDatabase());
  await sql`insert into kysely_migration (name, timestamp) values ('2999-01-01-fly', now()::text)`.execute(db);
  await assert.rejects(migrateToLatest(db), /newer Kith \(2999-01-01-fly\)/);
  await close();
});
