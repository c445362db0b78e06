import assert from "node:assert/strict";
import { describe, it } from "node:test";
import pg from "pg";
import { nothingSeen } from "#kith/make-context.js";
import { csrfOf, openPlace, passwordOf, type Visitor } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { choose, letBackIn, openCommunity, trustAll, turnOnSecondStep } from "../support/resets.js";
import { beforeStatement, watchStatements } from "../support/statements.js";

const HOURS = 3_600_000;

describe("who reads the tables finds nothing", () => {
  it("of whose browser followed a letter or a link, or served somebody who joined", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    const sessions = async () =>
      (await place.context.pool.query("select xmin, ctid, * from sessions order by id")).rows as { id: Buffer }[];
    const letter = await nour.invite();
    const link = await who.bea.openCase("ada");
    const before = await sessions();
    place.advance(HOURS);
    assert.equal((await nour.get(letter)).statusCode, 200);
    assert.equal((await who.bea.get(link)).statusCode, 200);
    assert.equal((await who.bea.get("/help")).statusCode, 303, "idle, all the same");
    assert.deepEqual(await sessions(), before);

    const cookie = who.cem.cookies.get("session") as string;
    await who.cem.signIn();
    const invitation = await who.cem.invite();
    const mine = await sessions();
    await who.cem.join(invitation, "dora");
    const after = await sessions();
    assert.equal(after.length, mine.length + 1);
    const ids = new Set(mine.map(({ id }) => id.toString("hex")));
    assert.deepEqual(
      after.filter(({ id }) => ids.has(id.toString("hex"))),
      mine,
      "the inviter's row is as it was",
    );
    who.cem.cookies.set("session", cookie);
    assert.equal((await who.cem.get("/trust")).statusCode, 303, "though it is over");
  });

  it("of who signed out, right after helping or at any time: but for a mark that only the member can tell from others", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    const sessions = async () =>
      (await place.context.pool.query("select xmin, ctid, * from sessions order by id")).rows;
    const marks = async () => (await place.context.pool.query("select mark from left_sessions order by mark")).rows;
    const cookie = who.bea.cookies.get("session") as string;
    const elsewhere = place.visitor();
    await elsewhere.signIn("bea");
    const [rows, before] = [await sessions(), await marks()];
    assert.match((await elsewhere.get("/security")).body, /name="session"/);
    await who.bea.signOut();
    assert.deepEqual(await sessions(), rows);
    assert.equal((await marks()).length, before.length + 1);
    const again = place.visitor();
    again.cookies.set("session", cookie);
    assert.equal((await again.get("/trust")).statusCode, 303, "it is over all the same");
    place.context.seen = nothingSeen();
    assert.equal((await again.get("/trust")).statusCode, 303, "and for a process that has just begun");
    const list = (await elsewhere.get("/security")).body;
    assert.doesNotMatch(list, /name="session"/, "nor does the member's own list show it");
    await place.context.pool.query("delete from left_sessions");
    assert.equal((await again.get("/trust")).statusCode, 200, "it is the mark that ends it");

    // Whether a browser had a session before it got another shows no more than whose it was.
    const grown = async (visitor: Visitor) => {
      const known = await marks();
      await visitor.signIn("ada");
      return (await marks()).length - known.length;
    };
    assert.deepEqual([await grown(place.visitor()), await grown(who.ada), await grown(elsewhere)], [1, 1, 1]);
  });

  it("of whose browser it was, when somebody suspended follows a letter", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea"]);
    await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree");
    const act = async (kind: "suspend" | "reinstate") =>
      (await nour.post(`/admin/accounts/${kind}`, { username: "bea", reason: "Away." }, "/admin/accounts")).statusCode;
    const letter = await nour.invite();
    const cookie = who.bea.cookies.get("session") as string;
    assert.equal(await act("suspend"), 303);
    const sessions = async () =>
      (await place.context.pool.query("select xmin, ctid, * from sessions order by id")).rows;
    const before = await sessions();
    assert.equal((await who.bea.get(letter)).statusCode, 200);
    assert.deepEqual(await sessions(), before);
    assert.equal(await act("reinstate"), 303);
    who.bea.cookies.set("session", cookie);
    assert.equal((await who.bea.get("/trust")).statusCode, 303, "over for good");
  });

  it("of who sent or followed a letter or a link, among the limits", async () => {
    const { place, nour, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const [letter, link] = [await nour.invite(), await who.bea.openCase("ada")];
    const limits = async () =>
      (await place.context.pool.query("select key, points from limits_points order by key")).rows;
    await place.context.pool.query("delete from limits_points");
    for (const path of [letter, link]) {
      for (const visitor of [place.visitor(), nour]) assert.equal((await visitor.get(path)).statusCode, 200);
    }
    await choose(place, link, passwordOf("ada", 2));
    assert.equal((await place.visitor().join(letter, "dora")).statusCode, 303);
    assert.deepEqual(await limits(), []);
    assert.equal((await place.visitor().get(letter)).statusCode, 404);
    assert.deepEqual(await limits(), [], "nor of one that is dead");
  });

  it("in two resets of one member of whether the same one helped", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const rowIds = new Set<string>();
    for (let time = 0; time < 14; time++) {
      await who.bea.openCase("ada");
      const [row] = await place.context.db.selectFrom("reset_cases").select("row_id").execute();
      rowIds.add(row?.row_id as string);
      await who.ada.signIn();
    }
    // Fewer by chance: once in a billion times.
    assert.ok(rowIds.size >= 3, `${rowIds.size} rows`);
  });
});

