import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { after, before, beforeEach, describe, it, mock } from "node:test";
import { sql } from "kysely";
import { pino } from "pino";
import { type Config, parseConfig } from "#kith/config.js";
import { type Connection, connect } from "#kith/db/connect.js";
import { checkEntry } from "#kith/onion/check-entry.js";
import { REPLY_TIMEOUT_MS } from "#kith/onion/check-onion.js";
import type { Domain } from "#kith/onion/domain.js";
import { pinDomain, setFallback } from "#kith/onion/edit-map.js";
import type { Entry } from "#kith/onion/entry.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { CHANNEL, postpone, readDue, readEntries, readLeastChecked, writeCheck } from "#kith/onion/queries.js";
import { Upkeep } from "#kith/onion/upkeep.js";
import { freshDatabase } from "../support/database.js";

const ONION = onionOfKey(Buffer.alloc(32, 1));
const OTHER = onionOfKey(Buffer.alloc(32, 2));
const NAME = "a.example" as Domain;
/** How a SOCKS reply ends that names no address. */
const NOWHERE = [0, 1, 0, 0, 0, 0, 0, 0];
const REFUSED = Buffer.of(5, 5, ...NOWHERE);
const CONNECTED = Buffer.concat([Buffer.of(5, 0, ...NOWHERE), Buffer.from("220 there.example\r\n")]);

