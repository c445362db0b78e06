import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { backUp } from "#kith/backup/backup.js";
import { connect } from "#kith/db/connect.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { connectTo } from "../adversary/stage.js";
import { openPlace, type Visitor } from "../support/app.js";
import { need } from "../support/need.js";
import { startPostgresServer } from "../support/postgres-server.js";
import { beforeStatement, watchStatements } from "../support/statements.js";
import { temporaryDirectory } from "../support/temporary.js";

const { skip, postgres, pg_waldump } = need("postgres", "pg_waldump");

describe("a backup that took a while", { skip }, () => {
  it("leaves no old rows for the next reader to clear away: the log would tell who was there", async () => {
    const server = await startPostgresServer(postgres, { autovacuum: "off" });
    after(() => server.stop());
    const migration = await connect({ databaseUrl: server.databaseUrl });
    await migrateToLatest(migration.db);
    await migration.close();
    const place = await openPlace({ databaseUrl: server.databaseUrl });
    const nour = await place.founder();
    const people = new Map<string, Visitor>();
    for (const name of ["ada", "bea", "cem", "dora"]) people.set(name, await nour.bring(name));
    // So often that what was replaced fills its pages; each then sees the page on which a sign-in lands.
    const signInAll = async () => {
      for (const [name, visitor] of people) {
        for (let time = 0; time < 6; time++) await visitor.signIn(name);
        await visitor.get("/");
      }
    };
    await signInAll();
    // As the command does it: without a statement timeout.
    const backup = await connect({ databaseUrl: server.databaseUrl }, undefined, 0);
    await beforeStatement(backup.pool, [/declare rows_of_one_table/, /fetch/], signInAll);
    const admin = await connectTo(server.adminUrl);
    const other = await connectTo(server.databaseUrl);
    let acting: Promise<unknown> | undefined;
    await watchStatements(backup.pool, async (text) => {
      if (!/^vacuum .*"limits_points"/.test(text)) return;
      // The last table is cleared for as long as everybody acts once more.
      await other.query("begin");
      await other.query("lock table limits_points in share update exclusive mode");
      acting = sleep(500)
        .then(signInAll)
        .finally(() => other.end());
    });
    await backUp(backup.db, `${temporaryDirectory()}/backup`);
    assert.ok(acting, "somebody acted during the last pass");
    await acting;
    await backup.close();
    /** Where the log ends, once it is on the disk. */
    const position = async () => {
      await admin.query("select pg_logical_emit_message(true, 'kith', 'written')");
      return (await admin.query("select pg_current_wal_flush_lsn() as at")).rows[0].at as string;
    };
    for (const [name, visitor] of people) {
      const from = await position();
      assert.equal((await visitor.get("/help")).statusCode, 200);
      const range = ["-p", join(server.cluster, "pg_wal"), "-s", from, "-e", await position()];
      const log = execFileSync(pg_waldump, range, { encoding: "utf8" });
      assert.match(log, /LogicalMessage/, "the log can be read");
      assert.doesNotMatch(log, /PRUNE|VACUUM|INPLACE|FPI/, name);
    }
    await admin.end();
  });
});
