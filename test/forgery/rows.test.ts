import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import { openSession } from "#kith/accounts/sessions.js";
import { setStatus } from "#kith/accounts/suspend.js";
import { inspect } from "#kith/inspection/inspect.js";
import { nothingSeen } from "#kith/make-context.js";
import { appendTombstone } from "#kith/people/people.js";
import { makeKeypair, type PrivateKey } from "#kith/protocol/keypair.js";
import { open } from "#kith/protocol/seal.js";
import { tokenHash } from "#kith/protocol/token.js";
import { changeAccounts } from "#kith/review/change-accounts.js";
import { openPlace, type Place, passwordOf, textOf, type Visitor, wordsOf } from "../support/app.js";
import { KEY_MONTH } from "../support/keys.js";
import { accountOf, slotsOf } from "../support/pages.js";
import { letBackIn, openCommunity, trustAll } from "../support/resets.js";

// Somebody who can write to the database, and does not have the server secret.

describe("a row that somebody else wrote", () => {
  let place: Place;
  let nour: Visitor;
  let ada: Visitor;
  let bea: Visitor;
  let mal: Visitor;
  before(async () => {
    place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "40" } });
    nour = await place.founder();
    bea = await nour.bring("bea", { trust: false });
    mal = await nour.bring("mal", { trust: false });
    ada = await nour.bring("ada", { trust: false });
    await ada.trust("bea");
  });
  const sql = (text: string, values: unknown[] = []) => place.context.pool.query(text, values);
  const idOf = async (username: string) =>
    (await sql("select id from accounts where username = $1", [username])).rows[0].id as string;
  const reported = () => place.log.filter((line) => line.includes("does not bear Kith's tag")).length;
  /** How much the inspection finds. */
  const found = async () => {
    const before = reported();
    await inspect(place.context);
    return reported() - before;
  };
  /** Does something to the database, looks what comes of it, and puts everything back. */
  const forged = async (table: string, forge: () => Promise<unknown>, look: () => Promise<void>) => {
    const { rows } = await sql(`select t::text as row from ${table} t`);
    const before = await found();
    await forge();
    try {
      await look();
      assert.ok((await found()) > before, `a forged row of ${table} is reported`);
    } finally {
      await sql(`delete from ${table}`);
      for (const { row } of rows) await sql(`insert into ${table} select ($1::${table}).*`, [row]);
    }
  };
  const canHelp = async (helper: Visitor, name: string) =>
    textOf((await helper.help(name, true)).body, "handover-link") !== undefined;

  /** The row of a member with the token that is sealed to a helper, and that token. */
  const sealedTo = async (helper: Visitor, name: string) => {
    const session = await openSession(place.context, helper.cookies.get("session") as string);
    assert.ok(session);
    const key = await session.privateKey();
    for (const row of await slotsOf(place.context.pool, name)) {
      const token = await open(key, row.sealed_token);
      if (token) return { row, token };
    }
    throw new Error(`${name} has no row for this helper.`);
  };

  it("in accounts lets nobody in: whatever column was changed, the account is as good as absent", async () => {
    const { rows: columns } = await sql(
      "select column_name as name, data_type as type from information_schema.columns where table_name = 'accounts' and column_name not in ('id', 'domain', 'username')",
    );
    assert.ok(columns.length > 15);
    for (const { name, type } of columns) {
      const { rows } = await sql("select * from accounts where username = 'mal'");
      const old = rows[0][name];
      const value =
        type === "bytea"
          ? Buffer.from(old.map((byte: number, at: number) => (at === 3 ? byte ^ 1 : byte)))
          : type === "integer"
            ? old + 1
            : name === "status"
              ? "suspended"
              : name === "role"
                ? "admin"
                : `${old}x`;
      await sql(`update accounts set ${name} = $1 where username = 'mal'`, [value]);
      const before = reported();
      const answer = await place.visitor().signIn("mal");
      assert.equal(answer.statusCode, 422, `${name} was changed`);
      assert.equal((await mal.get("/trust")).statusCode, 303, `no session of it is open: ${name}`);
      assert.ok(reported() > before, name);
      await sql(`update accounts set ${name} = $1 where username = 'mal'`, [old]);
      await mal.signIn();
    }
    assert.equal((await mal.get("/trust")).statusCode, 200, "put back, it is good again");
  });

  it("in accounts does not make an admin, give a locked key to another member, or rename one", async () => {
    await forgedAccount("update accounts set role = 'admin' where username = 'mal'");
    await forgedAccount(
      "update accounts set (locked_key, salt, fingerprint) = (select locked_key, salt, fingerprint from accounts where username = 'mal') where username = 'ada'",
      "ada",
    );
    await forgedAccount("update accounts set username = 'root' where username = 'mal'", "root");
    async function forgedAccount(statement: string, username = "mal") {
      const { rows } = await sql("select * from accounts where username in ('mal', 'ada')");
      await sql(statement);
      for (const password of [passwordOf("mal"), passwordOf("ada")]) {
        assert.equal((await place.visitor().signIn(username, password)).statusCode, 422, statement);
      }
      for (const { id, ...columns } of rows) {
        for (const [name, old] of Object.entries(columns)) {
          await sql(`update accounts set ${name} = $2 where id = $1`, [id, old]);
        }
      }
    }
    await mal.signIn();
    await ada.signIn();
    assert.equal((await mal.get("/trust")).statusCode, 200);
  });

  it("in relations does not let a helper in: rows changed, copied from another member, or added", async () => {
    assert.ok(await canHelp(bea, "ada"));
    // So that bea has a token of mal's, and mal holds a good one of bea's.
    assert.equal((await mal.trust("bea")).statusCode, 303);
    assert.equal((await bea.trust("mal")).statusCode, 303);
    assert.ok(await canHelp(mal, "bea"));
    const adaId = await idOf("ada");
    const adaRows = await slotsOf(place.context.pool, "ada");
    const { row: beasRow } = await sealedTo(bea, "ada");
    const { row: malsRow, token } = await sealedTo(mal, "bea");
    const other = adaRows.find(({ id }) => id !== beasRow.id);
    // What is mal's is put into one of ada's slots.
    await forged(
      "relations",
      () =>
        sql("update relations set sealed_token = $2, token_hash = $3, tag = $4 where id = $1", [
          other.id,
          malsRow.sealed_token,
          malsRow.token_hash,
          malsRow.tag,
        ]),
      async () => assert.equal(await canHelp(mal, "ada"), false),
    );
    await forged(
      "relations",
      () => sql("update relations set trusting_id = $2 where id = $1", [malsRow.id, adaId]),
      async () => assert.equal(await canHelp(mal, "ada"), false),
    );
    // The same token, hashed for that very slot: only the tag is not Kith's.
    await forged(
      "relations",
      () =>
        sql("update relations set sealed_token = $2, token_hash = $3 where id = $1", [
          other.id,
          malsRow.sealed_token,
          tokenHash(token, { trustingId: adaId, rowId: other.id, generation: other.generation }),
        ]),
      async () => assert.equal(await canHelp(mal, "ada"), false),
    );
    await forged(
      "relations",
      () => sql("update relations set tag = $2 where id = $1", [beasRow.id, randomBytes(32)]),
      async () => assert.equal(await canHelp(bea, "ada"), false),
    );
    assert.ok(await canHelp(bea, "ada"), "put back, it is good again");
    // One row of another place: Ada is told, and her list is whole again but for that slot.
    await sql("update relations set sealed_trusted = $2 where id = $1", [adaRows[0].id, randomBytes(405)]);
    const before = reported();
    await ada.signIn();
    assert.ok(reported() > before);
    assert.match((await ada.get("/")).body, /Something about your list was not as Kith wrote it/);
    assert.equal((await slotsOf(place.context.pool, "ada")).length, place.context.config.trustSlots);
  });

  it("in relations beside the good ones opens nothing, and is told to the member at the next sign-in, once", async () => {
    const told = /Something about your list was not as Kith wrote it/;
    await ada.signIn();
    assert.doesNotMatch((await ada.get("/")).body, told, "before");
    const { row, token } = await sealedTo(mal, "bea");
    const good = await slotsOf(place.context.pool, "ada");
    const [{ trusting_id, generation, sealed_trusted }] = good;
    const id = randomUUID();
    const hash = tokenHash(token, { trustingId: trusting_id, rowId: id, generation });
    await sql(
      "insert into relations (id, trusting_id, generation, sealed_trusted, sealed_token, token_hash, tag) values ($1, $2, $3, $4, $5, $6, $7)",
      [id, trusting_id, generation, sealed_trusted, row.sealed_token, hash, randomBytes(32)],
    );
    assert.equal(await canHelp(mal, "ada"), false);
    const before = reported();
    await ada.signIn();
    assert.ok(reported() > before);
    assert.match((await ada.get("/")).body, told);
    const ids = (await slotsOf(place.context.pool, "ada")).map((slot) => slot.id);
    assert.deepEqual(
      ids,
      good.map((slot) => slot.id),
    );
    assert.equal(await canHelp(bea, "ada"), true, "the good ones are as good as before");
    await ada.signIn();
    assert.doesNotMatch((await ada.get("/")).body, told, "once");
  });

  it("in people is believed by nobody, and never tagged anew by a suspension", async () => {
    for (const name of ["bea"]) await ada.post("/trust/remove", { username: name, confirm: "on" }, "/trust");
    await ada.trust("bea");
    const beaId = await idOf("bea");
    const malKey = await makeKeypair(await idOf("mal"), KEY_MONTH);
    const insert = (version: number, publicKey: Uint8Array) =>
      sql(
        `insert into people select account_id, $2, username, domain, $3, fingerprint, status, reset_mark, tag from people
         where account_id = $1 order by version desc limit 1`,
        [beaId, version, publicKey],
      );
    await insert(50, malKey.publicKey);
    await ada.signIn();
    assert.match((await ada.get("/trust")).body, /bea/);
    assert.equal(await canHelp(bea, "ada"), false, "held: nothing is sealed to a key that Kith did not write");
    await setStatus(place.context, { username: "bea", domain: "localhost" }, "suspended");
    await setStatus(place.context, { username: "bea", domain: "localhost" }, "active");
    for (const status of ["suspended", "active"] as const) {
      const changed = await changeAccounts(place.context, place.context.db, [beaId], () => ({ status }));
      assert.equal(changed.length, 1, "by an admin");
    }
    const { rows } = await sql("select version, public_key from people where account_id = $1 order by version", [
      beaId,
    ]);
    assert.deepEqual(
      rows.filter((row) => row.public_key.equals(malKey.publicKey)),
      [],
      "the forged one was taken away, and no genuine one says what it said",
    );
    await bea.signIn();
    await ada.signIn();
    assert.ok(await canHelp(bea, "ada"), "and without the forged row all is well");
    // The newest genuine version was changed in place.
    const newest = rows.at(-1);
    await sql("update people set public_key = $2 where account_id = $1 and version = $3", [
      beaId,
      malKey.publicKey,
      newest.version,
    ]);
    const before = reported();
    await setStatus(place.context, { username: "bea", domain: "localhost" }, "suspended");
    assert.ok(reported() > before, "told");
    const after = await sql("select version from people where account_id = $1 and version <> $2 and public_key = $3", [
      beaId,
      newest.version,
      malKey.publicKey,
    ]);
    assert.deepEqual(after.rows, []);
    await sql("update people set public_key = $2 where account_id = $1 and version = $3", [
      beaId,
      newest.public_key,
      newest.version,
    ]);
    await setStatus(place.context, { username: "bea", domain: "localhost" }, "active");
    await bea.signIn();
    await ada.signIn();
  });

  it("in people does not lend a name: whom a member names is whom the member trusts", async () => {
    const cem = await nour.bring("cem", { trust: false });
    assert.ok(cem);
    const malId = await idOf("mal");
    // A version of mal's that bears cem's name, below mal's own newest.
    await setStatus(place.context, { username: "mal", domain: "localhost" }, "suspended");
    await setStatus(place.context, { username: "mal", domain: "localhost" }, "active");
    await sql("update people set username = 'cem' where account_id = $1 and version = 2", [malId]);
    const dora = await nour.bring("dora", { trust: false });
    await dora.trust("cem");
    const list = (await dora.get("/trust")).body;
    assert.doesNotMatch(list.replace(/<header.*?<\/header>/s, ""), /\bmal\b/);
    await mal.signIn();
    assert.equal(await canHelp(mal, "dora"), false);
    await sql("delete from people where account_id = $1 and version = 2", [malId]);
  });

  it("in people that is not there keeps no act from counting: the account as it was before stays out", async () => {
    const name = { username: "ivo", domain: "localhost" };
    const ivo = await nour.bring("ivo", { trust: false });
    const ivoId = await idOf("ivo");
    const suspendedBy = {
      "the command line": () => setStatus(place.context, name, "suspended"),
      "an admin": () => nour.post("/admin/accounts/suspend", { username: "ivo", reason: "Spam." }, "/admin/accounts"),
    };
    for (const [who, suspend] of Object.entries(suspendedBy)) {
      const { rows: before } = await sql("select * from accounts where id = $1", [ivoId]);
      await sql("delete from people where account_id = $1", [ivoId]);
      await suspend();
      const { rows: after } = await sql("select * from accounts where id = $1", [ivoId]);
      assert.equal(after[0].status, "suspended", who);
      const put = async (row: Record<string, unknown>) => {
        const names = Object.keys(row);
        const places = names.map((column, index) => `${column} = $${index + 2}`);
        await sql(`update accounts set ${places} where id = $1`, [ivoId, ...Object.values(row)]);
      };
      await put(before[0]);
      assert.notEqual((await ivo.signIn()).statusCode, 303, `${who}: the row of before is as good as absent`);
      await put(after[0]);
      await setStatus(place.context, name, "active");
      assert.equal((await ivo.signIn()).statusCode, 303);
      const { rows } = await sql("select status from people where account_id = $1 order by version desc", [ivoId]);
      assert.equal(rows[0].status, "active", "and the owner's next sign-in makes all as it was");
    }
    const gus = await nour.bring("gus", { trust: false });
    await gus.trust("ivo");
    assert.equal(await canHelp(ivo, "gus"), true);
    await gus.signIn(); // which ends the case
  });

  it("is told of on the first page: to the member whom others saw wrongly, and to admins", async () => {
    const told = {
      member: /What others see of your account was not as Kith wrote it/,
      admins: /rows that Kith did not write, or lacks/,
    };
    place.context.forgedRows.clear();
    for (const visitor of [mal, nour]) {
      await visitor.signIn();
      const { body } = await visitor.get("/");
      for (const sentence of Object.values(told)) assert.doesNotMatch(body, sentence, "before");
    }
    await sql("update people set fingerprint = $1 where username = 'mal'", [randomBytes(32)]);
    await mal.signIn();
    const { body } = await mal.get("/");
    assert.match(body, told.member);
    assert.doesNotMatch(body, told.admins, "which is for admins");
    assert.match((await nour.get("/")).body, new RegExp(`${told.admins.source}.*people`));
    await mal.signIn();
    assert.doesNotMatch((await mal.get("/")).body, told.member, "once");
  });

  it("is missed where all rows of a member are gone, in every inspection until they are back; not where the member left", async () => {
    await nour.bring("fay", { trust: false });
    const fay = await idOf("fay");
    const missed = async () => {
      place.context.forgedRows.clear();
      await inspect(place.context);
      return place.context.forgedRows.get("accounts") ?? 0;
    };
    const before = await missed();
    const owners = { accounts: "id", relations: "trusting_id", people: "account_id" };
    const kept = new Map<string, string[]>();
    for (const [table, owner] of Object.entries(owners)) {
      const { rows } = await sql(`select t::text as row from ${table} t where ${owner} = $1`, [fay]);
      kept.set(
        table,
        rows.map(({ row }) => row),
      );
    }
    const putBack = async (table: string) => {
      for (const row of kept.get(table) ?? []) await sql(`insert into ${table} select ($1::${table}).*`, [row]);
    };
    await sql("delete from accounts where id = $1", [fay]);
    await sql("delete from people where account_id = $1", [fay]);
    assert.equal(await missed(), before + 1);
    assert.equal(await missed(), before + 1, "an hour later as well");
    for (const table of Object.keys(owners)) await putBack(table);
    assert.equal(await missed(), before, "and no more once all is back");
    await appendTombstone(place.context, fay, 2);
    await sql("delete from accounts where id = $1", [fay]);
    assert.equal(await missed(), before, "whoever left says so in people");
  });

  it("that is nobody's is missed, too: without it unknown names would be told by the clock", async () => {
    const { rows } = await sql("select * from accounts where username = ''");
    assert.equal(rows.length, 1);
    const found = async () => {
      place.context.forgedRows.delete("accounts");
      await inspect(place.context);
      return place.context.forgedRows.get("accounts") ?? 0;
    };
    const before = await found();
    await sql("delete from accounts where username = ''");
    assert.equal(await found(), before + 1);
    const names = Object.keys(rows[0]);
    const places = names.map((_, index) => `$${index + 1}`);
    await sql(`insert into accounts (${names}) values (${places})`, Object.values(rows[0]));
  });

  it("in reset_cases or approvals counts for nothing, whatever was changed", async () => {
    await ada.signIn();
    const path = await bea.openCase("ada", true);
    const password = passwordOf("ada", 2);
    const words = wordsOf((await place.visitor().post(path, { password }, path)).body);
    assert.equal((await place.visitor().signIn("ada", password)).statusCode, 200, "waiting");
    // An approval that nobody gave.
    const { rows: cases } = await sql("select * from reset_cases");
    assert.equal(cases.length, 1);
    await forged(
      "approvals",
      () =>
        sql("insert into approvals values ($1, $2, $3, $4, $5)", [
          cases[0].id,
          cases[0].row_id,
          cases[0].generation,
          randomBytes(405),
          randomBytes(32),
        ]),
      async () => assert.equal((await place.visitor().signIn("ada", password)).statusCode, 200, "still waiting"),
    );
    await bea.agree("ada", words);
    // Every column of the approval and of the case, one after another: never let in.
    for (const [table, keep] of [
      ["approvals", ["case_id"]],
      ["reset_cases", ["id"]],
    ] as const) {
      const { rows: columns } = await sql(
        "select column_name as name, data_type as type from information_schema.columns where table_name = $1",
        [table],
      );
      for (const { name, type } of columns) {
        if ((keep as readonly string[]).includes(name)) continue;
        const { rows } = await sql(`select ${name} as old from ${table}`);
        const { old } = rows[0];
        const value =
          type === "bytea"
            ? Buffer.from(old.map((byte: number, at: number) => (at === 5 ? byte ^ 1 : byte)))
            : type === "uuid"
              ? "00000000-0000-4000-8000-000000000000"
              : type === "boolean"
                ? !old
                : "2030-01-01";
        await sql(`update ${table} set ${name} = $1`, [value]);
        const before = reported();
        const answer = await place.visitor().signIn("ada", password);
        assert.notEqual(answer.statusCode, 303, `${table}.${name} was changed`);
        // Not by who merely types the name.
        if (table === "reset_cases") await inspect(place.context);
        assert.ok(reported() > before, `${table}.${name} is reported`);
        await sql(`update ${table} set ${name} = $1`, [old]);
      }
    }
    assert.equal((await place.visitor().signIn("ada", password)).statusCode, 303, "put back, it is complete");
  });

  it("in sessions opens nothing: neither moved, nor altered, nor made up", async () => {
    await bea.signIn();
    await mal.signIn();
    const { rows } = await sql("select * from sessions");
    for (const { id, sealed } of rows)
      await sql("update sessions set sealed = $2 where id = $1", [
        id,
        sealed.map((byte: number, at: number) => (at === 100 ? byte ^ 1 : byte)),
      ]);
    for (const visitor of [bea, mal, nour]) assert.equal((await visitor.get("/trust")).statusCode, 303);
    for (const [index, { id }] of rows.entries())
      await sql("update sessions set sealed = $2 where id = $1", [id, rows[(index + 1) % rows.length].sealed]);
    for (const visitor of [bea, mal, nour]) assert.equal((await visitor.get("/trust")).statusCode, 303);
    // A session that was left, with its mark removed; and one that was ended, with its row put back.
    const ways = {
      left_sessions: () => mal.signOut(),
      sessions: async () => {
        const elsewhere = place.visitor();
        await elsewhere.signIn("mal");
        await elsewhere.post("/security/sessions/end", { all: "on" }, "/security");
      },
    };
    for (const [table, end] of Object.entries(ways)) {
      await mal.signIn();
      const cookies = new Map(mal.cookies);
      const { rows: open } = await sql("select * from sessions");
      const marks = await sql("select * from left_sessions");
      await end();
      if (table === "left_sessions") await sql("delete from left_sessions");
      for (const { id, sealed, expiry_day } of table === "sessions" ? open : []) {
        await sql("insert into sessions values ($1, $2, $3) on conflict do nothing", [id, sealed, expiry_day]);
      }
      for (const { mark, expiry_day } of marks.rows) {
        await sql("insert into left_sessions values ($1, $2) on conflict do nothing", [mark, expiry_day]);
      }
      for (const [name, value] of cookies) mal.cookies.set(name, value);
      const before = reported();
      assert.equal((await mal.get("/trust")).statusCode, 303, `${table}: over is over`);
      assert.equal(reported(), before + 1, table);
    }
    await mal.signIn();
    await sql("update accounts set session_epoch = $1 where username = 'mal'", [randomBytes(16)]);
    assert.equal((await mal.get("/trust")).statusCode, 303);
  });
});

