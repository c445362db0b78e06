import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { PrivateKey } from "openpgp";
import pg from "pg";
import { backUp } from "#kith/backup/backup.js";
import { LIMITED_ACTIONS } from "#kith/config.js";
import { connect } from "#kith/db/connect.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { firstAdminLink } from "#kith/invites/first-admin.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { startMailQueue } from "#kith/mail/queue.js";
import { makeMetrics } from "#kith/web/metrics.js";
import { openPlace } from "../support/app.js";
import { httpApp } from "../support/http-app.js";
import { firstLink, runKith, startKith } from "../support/kith.js";
import { openMailServer } from "../support/mail-server.js";
import { need } from "../support/need.js";
import { startPostgresServer } from "../support/postgres-server.js";
import { temporaryDirectory } from "../support/temporary.js";
import { kithVariant } from "../support/variant.js";
import {
  assertNotAboveTwins,
  CONTACT,
  INVITERS,
  liveWithCanaries,
  namesToFind,
  secretsToFind,
  TRUSTED,
  TWINS,
} from "./canaries.js";
import { CARELESS, NAME_KEPT } from "./faults.js";
import { KeyRing } from "./key-ring.js";
import { filesIn } from "./needles.js";

const { postgres, pg_dump, skip } = need("postgres", "pg_dump");
const TABLES_OF_KITH = "data/postgres/cluster/base/";
const WAL_OF_KITH = "data/postgres/cluster/pg_wal/";
const LETTERS = TWINS.length + TRUSTED.length + INVITERS.length;

/** The secret numbers of an opened key. */
function numbersOf(key: PrivateKey): Uint8Array[] {
  return key.getKeys().map((one) => {
    const { seed, d } =
      (one.keyPacket as { privateParams?: { seed?: Uint8Array; d?: Uint8Array } }).privateParams ?? {};
    assert.ok(seed ?? d);
    return (seed ?? d) as Uint8Array;
  });
}

