import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readFile, readlink, symlink, truncate, writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { backUp, restore } from "#kith/backup/backup.js";
import { connect } from "#kith/db/connect.js";
import { migrateTo, migrationStates } from "#kith/db/migrate.js";
import { OWN_TABLES } from "#kith/db/shape.js";
import type { Domain } from "#kith/onion/domain.js";
import { pinDomain } from "#kith/onion/edit-map.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { CHANNEL } from "#kith/onion/queries.js";
import { openPlace, type Place, passwordOf, Visitor, wordsOf } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { contents } from "../support/pages.js";
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

async function pin(place: Place, domain: string, byte: number): Promise<void> {
  const onion = onionOfKey(Buffer.alloc(32, byte));
  await pinDomain(place.context, { domain: domain as Domain, onion, port: 25 }, "nour");
}

/** The rows of each table in a backup, in their order. */
function rowsOf(text: string): Map<string, string[]> {
  const tables = new Map<string, string[]>();
  let rows: string[] = [];
  for (const line of text.split("\n")) {
    const { table } = line.startsWith("{") ? (JSON.parse(line) as { table?: string }) : {};
    if (table !== undefined) {
      rows = [];
      tables.set(table, rows);
    } else if (line.startsWith("[")) rows.push(line);
  }
  return tables;
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

  it("does not hold the secret, sessions, limits, or a name of whom somebody trusts beside that somebody's rows", async () => {
    const { place } = await inhabited();
    assert.equal((await place.visitor().signIn("ada", "9 wrong wrong wrong")).statusCode, 422);
    const { rows: limited } = await place.context.pool.query("select key from limits_points");
    assert.ok(limited.length >= 2, "who failed is counted");
    const file = `${temporaryDirectory()}/backup`;
    const counts = await backUp(place.context.db, file);
    const text = await readFile(file, "utf8");
    const secret = Buffer.from(place.context.secret);
    for (const form of ["hex", "base64", "base64url"] as const) assert.ok(!text.includes(secret.toString(form)));
    assert.equal(counts.sessions, undefined);
    assert.equal(counts.limits_points, undefined);
    for (const { key } of limited) assert.ok(!text.includes(key), "no key of a limit");
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

  it("replaces a backup, and nothing else that stands in its place", async () => {
    const { context } = await openPlace();
    const directory = temporaryDirectory();
    const at = (name: string) => `${directory}/${name}`;
    const before = '{"format":"kith backup 1","migration":"2026-11-24-create-accounts"}\n';
    await writeFile(at("file"), before);
    await symlink(at("file"), at("link"));
    await symlink(at("absent"), at("dangling"));
    await mkdir(at("directory"));
    execFileSync("mkfifo", [at("pipe")]);
    const names = await readdir(directory);
    for (const name of ["link", "dangling", "directory", "pipe"]) {
      const there = await lstat(at(name));
      await assert.rejects(backUp(context.db, at(name)), /is there and is no regular file: name another one$/, name);
      assert.deepEqual(await lstat(at(name)), there);
    }
    assert.deepEqual(await readdir(directory), names);
    assert.equal(await readlink(at("link")), at("file"));
    assert.equal(await readFile(at("file"), "utf8"), before);

    await backUp(context.db, at("file"));
    assert.match(await readFile(at("file"), "utf8"), /^\{"format":"kith backup 1"[\s\S]*\{"end":"[0-9a-f]{64}"\}\n$/);
  });

  it("brings back every table as it was, the onion map with its numbers too, which go on from there", async () => {
    const { place } = await inhabited();
    await pin(place, "b.example", 1);
    const file = `${temporaryDirectory()}/backup`;
    const counts = await backUp(place.context.db, file);
    assert.ok((counts.onion_numbers ?? 0) > 0);
    const tables = Object.keys(counts);
    const databaseUrl = await restored(file);
    const connection = await connect({ databaseUrl });
    assert.deepEqual(await contents(connection.pool, tables), await contents(place.context.pool, tables));
    await connection.close();
    const other = await openPlace({ databaseUrl, secret: place.context.secret });
    await pin(other, "c.example", 2);
    const { rows } = await other.context.pool.query("select number from onion_numbers order by 1");
    assert.deepEqual(
      rows.map(({ number }) => number),
      [1, 2],
    );
  });

  it("that is restored is told to look-ups that began on the empty tables", async (t) => {
    const { place } = await inhabited();
    await pin(place, "a.example", 1);
    const file = `${temporaryDirectory()}/backup`;
    await backUp(place.context.db, file);
    const connection = await connect({ databaseUrl: (await freshDatabase()).databaseUrl });
    const lookUp = await connection.pool.connect();
    t.after(async () => {
      lookUp.release(true);
      await connection.close();
    });
    const told: (string | undefined)[] = [];
    const ended = new Promise<void>((resolve) => {
      lookUp.on("notification", ({ payload }) => (payload === "end" ? resolve() : told.push(payload)));
    });
    await lookUp.query(`listen ${CHANNEL}`);
    await restore(connection.db, file);
    await connection.pool.query("select pg_notify($1, 'end')", [CHANNEL]);
    await ended;
    assert.deepEqual(told, ["*"]);
  });

  it("holds the rows in another order each time, and nothing of what waits to be mailed", async () => {
    const place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "10" } });
    const nour = await place.founder();
    for (let count = 0; count < 10; count++) await nour.bring(`ada${count}`);
    const directory = temporaryDirectory();
    const backups: Map<string, string[]>[] = [];
    for (const name of ["one", "two"]) {
      await backUp(place.context.db, `${directory}/${name}`);
      const text = await readFile(`${directory}/${name}`, "utf8");
      backups.push(rowsOf(text));
      assert.doesNotMatch(text, /pgboss|job_common/);
    }
    const [one, two] = backups as [Map<string, string[]>, Map<string, string[]>];
    assert.deepEqual([...one.keys()], [...two.keys()]);
    const shuffled: string[] = [];
    for (const [table, rows] of one) {
      const again = two.get(table) as string[];
      assert.deepEqual([...again].sort(), [...rows].sort(), table);
      // Ten are in one order twice by chance in fewer than one of three million plays.
      if (rows.length < 10) continue;
      assert.notDeepEqual(again, rows, table);
      shuffled.push(table);
    }
    for (const table of ["accounts", "people", "relations", "spent_invites"])
      assert.ok(shuffled.includes(table), table);
  });

  it("of an older Kith is brought up to date, of a newer one refused", async () => {
    const { place, names } = await inhabited();
    const states = await migrationStates(place.context.db);
    await migrateTo(place.context.db, states.at(-2)?.name as string);
    const file = `${temporaryDirectory()}/backup`;
    await backUp(place.context.db, file);
    const databaseUrl = await restored(file);
    const connection = await connect({ databaseUrl });
    assert.ok((await migrationStates(connection.db)).every(({ appliedAt }) => appliedAt !== undefined));
    await connection.close();
    const other = await openPlace({ databaseUrl, secret: place.context.secret });
    assert.equal((await new Visitor(other.app).signIn(names[0])).statusCode, 303);

    const [head, ...lines] = (await readFile(file, "utf8")).split("\n").slice(0, -2);
    const newer = [JSON.stringify({ ...JSON.parse(head as string), migration: "2099-01-01-change" }), ...lines, ""];
    const end = createHash("sha256").update(newer.join("\n")).digest("hex");
    await writeFile(`${file}.newer`, `${newer.join("\n")}${JSON.stringify({ end })}\n`);
    await assert.rejects(restored(`${file}.newer`), /of a newer Kith/);
  });

  it("is not restored over an onion map, nor over somebody who joins at that moment", async () => {
    const { place } = await inhabited();
    const file = `${temporaryDirectory()}/backup`;
    await backUp(place.context.db, file);

    const mapped = await openPlace();
    await pin(mapped, "a.example", 1);
    const before = await contents(mapped.context.pool, ["onion_domains", "accounts"]);
    await assert.rejects(restore(mapped.context.db, file), /there is something in this database \(onion_/);
    assert.deepEqual(await contents(mapped.context.pool, ["onion_domains", "accounts"]), before);

    // An account that is not yet committed when the restoring looks first, and is when it begins to write.
    const { pool, db } = (await openPlace()).context;
    const joining = await pool.connect();
    await joining.query(`begin; create temporary table newcomer on commit drop as select * from accounts;
      update newcomer set id = gen_random_uuid(), username = 'zoe', domain = 'localhost';
      insert into accounts select * from newcomer`);
    const restoring = assert.rejects(restore(db, file), /there are members in this database/);
    const waiting = "select 1 from pg_locks where not granted and relation = 'accounts'::regclass";
    while ((await joining.query(waiting)).rowCount === 0) await joining.query("select pg_sleep(0.02)");
    await joining.query("commit");
    joining.release();
    await restoring;
    const { rowCount } = await pool.query("select from accounts where username = 'zoe'");
    assert.equal(rowCount, 1);
  });

  it("without any of its tables is not whole, though its digest is right", async () => {
    const { place } = await inhabited();
    const file = `${temporaryDirectory()}/backup`;
    await backUp(place.context.db, file);
    const lines = (await readFile(file, "utf8")).split("\n").slice(0, -2);
    const of = (table: string) => lines.findIndex((line) => line.startsWith(`{"table":"${table}"`));
    const end = lines.findIndex((line, at) => at > of("people") && line.startsWith("{"));
    for (const [name, kept] of Object.entries({
      "its head": lines.slice(0, 1),
      "all but people": lines.filter((_, at) => at < of("people") || at >= end),
    })) {
      const text = `${kept.join("\n")}\n`;
      const digest = createHash("sha256").update(text).digest("hex");
      await writeFile(file, `${text}${JSON.stringify({ end: digest })}\n`);
      await assert.rejects(restored(file), /not a whole backup/, name);
    }
  });

  it("that is written anew between two looks at it is not restored", async () => {
    const [{ place }, other] = [await inhabited(), await openPlace()];
    const directory = temporaryDirectory();
    const at = (name: string) => `${directory}/${name}`;
    await backUp(place.context.db, at("whole"));
    await backUp(other.context.db, at("another"));
    const whole = await readFile(at("whole"), "utf8");
    const others = [await readFile(at("another"), "utf8"), whole.slice(0, whole.indexOf("\n") + 1)];
    for (const another of others) {
      await writeFile(at("backup"), whole);
      const connection = await connect({ databaseUrl: (await freshDatabase()).databaseUrl });
      const holding = await connection.pool.connect();
      await holding.query("begin; lock table accounts in share mode");
      const restoring = assert.rejects(restore(connection.db, at("backup")), /not a whole backup/);
      const waiting = "select 1 from pg_locks where not granted and relation = 'accounts'::regclass";
      while ((await holding.query(waiting)).rowCount === 0) await holding.query("select pg_sleep(0.02)");
      await writeFile(at("backup"), another);
      await holding.query("rollback");
      holding.release();
      await restoring;
      assert.equal((await connection.pool.query("select from settings")).rowCount, 0);
      await connection.close();
    }
  });

  it("knows every table of the migrated database, either as kept or as left out", async () => {
    const { place } = await inhabited();
    const { rows } = await place.context.pool.query(`select table_name as name from information_schema.tables
      where table_schema = current_schema() and table_name not like 'kysely\\_%' order by 1`);
    assert.deepEqual(
      rows.map(({ name }) => name),
      [...OWN_TABLES].sort(),
    );
  });
});
