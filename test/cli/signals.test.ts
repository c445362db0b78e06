import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { freshDatabase } from "../support/database.js";
import { beginKith, runKith } from "../support/kith.js";
import { isRunning, serverPid } from "../support/postmaster.js";
import { temporaryDirectory } from "../support/temporary.js";

const ENDINGS = [
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const;
const DEADLINE_MS = 60_000;

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    assert.ok(Date.now() < end);
    await sleep(10);
  }
}

test("a command that is told to end stops the embedded PostgreSQL that it started, in whatever it is", async () => {
  // A Tor that takes the connection and says nothing.
  const tor = createServer().listen(0, "127.0.0.1");
  await once(tor, "listening");
  const dataDir = temporaryDirectory();
  const env = { KITH_DATA_DIR: dataDir, KITH_TOR_SOCKS: `127.0.0.1:${(tor.address() as AddressInfo).port}` };
  assert.equal((await runKith(["migrate"], env)).status, 0);
  for (const [signal, expected] of ENDINGS) {
    for (const [args, isThere] of [
      // Just launched, and not let in yet.
      [["doctor"], () => until(() => serverPid(dataDir) || undefined)],
      [["invite"], () => until(() => serverPid(dataDir) || undefined)],
      [["onion", "check", "--onion", onionOfKey(Buffer.alloc(32, 1))], () => once(tor, "connection")],
    ] as const) {
      const { process: child, outcome } = beginKith([...args], env);
      await Promise.race([isThere(), outcome.then((said) => assert.fail(JSON.stringify(said)))]);
      const server = serverPid(dataDir)!;
      child.kill(signal);
      const { status, stdout, stderr } = await outcome;
      assert.deepEqual([status, stdout, stderr], [expected, "", ""], args.join(" "));
      assert.ok(!isRunning(server), args.join(" "));
      assert.equal(serverPid(dataDir), undefined);
    }
  }
  tor.close();
  assert.equal((await runKith(["migrate", "--status"], env)).status, 0);
});

test("a command that is told to end waits for no lock of somebody else's", async () => {
  const { databaseUrl, adminUrl } = await freshDatabase();
  const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  const waiting = async () =>
    (await admin.query("select from pg_locks where not granted and relation = 'settings'::regclass")).rowCount;
  for (const [signal, expected] of ENDINGS) {
    await admin.query("begin; lock table settings");
    const { process: child, outcome } = beginKith(["invite"], env);
    await until(async () => ((await waiting()) === 0 ? undefined : true));
    const begun = Date.now();
    child.kill(signal);
    const { status, stdout, stderr } = await outcome;
    assert.deepEqual([status, stdout, stderr], [expected, "", ""]);
    assert.ok(Date.now() - begun < 5_000, "well before the statement's own end");
    await admin.query("rollback");
  }
  await admin.end();
});