describe("what does not fit into a row", () => {
  it("fills pages of its own, as does each row of accounts: a neighbour would clear old pieces away, and the log tell who", async () => {
    const database = await freshDatabase();
    const place = await openPlace({ databaseUrl: database.databaseUrl });
    const admin = new pg.Client({ connectionString: database.adminUrl });
    admin.on("error", () => undefined); // when a test failed before it was closed
    await admin.connect();
    await admin.query("alter table accounts set (autovacuum_enabled = off, toast.autovacuum_enabled = off)");
    const { rows: tables } = await admin.query(
      `select relname as table, reltoastrelid::regclass::text as name from pg_class where relnamespace = 'public'::regnamespace
       and relkind = 'r' and relname !~ '^(onion|kysely)' and reltoastrelid <> 0`,
    );
    const look = async () => {
      for (const { table, name } of tables) {
        const { rows: shared } = await admin.query(
          `select (ctid::text::point)[0] as page from ${name} group by page having count(distinct chunk_id) > 1 or count(*) < 4`,
        );
        assert.deepEqual(shared, [], `pages of ${table} that are not one value's`);
      }
      const { rows } = await admin.query(
        "select (ctid::text::point)[0] as page from accounts group by page having count(*) > 1",
      );
      assert.deepEqual(rows, [], "each row of accounts has a page for itself");
    };
    const nour = await place.founder();
    const members = [];
    for (const name of ["ada", "bea", "cem", "dora", "emil"]) members.push(await nour.bring(name));
    await members[0]?.trust("emil");
    await turnOnSecondStep(place, members[4] as Visitor);
    for (let round = 0; round < 3; round++) {
      for (const [at, member] of members.entries()) {
        if (at < 4) await member.signIn();
        await member.invite();
        await look();
      }
      await members[round + 1]?.trust("emil");
      await members[3]?.post("/account/contact", { address: `dora${round}@example.org` }, "/account");
      await look();
    }
    await letBackIn(place, members[4] as Visitor, "ada");
    await look();
    await admin.end();
  });
});