describe("newer versions in people that are gone", () => {
  const UNVERIFIED = /data-username="bea">.*?Not as Kith wrote it/;
  const keyOf = async ({ context }: Place, visitor: Visitor) => {
    const session = await openSession(context, visitor.cookies.get("session") as string);
    assert.ok(session);
    return await session.privateKey();
  };

  /**
   * Ada trusts Bea, and signs in once others see a newer version of Bea; then that is gone, and Kith begins anew.
   *
   * @param change makes the newer version; returns Bea's browser
   */
  async function play(change: (place: Place, who: Record<"ada" | "bea" | "cem", Visitor>) => Promise<Visitor>) {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    const { pool } = place.context;
    const { ada } = who;
    await trustAll(ada, ["bea"]);
    await trustAll(who.bea, ["cem"]);
    const { id, people_version: old } = await accountOf(pool, "bea");
    const oldKey = await keyOf(place, who.bea);
    const bea = await change(place, who);
    await ada.signIn();
    const opens = async (key: PrivateKey) => {
      const tokens = (await slotsOf(pool, "ada")).map((row) => open(key, row.sealed_token));
      return (await Promise.all(tokens)).some((token) => token !== undefined);
    };
    const isWhole = async (when: string) => {
      assert.doesNotMatch((await ada.get("/trust")).body, UNVERIFIED, when);
      assert.equal(await opens(await keyOf(place, bea)), true, when);
    };
    await isWhole("before");
    const { rowCount } = await pool.query("delete from people where account_id = $1 and version > $2", [id, old]);
    assert.ok(rowCount, "others saw a newer version");
    place.context.seen = nothingSeen();
    await ada.signIn();
    return { ada, bea, oldKey, opens, isWhole };
  }

  it("are missed by whoever trusts the member: one who was suspended in between is held until all is right again", async () => {
    const { ada, bea, oldKey, opens, isWhole } = await play(async (place, { bea }) => {
      for (const status of ["suspended", "active"] as const) {
        await setStatus(place.context, { username: "bea", domain: "localhost" }, status);
      }
      await bea.signIn();
      return bea;
    });
    assert.match((await ada.get("/trust")).body, UNVERIFIED);
    assert.equal(await opens(oldKey), false, "which is the present one, too");
    await ada.signIn();
    assert.match((await ada.get("/trust")).body, UNVERIFIED, "at every sign-in");
    await bea.signIn();
    await ada.signIn();
    await isWhole("Bea's own sign-in has made it right");
  });

  it("do not have anybody say yes to a key of before, which may be in other hands", async () => {
    const { ada, oldKey, opens } = await play(async (place, { ada, cem }) => {
      const bea = await letBackIn(place, cem, "bea");
      await ada.signIn();
      assert.equal((await ada.post("/trust/confirm", { username: "bea" }, "/trust")).statusCode, 303);
      return bea;
    });
    const { body } = await ada.get("/trust");
    assert.match(body, UNVERIFIED);
    assert.doesNotMatch(body, /action="\/trust\/confirm"/, "there is nothing to say yes to");
    await ada.post("/trust/confirm", { username: "bea" }, "/trust");
    assert.equal(await opens(oldKey), false, "nor does it help to say it unasked");
  });
});