describe("keeping the onion map fresh", () => {
  let connection: Connection;
  let config: Config;
  /** How the stand-in for Tor answers who wants to be connected; undefined: it does not. */
  let reply: Buffer | undefined;
  /** Called when somebody waits for its answer, or for a second one of the mail server behind it. */
  let waiting: () => void;
  const open = new Set<Socket>();
  const tor = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("data", () => {
      socket.write(Buffer.of(5, 0));
      socket.once("data", () => {
        if (reply === undefined) return waiting();
        socket.write(reply);
        socket.once("data", () => waiting());
      });
    });
  });
  const minutes = (count: number) => new Date(Date.UTC(2030, 0, 1, 0, count));

  const context = () => ({ ...connection, config, clock: () => new Date(), log: pino({ enabled: false }) });
  const pin = (onion = ONION, at = new Date()) =>
    pinDomain({ ...context(), clock: () => at }, { domain: NAME, onion, port: 25 }, "nour");
  const entryOf = async (domain: string = NAME) =>
    (await readEntries(connection.db, { domains: [domain] }))[0] as Entry;
  const write = (entry: Entry, unreachable: boolean) =>
    writeCheck(connection.db, entry, {
      at: minutes(0),
      outcome: unreachable ? "port-closed" : "reachable",
      milliseconds: 5,
      starttls: undefined,
      unreachable,
    });
  /** Entries as the DNS or admins bring any number of them, with when they were checked and when they expire. */
  const bring = (source: string, count: number, checkedAt: Date | null, expiresAt: Date | null) =>
    sql`insert into onion_domains (domain, source, changed_by, changed_at, checked_at, expires_at)
      select ${source} || n || '.example', ${source}, 'dns', now(),
        ${checkedAt}::timestamptz + n * interval '1 second', ${expiresAt}::timestamptz + n * interval '1 second'
      from generate_series(1, ${count}::int) n`.execute(connection.db);

  before(async () => {
    tor.listen(0, "127.0.0.1");
    await once(tor, "listening");
    const { databaseUrl } = await freshDatabase();
    const { port } = tor.address() as AddressInfo;
    config = parseConfig({ DATABASE_URL: databaseUrl, KITH_TOR_SOCKS: `127.0.0.1:${port}` });
    connection = await connect(config);
  });
  beforeEach(async () => {
    await connection.pool.query("delete from onion_domains; delete from onion_wanted");
  });
  after(async () => {
    for (const socket of open) socket.destroy();
    tor.close();
    await connection.close();
  });

  it("those are asked about first that wait longest, and one that could not be asked about waits for others", async () => {
    const now = minutes(60);
    await bring("plain", 3, null, minutes(10));
    await sql`insert into onion_wanted values ('wanted.example', ${minutes(9)}), ('plain1.example', ${minutes(20)}),
      ('plain3.example', ${minutes(5)}), ('later.example', ${minutes(61)})`.execute(connection.db);
    const order = ["plain3.example", "wanted.example", "plain1.example", "plain2.example"];
    assert.deepEqual(await readDue(connection.db, now, 200), order);
    assert.deepEqual(await readDue(connection.db, now, 2), order.slice(0, 2));
    for (const domain of order.slice(0, 3)) await postpone(connection.db, domain, minutes(65), now);
    assert.deepEqual(await readDue(connection.db, now, 200), ["plain2.example"]);
    assert.deepEqual(await readDue(connection.db, minutes(65), 1), ["plain2.example"]);
    assert.equal((await readDue(connection.db, minutes(65), 200)).length, 5);
  });

  it("what has not expired yet is asked about when it has, whatever was not found out", async () => {
    await bring("plain", 1, null, minutes(90));
    await postpone(connection.db, "plain1.example", minutes(65), minutes(60));
    assert.deepEqual(await readDue(connection.db, minutes(89), 200), []);
  });

  it("half of the checks are of pinned entries, however many the DNS brought, and of what is left over the rest", async () => {
    for (const [pinned, brought, expected] of [
      [70, 300, [50, 50]],
      [20, 300, [20, 80]],
      [70, 10, [70, 10]],
    ] as const) {
      await connection.pool.query("delete from onion_domains");
      await bring("dnssec", brought, null, null);
      await bring("pinned", pinned, minutes(0), null);
      const domains = await readLeastChecked(connection.db, minutes(60), 100);
      const of = (source: string) => domains.filter((domain) => domain.startsWith(source));
      assert.deepEqual([of("pinned").length, of("dnssec").length], expected);
      assert.deepEqual(
        of("pinned"),
        Array.from({ length: expected[0] }, (_, index) => `pinned${index + 1}.example`),
      );
    }
  });

  it("a check says nothing about what the entry was changed to meanwhile", async () => {
    await pin(ONION, minutes(1));
    await setFallback(context(), NAME, true, "nour");
    const old = await entryOf();
    await pin(OTHER, minutes(2));
    assert.equal(await write(old, true), false);
    assert.equal((await entryOf()).check, undefined);
    assert.equal(await write(await entryOf(), true), true);
    assert.ok((await entryOf()).check?.unreachableSince);
  });

  it("mail goes in the clear by what a check says only where an admin allowed it", async () => {
    await pin();
    for (const fallback of [false, true]) {
      await setFallback(context(), NAME, fallback, "nour");
      for (const unreachable of [true, true, false, false])
        assert.equal(await write(await entryOf(), unreachable), fallback);
    }
  });

  it("instances hear of every check by which mail may go in the clear, also if it says what the last one said", async (t) => {
    await pin();
    await setFallback(context(), NAME, true, "nour");
    const listener = await connection.pool.connect();
    t.after(() => listener.release(true));
    const told: (string | undefined)[] = [];
    let end: () => void;
    listener.on("notification", ({ payload }) => (payload === "end" ? end() : told.push(payload)));
    await listener.query(`listen ${CHANNEL}`);
    const toldBy = async (work: () => Promise<unknown>) => {
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      await work();
      // Notices come in the order in which they were sent.
      await connection.pool.query("select pg_notify($1, 'end')", [CHANNEL]);
      await ended;
      return told.splice(0);
    };
    reply = REFUSED;
    const first = await entryOf();
    assert.deepEqual(await toldBy(() => checkEntry(context(), first)), [NAME]);
    const unreachable = await entryOf();
    const check = () => checkEntry(context(), unreachable);
    assert.deepEqual(await toldBy(check), [NAME]);
    // Another instance finds it reachable meanwhile, and this one does not know of that.
    await write(unreachable, false);
    assert.deepEqual(await toldBy(check), [NAME]);
    assert.deepEqual(await toldBy(() => setFallback(context(), NAME, false, "nour")), [NAME]);
    assert.deepEqual(await toldBy(check), []);
  });

  for (const [where, answer] of [
    ["Tor", undefined],
    ["the mail server", CONNECTED],
  ] as const) {
    // Before a check gives up by itself.
    const deadline = { timeout: REPLY_TIMEOUT_MS / 2 };
    it(`ends at once while ${where} keeps a check waiting, and the check is not kept`, deadline, async () => {
      await pin();
      reply = answer;
      const isWaiting = new Promise<void>((resolve) => {
        waiting = resolve;
      });
      const upkeep = new Upkeep(context(), undefined);
      // The first round begins at a moment by chance: at once.
      mock.method(Math, "random", () => 0);
      upkeep.start();
      mock.restoreAll();
      await isWaiting;
      await upkeep.stop();
      assert.equal((await entryOf()).check, undefined);
    });
  }
});