describe("somebody who was thrown out", () => {
  const ways: Record<string, (owner: Visitor, thief: Visitor) => Promise<unknown>> = {
    "by a new password": (owner) => {
      const next = { current_password: passwordOf("ada"), password: passwordOf("ada", 2) };
      return owner.post("/security/password", next, "/security");
    },
    "by ending that session": async (owner) => {
      const page = (await owner.get("/security")).body;
      const [, session] = /name="session" value="([^"]+)"/.exec(page) as RegExpExecArray;
      return await owner.post("/security/sessions/end", { session: session as string }, "/security");
    },
    "by signing out in the browser that was left open": (_owner, thief) => thief.signOut(),
  };
  for (const [way, throwOut] of Object.entries(ways)) {
    it(`${way} changes nothing any more by what was sent before, and waits for its turn`, async () => {
      const { place, who } = await openCommunity(["ada", "bea", "mal"]);
      await trustAll(who.ada, ["bea"]);
      const thief = place.visitor();
      await thief.signIn("ada");
      await thief.get("/trust");
      const same = place.visitor();
      same.cookies.set("session", thief.cookies.get("session") as string);
      await same.get("/trust");
      await beforeStatement(place.context.pool, [/limits_points/, /from people/], async () => {
        assert.equal(((await throwOut(who.ada, thief)) as { statusCode: number }).statusCode, 303);
      });
      const answer = await same.post("/trust", { username: "mal" });
      assert.match(String(answer.headers.location), /^\/sign-in/);
      const ada = place.visitor();
      await ada.signIn("ada", passwordOf("ada", way === "by a new password" ? 2 : 1));
      const list = (await ada.get("/trust")).body;
      assert.match(list, /data-username="bea"/);
      assert.doesNotMatch(list, /data-username="mal"/);
    });
  }

  it("is out of a session that went idle in the owner's browser, when the owner signs out or in there", async () => {
    const { place, who } = await openCommunity(["ada"]);
    for (const go of [() => who.ada.signOut(), () => who.ada.signIn()]) {
      await who.ada.signIn();
      const thief = place.visitor();
      for (const name of ["session", "visit"]) {
        const value = who.ada.cookies.get(name);
        if (value) thief.cookies.set(name, value);
      }
      for (let third = 0; third < 3; third++) {
        place.advance(HOURS / 3);
        assert.equal((await thief.get("/trust")).statusCode, 200);
      }
      assert.equal((await who.ada.get("/trust")).statusCode, 303, "idle");
      await go();
      assert.equal((await thief.get("/trust")).statusCode, 303);
    }
  });
});

describe("a thief with a copied cookie", () => {
  it("keeps nobody out who types the password, however often all other sessions are ended", async () => {
    const { place, who } = await openCommunity(["ada"]);
    const end = () => who.ada.post("/security/sessions/end", { all: "on" }, "/security");
    const owner = place.visitor();
    let [rounds, isEnding] = [0, false];
    await watchStatements(place.context.pool, async (text) => {
      if (isEnding || rounds === 3 || !/update accounts set/.test(text)) return;
      rounds++;
      isEnding = true;
      assert.equal((await end()).statusCode, 303);
      isEnding = false;
    });
    assert.equal((await owner.signIn("ada")).statusCode, 303, "ended each time before it was stored");
    assert.equal(rounds, 3);
    assert.equal((await owner.get("/trust")).statusCode, 200);
    place.advance(HOURS);
    await owner.get("/trust");
    const thief = place.visitor();
    await thief.signIn("ada");
    const again = () => thief.post("/security/sessions/end", { all: "on" }, "/security");
    for (let count = 1; count <= 9; count++) assert.equal((await again()).statusCode, 303, `${count}`);
    await owner.signIn("ada");
    const [, one] = /name="session" value="([^"]+)"/.exec((await thief.get("/security")).body) ?? [];
    const single = await thief.post("/security/sessions/end", { session: one as string }, "/security");
    assert.equal(single.statusCode, 303, "one by one counts as well");
    assert.equal((await owner.get("/trust")).statusCode, 303);
    const refused = await again();
    assert.equal(refused.statusCode, 429);
    assert.equal(refused.headers["retry-after"], "900");
    await owner.signIn("ada");
    assert.equal((await again()).statusCode, 429);
    assert.equal((await owner.get("/trust")).statusCode, 200);
    place.advance(HOURS / 4);
    assert.equal((await again()).statusCode, 303, "a quarter hour later");
  });
});