describe("a search for canaries, and for every secret that was typed, handed over or made", () => {
  it("in all files of a server with its default settings, its dump, a backup, both logs, the mails and the metrics", {
    skip,
  }, async () => {
    const server = await startPostgresServer(postgres, { logging_collector: "on", log_directory: "log" });
    const mail = await openMailServer();
    const connection = await connect({ databaseUrl: server.databaseUrl });
    await migrateToLatest(connection.db);
    await connection.close();
    const place = await openPlace({
      databaseUrl: server.databaseUrl,
      env: { KITH_MAIL_FROM: "kith@localhost", KITH_SMTP_URL: mail.url },
    });
    const { context } = place;
    const metrics = makeMetrics(context);
    metrics.watch(place.app);
    const queue = await startMailQueue(context, { pollSeconds: 0.1 });
    const first = new URL((await firstAdminLink(context)) as string).pathname;
    const letters = Array.from({ length: LETTERS }, () => `/invite/${operatorLetter(context, "operator")}`);
    const secrets = new Map<string, string | Uint8Array>(await liveWithCanaries(place.app, first, letters));
    await mail.until(5);
    await queue.stop();
    assert.ok(mail.received.length >= 5, `${mail.received.length} mails were written`);

    const ring = new KeyRing(place);
    await ring.take("ada", 3);
    await ring.take(TRUSTED[0] as string);
    await ring.take("nour");
    await ring.takeReview("nour");
    for (const { label, key } of ring.keys) {
      for (const [at, number] of numbersOf(key).entries()) secrets.set(`key of ${label}, ${at}`, number);
    }
    secrets.set("server secret", context.secret);

    const backup = join(temporaryDirectory(), "backup");
    await backUp(context.db, backup);
    const dumped = execFileSync(pg_dump, [server.adminUrl.replace(/\/postgres$/, "/kith")], { maxBuffer: 1 << 28 });
    const numbers = await metrics.text();
    await checkpoint(server.adminUrl);
    const running = filesIn(server.cluster);
    await server.stop();
    const stopped = filesIn(server.cluster);
    const isLog = ({ name }: { name: string }) => name.startsWith("log/");

    const everything = {
      "the cluster while it runs": running,
      "the cluster at rest": stopped,
      "the server's log": stopped.filter(isLog),
      "its dump": [{ name: "dump", bytes: dumped }],
      "a backup": [{ name: "backup", bytes: readFileSync(backup) }],
      "Kith's log": [{ name: "log", bytes: Buffer.from(place.log.join("")) }],
      "the metrics": [{ name: "metrics", bytes: Buffer.from(numbers) }],
      mails: mail.received.map(({ raw }) => ({ name: "mail", bytes: Buffer.from(raw) })),
    };
    const needles = secretsToFind(secrets);
    for (const [where, files] of Object.entries(everything)) {
      const found = findings(files, needles);
      // To whom it is sent.
      if (where === "mails") found.delete(CONTACT);
      assert.deepEqual([...found], [], where);
    }
    const names = namesToFind();
    for (const where of ["the server's log", "Kith's log", "the metrics", "mails"] as const) {
      assert.deepEqual([...findings(everything[where], names)], [], where);
    }
    for (const where of ["its dump", "a backup"] as const) {
      const found = findings(everything[where], names);
      for (const name of [...TRUSTED, ...INVITERS, ...TWINS]) assert.equal(found.get(name), 2, `${name} in ${where}`);
    }
    for (const files of [running, stopped]) {
      for (const folder of ["base/", "pg_wal/"]) {
        const part = files.filter(({ name }) => name.startsWith(folder));
        assertNotAboveTwins(findings(part, names), folder);
      }
      const rest = files.filter(({ name }) => !/^(base|pg_wal)\//.test(name));
      assert.deepEqual([...findings(rest, names)], [], "in no other file of the cluster");
    }
  });

  it("in the data directory and the temporary folder of a real Kith with its embedded server, and in what it says", async () => {
    const { files, said, secrets } = await liveInRealKith();
    assert.deepEqual([...findings(files, secretsToFind(secrets))], []);
    assert.deepEqual([...findings(said, secretsToFind(secrets))], []);
    const names = namesToFind();
    assert.deepEqual([...findings(said, names)], []);
    for (const folder of [TABLES_OF_KITH, WAL_OF_KITH]) assertNotAboveTwins(namesIn(files, folder), folder);
    const rest = files.filter(({ name }) => !/^data\/postgres\/cluster\/(base|pg_wal)\//.test(name));
    assert.ok(rest.some(({ name }) => name === "data/postgres.log"));
    assert.deepEqual([...findings(rest, names)], []);
  });

  it("finds whom somebody trusts where a row of the owner's names them, in its tables and its write-ahead log", async () => {
    const isTold = /qvx[ab]trusted is found \d+ times/;
    const kept = await liveInRealKith(kithVariant(NAME_KEPT));
    for (const folder of [TABLES_OF_KITH, WAL_OF_KITH]) {
      assert.throws(() => assertNotAboveTwins(namesIn(kept.files, folder), folder), isTold, folder);
    }
  });

  it("finds what leaks where Kith is broken on purpose: a name and a link in its log, an address in the clear", async () => {
    const { files, said, secrets } = await liveInRealKith(kithVariant(CARELESS));
    const found = findings(said, secretsToFind(secrets));
    assert.ok(
      [...found.keys()].some((label) => label.startsWith("handover ")),
      "a link in the log",
    );
    assert.ok(
      [...found.keys()].some((label) => label.startsWith("invite ")),
      "a letter in the log",
    );
    const names = findings(said, namesToFind());
    assert.deepEqual([...names.keys()].sort(), [...TRUSTED], "whom ada trusts, in the log");
    assert.ok((findings(files, secretsToFind(secrets)).get(CONTACT) ?? 0) > 0, "the address on the disk");
  });
});

/** Has what is in memory written to the files. */
async function checkpoint(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("checkpoint");
  await client.end();
}

function findings(files: readonly { bytes: Buffer }[], needles: ReturnType<typeof namesToFind>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { bytes } of files) needles.countIn(bytes, counts);
  return counts;
}

function namesIn(files: readonly { name: string; bytes: Buffer }[], folder: string): Map<string, number> {
  return findings(
    files.filter(({ name }) => name.startsWith(folder)),
    namesToFind(),
  );
}

/** The same life with `kith start`; every file it left, while it ran and afterwards. */
async function liveInRealKith(cli?: string) {
  const home = temporaryDirectory();
  const mail = await openMailServer();
  const env = {
    KITH_DATA_DIR: join(home, "data"),
    TMPDIR: mkdtempSync(join(home, "tmp-")),
    KITH_LIMITS: LIMITED_ACTIONS.map((one) => `${one}=1000/60`).join(),
    KITH_MAIL_FROM: "kith@localhost",
    KITH_SMTP_URL: mail.url,
  };
  const kith = await startKith(env, cli);
  const made = await runKith(["invite", "--count", String(LETTERS), "--json"], env);
  const letters = [...made.stdout.matchAll(/\/invite\/[\w-]+/g)].map(([path]) => path);
  assert.equal(letters.length, LETTERS, made.stderr);
  const first = await firstLink(kith);
  const secrets = new Map<string, string | Uint8Array>(await liveWithCanaries(httpApp(kith.url), first, letters));
  const running = filesIn(home);
  const { stdout, stderr } = await kith.stop();
  secrets.set("server secret", readFileSync(join(env.KITH_DATA_DIR, "secret")));
  const files = [...running, ...filesIn(home)].filter(({ name }) => name !== "data/secret");
  return { files, said: [{ name: "output", bytes: Buffer.from(stdout + stderr) }], secrets };
}
