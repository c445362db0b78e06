import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type AccountRow, findAccountByName } from "#kith/accounts/account.js";
import { openSession } from "#kith/accounts/sessions.js";
import { inspect } from "#kith/inspection/inspect.js";
import { letterLink, operatorLetter } from "#kith/invites/letters.js";
import { discloseBytes, encloseBytes } from "#kith/protocol/box.js";
import { uuidBytes } from "#kith/protocol/bytes.js";
import { deriveKey } from "#kith/protocol/derive.js";
import { makeKeypair, type PrivateKey } from "#kith/protocol/keypair.js";
import { newRecoveryPhrase, openEdge, readRecoveryPhrase, unlockRecoveryKey } from "#kith/protocol/review.js";
import { open } from "#kith/protocol/seal.js";
import { keepRecovery } from "#kith/review/acts.js";
import { ensureReader, hasRecovery, lockOldRecovery, recoverReview, withTag } from "#kith/review/keys.js";
import { confirmByOperator, setRoleByOperator } from "#kith/review/operator.js";
import { startUpkeep } from "#kith/web/upkeep.js";
import { countOf, openPlace, type Place, passwordOf, Visitor, wordsOf } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { standsInFiles } from "../support/files.js";
import { contents } from "../support/pages.js";

/** Whether this visitor's tree opens. */
async function canOpen(visitor: Visitor): Promise<boolean> {
  await visitor.post("/admin/tree", { current_password: passwordOf(visitor.username) }, "/admin/tree");
  return countOf((await visitor.get("/admin/tree")).body, "tree-node") > 0;
}

async function keyOf(place: Place, visitor: Visitor): Promise<PrivateKey> {
  const session = await openSession(place.context, visitor.cookies.get("session") as string);
  assert.ok(session, `${visitor.username} is signed in`);
  return await session.privateKey();
}

/** What this key opens of everything that is sealed for reviews. */
async function opens(place: Place, key: PrivateKey): Promise<string[]> {
  const { db } = place.context;
  const found: string[] = [];
  for (const { username, edge } of await db.selectFrom("accounts").select(["username", "edge"]).execute()) {
    if (await openEdge(key, edge)) found.push(`edge of ${username}`);
  }
  for (const { sealed } of await db.selectFrom("review_grants").select("sealed").execute()) {
    if (await open(key, sealed)) found.push("a grant");
  }
  for (const { previous } of await db.selectFrom("review_keys").select("previous").execute()) {
    if (await open(key, previous)) found.push("an old key");
  }
  for (const { sealed_key } of await db.selectFrom("review_notes").select("sealed_key").execute()) {
    if (await open(key, sealed_key)) found.push("notes");
  }
  for (const { sealed } of await db.selectFrom("admin_acts").select("sealed").execute()) {
    if (await open(key, sealed)) found.push("an act");
  }
  return found;
}

const confirm = (visitor: Visitor, username: string) => visitor.post("/admin/confirm", { username }, "/admin/accounts");
const role = (visitor: Visitor, username: string, to: "admin" | "member") =>
  visitor.post("/admin/accounts/role", { username, role: to }, "/admin/accounts");

