import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { connect } from "#kith/db/connect.js";
import { rotateSecret } from "#kith/rotation/rotate.js";
import { Visitor } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { httpApp } from "../support/http-app.js";
import { firstLink, runKith, startKith } from "../support/kith.js";
import { contents } from "../support/pages.js";
import { temporaryDirectory } from "../support/temporary.js";

describe("kith secret rotate", () => {
  it("is refused while a Kith is connected that would go on with the old secret, on a server as well", async () => {
    const { databaseUrl } = await freshDatabase();
    const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    const secret = () => readFileSync(join(env.KITH_DATA_DIR, "secret"));
    const kith = await startKith(env);
    const ada = new Visitor(httpApp(kith.url));
    assert.equal((await ada.join(await firstLink(kith), "ada")).statusCode, 303);
    const before = secret();
    const refused = await runKith(["secret", "rotate"], env);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /stop every kith start/);
    assert.deepEqual(secret(), before);
    assert.equal((await ada.signIn()).statusCode, 303, "nothing was moved");

    await kith.stop();
    const rotated = await runKith(["secret", "rotate"], env);
    assert.equal(rotated.status, 0, rotated.stderr);
    assert.notDeepEqual(secret(), before);
    const again = await startKith(env);
    assert.equal((await new Visitor(httpApp(again.url)).signIn("ada")).statusCode, 303);
    await again.stop();
  });

  it("that is not finished lets nobody back up or restore: neither secret alone would open such rows", async () => {
    const { databaseUrl } = await freshDatabase();
    const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    const [secret, next] = [join(env.KITH_DATA_DIR, "secret"), join(env.KITH_DATA_DIR, "secret.next")];
    const file = join(temporaryDirectory(), "backup");
    assert.equal((await runKith(["invite"], env)).status, 0, "makes the secret");
    writeFileSync(next, Buffer.alloc(32), { mode: 0o600 });
    const refused = await runKith(["backup", file], env);
    assert.equal(refused.status, 1);
    assert.equal(
      refused.stderr,
      "kith: the server secret is being rotated: run kith secret rotate once more, to the end\n",
    );
    assert.ok(!existsSync(file));

    // A backup needs no secret.
    renameSync(secret, `${secret}.elsewhere`);
    rmSync(next);
    assert.equal((await runKith(["backup", file], env)).status, 0);

    const empty = { ...env, DATABASE_URL: (await freshDatabase()).databaseUrl };
    writeFileSync(next, Buffer.alloc(32), { mode: 0o600 });
    const { status, stderr } = await runKith(["restore", file], empty);
    assert.equal(status, 1);
    assert.match(stderr, /^kith: the server secret is being rotated: .* or move .*secret\.next away .*\n$/);
    rmSync(next);
    assert.equal((await runKith(["restore", file], empty)).status, 0);
  });

  it("of a database that was made with another secret is refused, and changes nothing, also when it is run once more", async () => {
    const { databaseUrl } = await freshDatabase();
    const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    const [secret, next] = [join(env.KITH_DATA_DIR, "secret"), join(env.KITH_DATA_DIR, "secret.next")];
    assert.equal((await runKith(["invite"], env)).status, 0, "makes the secret");
    const [own, foreign, begun] = [readFileSync(secret), Buffer.alloc(32, 7), Buffer.alloc(32, 9)];
    // Under another name than those of Kith, for which a rotation would wait.
    const connection = await connect({ databaseUrl }, undefined, undefined, "test");
    const put = (present: Uint8Array, coming?: Uint8Array) => {
      writeFileSync(secret, present, { mode: 0o600 });
      if (coming === undefined) rmSync(next, { force: true });
      else writeFileSync(next, coming, { mode: 0o600 });
    };
    const isForeign = /^kith: The database was made with another server secret\. Put the one that .*\n$/;
    const isBegunWithAnother = /^kith: no row belongs to the present server secret, .*\n$/;
    const refused = async (why: RegExp, present: Uint8Array, coming?: Uint8Array) => {
      put(present, coming);
      const rows = await contents(connection.pool, ["settings", "accounts", "relations"]);
      const { status, stderr } = await runKith(["secret", "rotate"], env);
      assert.equal(status, 1);
      assert.match(stderr, why);
      assert.deepEqual(readFileSync(secret), Buffer.from(present));
      assert.deepEqual(existsSync(next) ? readFileSync(next) : undefined, coming);
      assert.deepEqual(await contents(connection.pool, ["settings", "accounts", "relations"]), rows);
    };
    await refused(isForeign, foreign);
    await refused(isForeign, foreign, begun);

    // Broken off once settings and accounts are moved.
    await sql`create function break() returns trigger language plpgsql as $$ begin raise 'power'; end $$`.execute(
      connection.db,
    );
    await sql`create trigger break before update on relations for each row execute function break()`.execute(
      connection.db,
    );
    await assert.rejects(rotateSecret(connection.db, own, begun), /power/);
    await sql`drop trigger break on relations`.execute(connection.db);
    await refused(isForeign, own, foreign);
    await refused(isBegunWithAnother, foreign, begun);
    put(own, begun);
    await connection.close();
    const { status, stdout, stderr } = await runKith(["secret", "rotate", "--json"], env);
    assert.equal(status, 0, stderr);
    assert.equal(JSON.parse(stdout).forged, 0);
    assert.deepEqual(readFileSync(secret), begun);
    assert.ok(!existsSync(next));
  });

  it("where no Kith ever used the database says so, and leaves the secret", async () => {
    const { databaseUrl } = await freshDatabase();
    const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    const secret = join(env.KITH_DATA_DIR, "secret");
    writeFileSync(secret, Buffer.alloc(32, 7), { mode: 0o600 });
    const { status, stderr } = await runKith(["secret", "rotate"], env);
    assert.equal(status, 1);
    assert.match(stderr, /^kith: no Kith ever used this database: .*\n$/);
    assert.deepEqual(readFileSync(secret), Buffer.alloc(32, 7));
    assert.ok(!existsSync(`${secret}.next`));
  });

  it("is refused also where DATABASE_URL gives connections a name of its own", async () => {
    const { databaseUrl } = await freshDatabase();
    const env = { DATABASE_URL: `${databaseUrl}&application_name=mine`, KITH_DATA_DIR: temporaryDirectory() };
    const kith = await startKith(env);
    const before = readFileSync(join(env.KITH_DATA_DIR, "secret"));
    for (const url of [env.DATABASE_URL, databaseUrl]) {
      const { status, stderr } = await runKith(["secret", "rotate"], { ...env, DATABASE_URL: url });
      assert.equal(status, 1);
      assert.match(stderr, /stop every kith start/);
      assert.deepEqual(readFileSync(join(env.KITH_DATA_DIR, "secret")), before);
    }
    await kith.stop();
  });
});
