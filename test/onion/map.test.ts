import assert from "node:assert/strict";
import { connect as connectSocket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { pino } from "pino";
import { type Config, parseConfig } from "#kith/config.js";
import { type Connection, connect } from "#kith/db/connect.js";
import type { Domain } from "#kith/onion/domain.js";
import { importList, pinDomain, removeDomain, setFallback } from "#kith/onion/edit-map.js";
import type { Entry } from "#kith/onion/entry.js";
import { type LookupService, startLookupService } from "#kith/onion/lookup/service.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { readEntries, readHistory, readRoutes, readVirtualAddresses, writeCheck } from "#kith/onion/queries.js";
import { NOWHERE } from "#kith/onion/virtual-address.js";
import { type FreshDatabase, freshDatabase } from "../support/database.js";
import { runKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

const onion = (byte: number) => onionOfKey(Buffer.alloc(32, byte));
const domain = (name: string) => name as Domain;

/** For what takes a moment, on a machine that does much else. */
const DEADLINE_MS = 60_000;

describe("the onion map", () => {
  let database: FreshDatabase;
  let connection: Connection;
  let config: Config;
  let said: string;
  const services: LookupService[] = [];

  const context = () => ({
    ...connection,
    config,
    clock: () => new Date(),
    log: pino(
      { base: null },
      {
        write(line: string) {
          said += line;
        },
      },
    ),
  });
  const startService = async (more: Partial<ReturnType<typeof context>> = {}) => {
    const service = await startLookupService({ ...context(), ...more });
    services.push(service);
    return Number(service.addresses[0]!.address.split(":").at(-1));
  };
  const ask = (port: number, key: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectSocket({ port, host: "127.0.0.1" });
      socket.once("data", (chunk) => {
        resolve(chunk.toString());
        socket.destroy();
      });
      socket.once("error", reject);
      socket.write(`get ${key}\n`);
    });
  const until = async (port: number, key: string, expected: RegExp) => {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const answer = await ask(port, key);
      if (expected.test(answer)) return;
      if (performance.now() > end) throw new Error(`still ${answer.trim()}`);
      await sleep(5);
    }
  };

  before(async () => {
    database = await freshDatabase();
    config = parseConfig({
      DATABASE_URL: database.databaseUrl,
      KITH_DOMAINS: "own.example",
      KITH_ONION_TCP_TABLE: "127.0.0.1:0",
    });
    connection = await connect(config);
    said = "";
  });
  after(async () => {
    await Promise.all(services.map((service) => service.stop()));
    await connection.close();
  });

  it("a pinned domain is answered by every instance that runs already, and no longer once it is taken out", async () => {
    const ports = await Promise.all([startService(), startService()]);
    await pinDomain(context(), { domain: domain("a.example"), onion: onion(1), port: 25 }, "nour");
    for (const port of ports) await until(port, "x@a.example", new RegExp(`^200 smtptor:\\[${onion(1)}\\]:25\n$`));
    await pinDomain(context(), { domain: domain("a.example"), onion: onion(2), port: 26 }, "nour");
    for (const port of ports) await until(port, "x@a.example", new RegExp(`^200 smtptor:\\[${onion(2)}\\]:26\n$`));
    assert.equal(await removeDomain(context(), domain("a.example"), "nour"), true);
    for (const port of ports) await until(port, "x@a.example", /^500/);
    assert.equal(await removeDomain(context(), domain("a.example"), "nour"), false);
    const history = await readHistory(connection.db, { domain: "a.example", limit: 10 });
    assert.deepEqual(
      history.map(({ event, actor }) => [event, actor]),
      [
        ["removed", "nour"],
        ["pinned", "nour"],
        ["pinned", "nour"],
      ],
    );
  });

  it("an onion keeps its virtual address for life, and no other ever gets it", async () => {
    const pin = (name: string, byte: number) =>
      pinDomain(context(), { domain: domain(name), onion: onion(byte), port: 25 }, "nour");
    const virtual = async (name: string) => (await readRoutes(connection.db, [name])).get(name)?.targets[0]?.virtual;
    await pin("b.example", 11);
    await pin("c.example", 12);
    const before = [await virtual("b.example"), await virtual("c.example")];
    assert.equal(new Set(before).size, 2);
    await removeDomain(context(), domain("b.example"), "nour");
    await pin("d.example", 13);
    assert.ok(!before.includes(await virtual("d.example")));
    await pin("e.example", 11);
    assert.equal(await virtual("e.example"), before[0]);
    assert.ok(
      (await readVirtualAddresses(connection.db)).every(({ virtual: address }) => /^10\.(19[2-9]|2..)\./.test(address)),
    );
  });

  it("an onion that comes when all addresses are used up is in the map all the same, and Exim keeps its mail", async () => {
    const name = domain("late.example");
    await sql`insert into onion_numbers (onion, number) overriding system value values (${onion(14)}, 4194303)`.execute(
      connection.db,
    );
    await pinDomain(context(), { domain: name, onion: onion(14), port: 25 }, "nour");
    await until(await startService(), "late.example", new RegExp(`^200 smtptor:\\[${onion(14)}\\]`));
    assert.equal((await readRoutes(connection.db)).get(name)?.targets[0]?.virtual, NOWHERE);
    const mapped = await readVirtualAddresses(connection.db);
    assert.ok(mapped.some(({ virtual }) => virtual === NOWHERE));
  });

  it("an unreachable onion's mail waits; only where an admin allowed it, it takes the clear net", async () => {
    const port = await startService();
    const name = domain("f.example");
    await pinDomain(context(), { domain: name, onion: onion(3), port: 25 }, "nour");
    await until(port, "f.example", /^200/);
    const [pinned] = await readEntries(connection.db, { domains: [name] });
    const check = (unreachable: boolean) =>
      writeCheck(connection.db, pinned as Entry, {
        at: new Date(),
        outcome: unreachable ? "no-descriptor" : "reachable",
        milliseconds: 5,
        starttls: undefined,
        unreachable,
      });
    await check(true);
    assert.match(await ask(port, "f.example"), /^200/);
    await setFallback(context(), name, true, "nour");
    await until(port, "f.example", /^500/);
    await setFallback(context(), name, false, "nour");
    await until(port, "f.example", /^200/);
    const [entry] = await readEntries(connection.db, { domains: [name] });
    assert.ok(entry!.check!.unreachableSince);
  });

  it("an import takes all good entries at once; strictly, none if one is bad", async () => {
    const list = Buffer.from(`g.example ${onion(4)}\nh.example 4my2dd2okjr75aho.onion\nG.example ${onion(5)}\n`);
    const strict = await importList(context(), list, { format: "exim-txt", strict: true, actor: "import" });
    assert.deepEqual([strict.changed, strict.refused.length], [0, 2]);
    assert.equal((await readEntries(connection.db, { domains: ["g.example"] })).length, 0);
    const first = await importList(context(), list, { format: "exim-txt", strict: false, actor: "import" });
    assert.deepEqual([first.changed, first.unchanged, first.refused.length], [1, 0, 2]);
    const again = await importList(context(), list, { format: "exim-txt", strict: false, actor: "import" });
    assert.deepEqual([again.changed, again.unchanged], [0, 1]);
  });

  it("losing the database leaves the answers as they were, says so, and heals by itself", async () => {
    const port = await startService();
    assert.match(await ask(port, "g.example"), /^200/);
    said = "";
    const admin = await connect({ databaseUrl: database.adminUrl.replace(/\/[^/?]+\?/, "/postgres?") });
    await admin.pool.query(`alter database ${database.name} allow_connections false`);
    await admin.pool.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
      database.name,
    ]);
    const end = performance.now() + DEADLINE_MS;
    while (!/the database is lost/.test(said) && performance.now() < end) await sleep(5);
    assert.match(await ask(port, "g.example"), /^200/);
    assert.match(await ask(port, "other.example"), /^500/);
    assert.match(said, /the database is lost/);
    await admin.pool.query(`alter database ${database.name} allow_connections true`);
    await admin.close();
    // Written while nobody listened: it is found by reading the map anew. By another process, whose connections are good.
    const other = await connect(config);
    await pinDomain({ ...context(), db: other.db }, { domain: domain("i.example"), onion: onion(6), port: 25 }, "nour");
    await other.close();
    await until(port, "i.example", /^200/);
    assert.doesNotMatch(said, /g\.example|other\.example/);
  });

  it("without a database from the start every answer is “try again later”", async () => {
    const nowhere = await connect({ databaseUrl: "postgresql://kith@127.0.0.1:1/kith" });
    const port = await startService(nowhere);
    assert.equal(await ask(port, "g.example"), "400 try again later\n");
    assert.equal(await ask(port, "*"), "400 try again later\n");
    assert.match(said, /can't be reached/);
    await services.pop()!.stop();
    await nowhere.close();
  });

  it("a map of 100,000 domains is loaded as a whole", async () => {
    await Promise.all(services.splice(0).map((service) => service.stop()));
    await sql`insert into onion_domains (domain, source, changed_by, changed_at)
      select 'd' || n || '.many.example', 'pinned', 'import', now() from generate_series(1, 100000) n`.execute(
      connection.db,
    );
    await sql`insert into onion_targets (domain, onion, port, priority, weight)
      select domain, ${onion(4)}, 25, 0, 0 from onion_domains where domain like '%.many.example'`.execute(
      connection.db,
    );
    const port = await startService();
    for (const number of [1, 50_000, 100_000]) assert.match(await ask(port, `d${number}.many.example`), /^200/);
    assert.match(await ask(port, "d100001.many.example"), /^500/);
    await services.pop()!.stop();
  });

  it("kith onion import, export and lookup say what the interface promises", async () => {
    const env = { DATABASE_URL: database.databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    const found = await runKith(["onion", "lookup", "ann@G.example", "--json"], env);
    assert.equal(found.status, 0);
    assert.equal(JSON.parse(found.stdout).targets[0].onion, onion(4));
    const absent = await runKith(["onion", "lookup", "nothing.example"], env);
    assert.deepEqual([absent.status, absent.stdout], [1, ""]);
    assert.equal((await runKith(["onion", "export", "--format", "xml"], env)).status, 2);
    const exported = await runKith(["onion", "export", "--format", "exim-txt"], env);
    assert.equal(exported.status, 0);
    assert.match(exported.stdout, new RegExp(`^g\\.example ${onion(4)}$`, "m"));
  });
});