describe("endings of sessions", () => {
  const QUARTER = HOURS / 4;
  async function openAtQuarter() {
    const { place, who } = await openCommunity(["ada"]);
    place.advance(QUARTER - (place.context.clock().getTime() % QUARTER));
    const token = csrfOf((await who.ada.get("/security")).body) as string;
    // Also one that ends nothing counts.
    const body = new URLSearchParams({ _csrf: token, session: "nobody's" }).toString();
    const end = async () => (await who.ada.request("POST", "/security/sessions/end", body)).statusCode;
    return { place, ada: who.ada, end };
  }

  it("are ten in a quarter hour, of however many that come at once", async () => {
    const { end } = await openAtQuarter();
    // More than a session is read anew for one change of it.
    const answers = await Promise.all(Array.from({ length: 120 }, end));
    assert.deepEqual(answers.sort(), [...Array(10).fill(303), ...Array(110).fill(429)]);
  });

  it("are still counted after what the session did meanwhile", async () => {
    const { place, ada, end } = await openAtQuarter();
    await beforeStatement(place.context.pool, [/update accounts set/], async () => {
      for (let count = 1; count <= 10; count++) assert.equal(await end(), 303, `${count}`);
    });
    assert.equal((await ada.post("/resets/stop", {}, "/account")).headers.location, "/resets/stopped");
    assert.equal(await end(), 429);
  });
});

describe("a yes to a new key", () => {
  it("is a yes to the key that was asked about, not to one that came while the owner rang", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea"]);
    await trustAll(who.bea, ["cem"]);
    const bea = await letBackIn(place, who.cem, "bea");
    await who.ada.signIn();
    const askedOn = async (page: string) => {
      const form = /action="\/trust\/confirm".*?<\/form>/s.exec((await who.ada.get(page)).body)?.[0] ?? "";
      return /name="fingerprint" value="([0-9a-f]{40})"/.exec(form)?.[1] as string;
    };
    const first = await askedOn("/trust/confirm");
    assert.ok(first);
    for (const page of ["/", "/trust"]) assert.equal(await askedOn(page), first, page);
    await bea.trust("cem");
    await letBackIn(place, who.cem, "bea", 3);
    const yes = (fingerprint: string) => who.ada.post("/trust/confirm", { username: "bea", fingerprint }, "/trust");
    const late = await yes(first);
    assert.equal(late.statusCode, 422);
    assert.match(late.body, /Bea has yet another key since you saw this page/);
    const second = await askedOn("/trust");
    assert.notEqual(second, first);
    assert.equal((await yes(second)).statusCode, 303);
  });
});

describe("a session that goes on alone", () => {
  it("is as old as it was, unless the password was typed for it", async () => {
    const { place, nour } = await openCommunity([]);
    place.advance(HOURS / 3);
    await nour.get("/security");
    place.advance(HOURS / 3);
    await nour.get("/security");
    const role = { username: "bea", role: "admin" };
    await nour.bring("bea", { trust: false });
    assert.equal(
      (await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree")).statusCode,
      303,
    );
    place.advance(HOURS / 3);
    assert.equal((await nour.post("/security/sessions/end", { all: "1" }, "/security")).statusCode, 303);
    assert.equal((await nour.get("/security")).statusCode, 200, "it goes on");
    const asked = await nour.post("/admin/accounts/role", role, "/admin/accounts");
    assert.equal(asked.headers.location, "/admin/tree", "whoever finds the browser open has to know it");
    for (let third = 0; third < 40 && (await nour.get("/trust")).statusCode === 200; third++) {
      await nour.post("/security/sessions/end", { all: "1" }, "/security");
      place.advance(HOURS / 3);
    }
    assert.equal((await nour.get("/trust")).statusCode, 303, "twelve hours at most");
  });
});
