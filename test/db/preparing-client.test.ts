import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { connect, isDatabaseDown } from "#kith/db/connect.js";
import { freshDatabase } from "../support/database.js";

test("a statement is parsed and planned once for each connection", async (t) => {
  const { db, close } = await connect(await freshDatabase());
  t.after(close);
  const prepared = async () => {
    const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(db);
    return rows.filter(({ statement }) => statement.startsWith("select $1::int")).length;
  };
  for (const value of [1, 2, 3]) await sql`select ${value}::int as value`.execute(db);
  assert.equal(await prepared(), 1);
});

test("every look-up reads the row itself, on whatever page it stands: the server counts that", async (t) => {
  const { db, close } = await connect(await freshDatabase());
  t.after(close);
  await sql`create table things (id int primary key, name text)`.execute(db);
  await sql`insert into things select id, repeat('x', 700) from generate_series(1, 2000) as id`.execute(db);
  for (let isMarked = false; !isMarked; ) {
    // Once what was written is on the disk.
    await sql`vacuum (freeze, analyze) things`.execute(db);
    const { rows } = await sql<{ marked: boolean }>`
      select relallvisible = relpages as marked from pg_class where relname = 'things'`.execute(db);
    isMarked = rows[0]?.marked === true;
  }
  await sql`insert into things values (2001, 'new on the last page')`.execute(db);
  const read = async (id: number) => {
    const { rows } = await sql<{ "QUERY PLAN": [{ Plan: Record<string, unknown> }] }>`
      explain (analyze, buffers, format json) select max(id) from things where id = ${sql.lit(id)}`.execute(db);
    return rows[0]?.["QUERY PLAN"][0].Plan["Shared Hit Blocks"];
  };
  await read(1);
  assert.equal(await read(1), await read(2000));
});

test("a table that somebody else migrates meanwhile can be read at once", async (t) => {
  const { db, close } = await connect(await freshDatabase());
  t.after(close);
  await sql`create table things (id int)`.execute(db);
  const read = () => sql`select * from things where id > ${0}`.execute(db);
  await read();
  await sql`alter table things add column name text default 'new'`.execute(db);
  await sql`insert into things (id) values (1)`.execute(db);
  for (const _ of [1, 2]) assert.deepEqual((await read()).rows, [{ id: 1, name: "new" }]);
});

test("a transaction that was kept waiting too long fails with what the server said when it ended it", async (t) => {
  const { db, close } = await connect(await freshDatabase());
  t.after(close);
  const slow = db.transaction().execute(async (tx) => {
    await sql`set local idle_in_transaction_session_timeout = '50ms'`.execute(tx);
    await sleep(1_000);
    await sql`select 1`.execute(tx);
  });
  await assert.rejects(slow, (error: Error & { code?: string }) => {
    assert.equal(error.code, "25P03");
    assert.ok(isDatabaseDown(error), "a page says that it can be tried again");
    return true;
  });
  assert.deepEqual((await sql`select 1 as one`.execute(db)).rows, [{ one: 1 }]);
});