describe("who can read the invite tree", () => {
  it("an admin whose key an admin confirmed by a click, and not before", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    await role(nour, "bea", "admin");
    await nour.signIn();
    assert.equal(await canOpen(bea), false, "the role alone opens nothing");
    assert.match((await bea.get("/admin/tree")).body, /key has not been confirmed/);
    assert.deepEqual(await opens(place, await keyOf(place, bea)), []);
    assert.equal((await confirm(bea, "nour")).statusCode, 422, "who can't read can't let others read");
    assert.match((await nour.get("/")).body, /Bea can’t open the invite tree yet/);
    assert.equal((await confirm(nour, "bea")).statusCode, 303);
    assert.equal(await canOpen(bea), true);
    await bea.signIn();
    await nour.signIn();
    assert.equal(await canOpen(bea), true, "renewed at each sign-in");
    assert.equal(await canOpen(nour), true);
  });

  it("nobody whom an open browser lets in: the password was typed not long ago", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    await nour.bring("eve");
    await nour.bring("cem");
    await role(nour, "bea", "admin");
    await role(nour, "cem", "admin");
    await nour.post("/admin/accounts/suspend", { username: "cem", reason: "Away." }, "/admin/accounts");
    const letIn = () => nour.post("/admin/accounts/reinstate", { username: "cem" }, "/admin/accounts");
    for (let quarters = 0; quarters < 3; quarters++) {
      place.advance(15 * 60_000);
      assert.equal((await nour.get("/admin/accounts")).statusCode, 200, "her session goes on");
    }
    for (const act of [() => role(nour, "eve", "admin"), () => confirm(nour, "bea"), letIn]) {
      const answer = await act();
      assert.equal(answer.statusCode, 303);
      assert.equal(answer.headers.location, "/admin/tree");
      assert.match((await nour.get("/admin/tree")).body, /Type your password first/);
    }
    const eve = await findAccountByName(place.context, "localhost", "eve");
    assert.equal(eve?.role, "member");
    assert.equal((await findAccountByName(place.context, "localhost", "cem"))?.status, "suspended");
    await bea.signIn();
    assert.equal(await canOpen(bea), false);
    assert.equal((await role(nour, "bea", "member")).statusCode, 303, "taking the role away can't wait");
    assert.equal((await findAccountByName(place.context, "localhost", "bea"))?.role, "member");

    assert.equal(await canOpen(nour), true);
    for (const answer of [await role(nour, "bea", "admin"), await confirm(nour, "bea")])
      assert.equal(answer.headers.location, "/admin/accounts");
    assert.equal(await canOpen(bea), true);
  });

  it("nobody whose row was written into the database", async () => {
    const fresh = await freshDatabase();
    const place = await openPlace({ databaseUrl: fresh.databaseUrl });
    const nour = await place.founder();
    const eve = await nour.bring("eve");
    const eveKey = await keyOf(place, eve);
    const client = new pg.Client({ connectionString: fresh.adminUrl });
    await client.connect();
    await client.query("update accounts set role = 'admin' where username = 'eve'");
    await client.query(
      `insert into review_grants select gen_random_uuid(), review_key_id, a.id, a.fingerprint, sealed, review_grants.tag
       from review_grants, accounts a where a.username = 'eve' limit 1`,
    );
    await client.end();
    assert.equal((await eve.get("/admin/tree")).statusCode, 303, "the account is as good as absent");
    assert.equal((await new Visitor(place.app).signIn("eve")).statusCode, 422);
    await nour.signIn();
    assert.equal((await confirm(nour, "eve")).statusCode, 422);
    assert.deepEqual(await opens(place, eveKey), []);
    assert.ok((place.context.forgedRows.get("accounts") ?? 0) > 0, "it was noticed");
  });

  it("nobody who minted a letter with a stolen server secret", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    await nour.bring("dora");
    const link = letterLink(place.context.config.origin, operatorLetter(place.context, "admin"));
    const eve = new Visitor(place.app);
    assert.equal((await eve.join(new URL(link).pathname, "eve")).statusCode, 303);
    for (let round = 0; round < 2; round++) {
      await nour.signIn();
      await eve.signIn();
    }
    assert.equal(await canOpen(eve), false);
    assert.deepEqual(await opens(place, await keyOf(place, eve)), []);
    assert.equal((await role(eve, "dora", "admin")).statusCode, 422, "nor can such a one make admins");
    const first = operatorLetter(place.context, "first-admin");
    const other = new Visitor(place.app);
    assert.equal((await other.join(`/invite/${first}`, "mallory")).statusCode, 404, "there is an admin");
  });

  it("nobody who was let in by a reset of an admin, until another admin confirms the new key", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    await role(nour, "bea", "admin");
    await confirm(nour, "bea");
    await bea.signIn();
    await nour.trust("bea");
    const path = await bea.openCase("nour");
    const thief = new Visitor(place.app);
    const words = wordsOf((await thief.post(path, { password: passwordOf("nour", 2) }, path)).body);
    await bea.agree("nour", words);
    assert.equal((await thief.signIn("nour", passwordOf("nour", 2))).statusCode, 303);
    assert.equal((await thief.get("/admin/tree")).statusCode, 404, "the role rests");
    await bea.signIn();
    await thief.signIn("nour", passwordOf("nour", 2));
    assert.deepEqual(await opens(place, await keyOf(place, thief)), []);
    assert.equal((await confirm(bea, "nour")).statusCode, 303);
    await thief.post("/admin/tree", { current_password: passwordOf("nour", 2) }, "/admin/tree");
    assert.ok(countOf((await thief.get("/admin/tree")).body, "tree-node") > 0, "another admin said yes");
  });

  it("not for new edges, once the role is gone; those who stay read old and new ones", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    await role(nour, "bea", "admin");
    await confirm(nour, "bea");
    const keys = async () => await place.context.db.selectFrom("review_keys").select("number").execute();
    assert.equal((await keys()).length, 1);
    const beaKey = await keyOf(place, bea);
    await role(nour, "bea", "member");
    assert.equal((await keys()).length, 2, "a new key for new edges");
    await nour.bring("late");
    assert.deepEqual(await opens(place, beaKey), [], "no grant is left to bea");
    assert.equal(await canOpen(nour), true);
    const { body } = await nour.get("/admin/tree");
    assert.match(body, /data-username="bea" data-depth="1"/);
    assert.match(body, /data-username="late" data-depth="1"/);
  });

  describe("not for new edges, either, where a writer took the grant of the one who left away:", () => {
    let place: Place;
    let nour: Visitor;
    const bea = { username: "bea", domain: "localhost" };
    const keys = async () => (await place.context.db.selectFrom("review_keys").select("number").execute()).length;
    /** @returns how many review keys there are */
    async function readerWithoutGrant(): Promise<number> {
      await role(nour, "bea", "admin");
      await confirm(nour, "bea");
      await nour.signIn();
      const { id } = (await findAccountByName(place.context, "localhost", "bea")) as { id: string };
      const { numDeletedRows } = await place.context.db
        .deleteFrom("review_grants")
        .where("account_id", "=", id)
        .executeTakeFirst();
      assert.equal(numDeletedRows, 1n);
      return await keys();
    }
    async function comesOnce(before: number): Promise<void> {
      for (let times = 0; times < 2; times++) {
        await nour.signIn();
        assert.equal(await keys(), before + 1, "a new key, once");
      }
    }

    before(async () => {
      place = await openPlace();
      nour = await place.founder();
      await nour.bring("bea");
      await nour.bring("ivo");
    });

    it("by an admin", async () => {
      const before = await readerWithoutGrant();
      await role(nour, "bea", "member");
      assert.equal(await keys(), before + 1);
      await comesOnce(before);
    });

    it("by the command line", async () => {
      const before = await readerWithoutGrant();
      await setRoleByOperator(place.context, bea, "member");
      await comesOnce(before);
    });

    it("by the command line, before an admin who is signed in makes another one", async () => {
      const before = await readerWithoutGrant();
      await setRoleByOperator(place.context, bea, "member");
      await role(nour, "ivo", "admin");
      assert.equal(await keys(), before + 1);
      await comesOnce(before);
    });

    it("by a suspension, at once", async () => {
      const before = await readerWithoutGrant();
      await nour.post("/admin/accounts/suspend", { username: "bea", reason: "Away." }, "/admin/accounts");
      assert.equal(await keys(), before + 1);
      await comesOnce(before);
      await nour.post("/admin/accounts/reinstate", { username: "bea" }, "/admin/accounts");
      await role(nour, "bea", "member");
    });

    it("and where the first try to make a new key fails", async () => {
      const before = await readerWithoutGrant();
      await setRoleByOperator(place.context, bea, "member");
      await place.context.pool.query(
        `alter table review_keys add constraint no_more check (number <= ${before}) not valid`,
      );
      assert.equal((await nour.signIn()).statusCode, 500);
      await place.context.pool.query("alter table review_keys drop constraint no_more");
      await comesOnce(before);
    });
  });

  it("whoever has the recovery phrase, written down and checked, when every key is lost", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    await nour.trust("bea");
    assert.match((await nour.get("/")).body, /no recovery phrase/);
    const draw = () => nour.post("/admin/recovery", { current_password: passwordOf("nour") }, "/admin/recovery");
    await draw();
    assert.match((await nour.get("/admin/recovery")).body, /data-testid="recovery-phrase"/);
    // Nor where somebody puts the session's row of before back.
    place.advance(15 * 60_000);
    assert.doesNotMatch((await nour.get("/admin/recovery")).body, /data-testid="recovery-phrase"/);
    await nour.post("/admin/recovery", { check: "on" });
    assert.match((await nour.get("/admin/recovery")).body, /It took longer than a quarter hour/);
    await draw();
    const shown = (await nour.get("/admin/recovery")).body;
    const list = /data-testid="recovery-phrase"[^>]*>(.*?)<\/ol>/s.exec(shown)?.[1] ?? "";
    const words = [...list.matchAll(/<li>([a-z]+)<\/li>/g)].map((match) => match[1] as string);
    assert.equal(words.length, 12);
    const stored = async () => (await place.context.db.selectFrom("review_recovery").selectAll().execute()).length;
    assert.equal(await stored(), 0, "it opens nothing before it was checked");
    const asked = [...(await nour.get("/admin/recovery?ask=1")).body.matchAll(/name="word_(\d+)"/g)].map(
      (one) => one[1],
    );
    assert.equal(asked.length, 3);
    const answers = Object.fromEntries(asked.map((at) => [`word_${at}`, words[Number(at) - 1] as string]));
    const bad = await nour.post("/admin/recovery", { check: "on", ...answers, [`word_${asked[0]}`]: "zebra" });
    assert.equal(bad.statusCode, 422);
    assert.equal((await nour.post("/admin/recovery", { check: "on", ...answers })).statusCode, 303);
    assert.equal(await stored(), 1);
    // A word or two of it may well stand in the page's own sentences.
    const after = (await nour.get("/admin/recovery")).body;
    assert.ok(!words.every((word) => after.includes(word)));
    assert.doesNotMatch(after, /data-testid="recovery-phrase"/);

    // The only admin is reset; the command line confirms, and a new review key takes over.
    const path = await bea.openCase("nour");
    const back = new Visitor(place.app);
    const four = wordsOf((await back.post(path, { password: passwordOf("nour", 2) }, path)).body);
    await bea.agree("nour", four);
    await back.signIn("nour", passwordOf("nour", 2));
    await confirmByOperator(place.context, { username: "nour", domain: "localhost" });
    await bea.bring("late");
    const nodes = async () => {
      await back.signIn("nour", passwordOf("nour", 2));
      await back.post("/admin/tree", { current_password: passwordOf("nour", 2) }, "/admin/tree");
      const { body } = await back.get("/admin/tree");
      return [...body.matchAll(/data-username="([^"]+)" data-depth="(\d)"/g)].map(
        ([, name, depth]) => `${name} ${depth}`,
      );
    };
    assert.deepEqual(await nodes(), ["bea 0", "late 1", "nour 0"], "the old edges don't open");
    const nourRow = await findAccountByName(place.context, "localhost", "nour");
    assert.ok(nourRow);
    assert.equal(await ensureReader(place.context, nourRow), false, "somebody can read");
    const { db, secret } = place.context;
    const kept = () => db.selectFrom("review_recovery").selectAll().executeTakeFirstOrThrow();
    const entropy = readRecoveryPhrase(words.join(" ")) as Uint8Array;
    const { tag: _tag, ...columns } = await kept();
    const phraseKey = deriveKey(entropy, "kith/v1/recovery phrase");
    assert.equal(discloseBytes(phraseKey, columns.locked_key, columns.id), undefined, "the words alone open no dump");
    // As an earlier Kith stored it.
    const key = unlockRecoveryKey(entropy, columns.locked_key, secret, columns.id) as Uint8Array;
    const earlier = { ...columns, locked_key: encloseBytes(phraseKey, key, columns.id) };
    await db
      .updateTable("review_recovery")
      .set(withTag(place.context, "review_recovery", earlier))
      .execute();
    await lockOldRecovery(place.context);
    assert.equal(discloseBytes(phraseKey, (await kept()).locked_key, columns.id), undefined, "nor of that one");
    assert.equal(await recoverReview(place.context, nourRow, "abandon ".repeat(11).concat("about")), "wrong-phrase");
    assert.equal(await recoverReview(place.context, nourRow, words.join("  ").toUpperCase()), "recovered");
    assert.deepEqual(await nodes(), ["nour 0", "bea 1", "late 2"]);
  });

  it("nobody by an earlier recovery phrase whose row was put back, beside the present one or in its place; it is reported", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const { context } = place;
    const { pool } = context;
    const account = (await findAccountByName(context, "localhost", "nour")) as AccountRow;
    const phrases = [newRecoveryPhrase(), newRecoveryPhrase()] as const;
    const rows: { row: string; id: string }[] = [];
    for (const phrase of phrases) {
      assert.equal((await keepRecovery(context, account, await keyOf(place, nour), phrase)).outcome, "done");
      rows.push((await pool.query("select r::text as row, id from review_recovery r")).rows[0]);
    }
    const [earlier, present] = rows as [(typeof rows)[number], (typeof rows)[number]];
    const put = ({ row }: { row: string }) =>
      pool.query("insert into review_recovery select ($1::review_recovery).*", [row]);
    const grantsTo = async ({ id }: { id: string }) =>
      (await pool.query("select from review_grants where account_id = $1", [id])).rowCount;
    for (const isAlone of [false, true]) {
      if (isAlone) await pool.query("delete from review_recovery");
      await put(earlier);
      context.forgedRows.clear();
      await inspect(context);
      assert.equal(context.forgedRows.get("review_recovery"), 1);
      await nour.signIn();
      assert.equal(await grantsTo(earlier), 0);
      assert.equal(await hasRecovery(context), !isAlone);
      const { body } = await nour.get("/");
      assert.equal(/no recovery phrase/.test(body), isAlone);
      await pool.query("delete from review_recovery");
      await put(present);
    }
    await nour.signIn();
    assert.equal(await grantsTo(present), 1);
    assert.equal(await recoverReview(context, account, phrases[0]), "wrong-phrase");
    assert.equal(await recoverReview(context, account, phrases[1]), "recovered");
  });

  it("a recovery key that an earlier Kith locked with the phrase alone is locked anew at the start, and stands in no file any more", async () => {
    const database = await freshDatabase();
    const place = await openPlace(database);
    const { db, secret } = place.context;
    const entropy = randomBytes(16);
    const id = randomUUID();
    const pair = await makeKeypair(id, new Date());
    const locked_key = encloseBytes(deriveKey(entropy, "kith/v1/recovery phrase"), pair.privateKey, id);
    const row = withTag(place.context, "review_recovery", { id, public_key: pair.publicKey, locked_key });
    await db.insertInto("review_recovery").values(row).execute();
    assert.equal(await standsInFiles(database, locked_key), true);

    const upkeep = startUpkeep(place.context);
    const deadline = Date.now() + 30_000;
    while ((await standsInFiles(database, locked_key)) && Date.now() < deadline) await sleep(200);
    upkeep.stop();
    assert.equal(await standsInFiles(database, locked_key), false);
    const kept = await db.selectFrom("review_recovery").selectAll().executeTakeFirstOrThrow();
    const key = unlockRecoveryKey(entropy, kept.locked_key, secret, id) as Uint8Array;
    assert.deepEqual(new Uint8Array(key), new Uint8Array(pair.privateKey));
  });

  it("the command line gives the role back whole or not at all, and it stands in the admins' log", async () => {
    const place = await openPlace();
    const { pool } = place.context;
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    await nour.trust("bea");
    const path = await bea.openCase("nour");
    const back = new Visitor(place.app);
    const words = wordsOf((await back.post(path, { password: passwordOf("nour", 2) }, path)).body);
    await bea.agree("nour", words);
    await back.signIn("nour", passwordOf("nour", 2));
    const name = { username: "nour", domain: "localhost" };
    const stored = () => contents(pool, ["accounts", "people", "admin_acts", "events", "review_keys"]);

    await assert.rejects(setRoleByOperator(place.context, name, "admin"), {
      name: "Failure",
      message: "the role rests since a reset: run kith admin confirm nour@localhost",
    });
    assert.match((await back.get("/")).body, /whoever runs the server can: <code>kith admin confirm<\/code>/);

    // Something happens between the account's row and the one that others see.
    await pool.query("alter table people add constraint no_more check (status <> 'active') not valid");
    const before = await stored();
    await assert.rejects(confirmByOperator(place.context, name), /no_more/);
    assert.deepEqual(await stored(), before);
    await pool.query("alter table people drop constraint no_more");

    assert.deepEqual(await confirmByOperator(place.context, name), { changed: true, reads: true });
    await back.signIn("nour", passwordOf("nour", 2));
    assert.match((await back.get("/admin/log")).body, /Key confirmed[\s\S]*by the command line/);
    assert.match((await back.get("/account")).body, /by those who run this place/);
    const after = await stored();
    assert.deepEqual(await confirmByOperator(place.context, name), { changed: false, reads: false });
    assert.deepEqual(await stored(), after);
  });

  it("no member: a whole dump before and after an invite, a redemption and a review holds no edge", async () => {
    const fresh = await freshDatabase();
    const place = await openPlace({ databaseUrl: fresh.databaseUrl });
    const nour = await place.founder();
    const dora = await nour.bring("dora");
    const client = new pg.Client({ connectionString: fresh.adminUrl });
    await client.connect();
    const dump = async () => {
      const tables = await client.query("select tablename from pg_tables where schemaname = 'public'");
      const rows: { table: string; row: Record<string, unknown> }[] = [];
      for (const { tablename } of tables.rows) {
        const { rows: found } = await client.query(`select * from "${tablename}"`);
        rows.push(...found.map((row: Record<string, unknown>) => ({ table: tablename as string, row })));
      }
      return rows;
    };
    const before = await dump();
    const letter = await dora.invite();
    const emil = new Visitor(place.app);
    await emil.join(letter, "emil", { trust: false });
    assert.equal(await canOpen(nour), true);
    await nour.get("/admin/tree?person=emil");
    const after = await dump();
    await client.end();

    const idOf = async (name: string) => (await findAccountByName(place.context, "localhost", name))?.id as string;
    const [doraId, emilId] = [await idOf("dora"), await idOf("emil")];
    const has = (row: Record<string, unknown>, id: string) =>
      Object.values(row).some((value) =>
        Buffer.isBuffer(value) ? value.includes(Buffer.from(uuidBytes(id))) : String(value).includes(id),
      );
    for (const { table, row } of [...before, ...after]) {
      assert.ok(!(has(row, doraId) && has(row, emilId)), `a row of ${table} names both`);
      if (has(row, doraId)) assert.ok(Object.values(row).includes(doraId), `${table} holds dora's id inside bytes`);
    }
    for (const visitor of [dora, emil]) {
      const key = await keyOf(place, visitor);
      for (const { table, row } of after) {
        for (const [column, value] of Object.entries(row)) {
          if (!Buffer.isBuffer(value) || value.length < 400) continue;
          const opened = await open(key, value);
          const own = Object.values(row).includes(await idOf(visitor.username));
          assert.ok(!opened || own, `${visitor.username} opens ${column} of a foreign row of ${table}`);
          if (opened && column === "edge") assert.fail(`${visitor.username} opens an edge`);
        }
      }
    }
  });
});
