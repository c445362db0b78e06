import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { openPlace, type Place, passwordOf, textOf, Visitor } from "../support/app.js";
import { accountOf, asSeen, contents, countRows, slotsOf } from "../support/pages.js";
import { readable } from "../support/resets.js";

const hex = (rows: { [column: string]: Buffer }[], column: string) => rows.map((row) => row[column]?.toString("hex"));

describe("signing in", () => {
  let place: Place;
  let nour: Visitor;
  let ada: Visitor;
  let bea: Visitor;
  before(async () => {
    place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "40" } });
    nour = await place.founder();
    bea = await nour.bring("bea");
    ada = await nour.bring("ada", { trust: false });
    await nour.bring("sus");
    await ada.trust("bea");
    await setStatus(place.context, { username: "sus", domain: "localhost" }, "suspended");
  });

  it("with the right name and password, in any spelling of the name, answers 303 and sets a cookie", async () => {
    for (const name of ["ada", " ADA ", "ada@localhost", "Ada@LOCALHOST"]) {
      const visitor = place.visitor();
      const answer = await visitor.post("/sign-in", { username: name, password: passwordOf("ada") }, "/sign-in");
      assert.equal(answer.statusCode, 303, name);
      assert.equal(answer.headers.location, "/");
      assert.ok(visitor.cookies.has("session"));
      assert.equal((await visitor.get("/trust")).statusCode, 200);
    }
  });

  it("writes all that is sealed anew: what does not change must not tell what is in use", async () => {
    const before = await accountOf(place.context.pool, "ada");
    await place.visitor().signIn("ada");
    const after = await accountOf(place.context.pool, "ada");
    const lasting = ["fingerprint", "locked_key", "salt", "session_epoch"];
    for (const [column, value] of Object.entries(before)) {
      if (!Buffer.isBuffer(value) || lasting.includes(column) || column === "edge") continue;
      assert.notDeepEqual((after as Record<string, unknown>)[column], value, column);
    }
  });

  it("with a wrong password answers 422, sets no cookie, changes nothing and shows what was typed but no password", async () => {
    const before = await contents(place.context.pool);
    const sessions = await countRows(place.context.pool, "sessions");
    for (const [username, password] of [
      ["ada", "9 wrong wrong wrong wrong"],
      ["ada", passwordOf("ada").toUpperCase()],
      ["ada", ` ${passwordOf("ada")}`],
      ["ada", passwordOf("bea")],
      ["ada@else.example", passwordOf("ada")],
      ["ada@localhost@localhost", passwordOf("ada")],
      ["ada", "x".repeat(5_000)],
      ["", passwordOf("ada")],
      ["ada", ""],
      ["<script>", "x"],
      ["'; drop table accounts; --", "x"],
    ] as const) {
      const visitor = place.visitor();
      const answer = await visitor.post("/sign-in", { username, password }, "/sign-in");
      assert.equal(answer.statusCode, 422, username);
      assert.ok(!visitor.cookies.has("session"), username);
      if (password.length > 1) assert.ok(!answer.body.includes(password));
      assert.ok(!answer.body.includes("<script>"));
    }
    assert.deepEqual(await contents(place.context.pool), before);
    assert.equal(await countRows(place.context.pool, "sessions"), sessions);
  });

  it("says the same of a wrong password, an unknown name and a suspended member, byte for byte", async () => {
    const answer = async (username: string) => {
      const visitor = place.visitor();
      const seen = asSeen(
        await visitor.post("/sign-in", { username, password: "9 wrong wrong wrong wrong" }, "/sign-in"),
      );
      assert.ok(seen.page.includes(`value="${username}"`));
      // The length of the page holds the length of the name, which the visitor typed; all these have three letters.
      return { ...seen, page: seen.page.replaceAll(`value="${username}"`, 'value=""') };
    };
    const wrong = await answer("ada");
    assert.equal(wrong.status, 422);
    for (const name of ["xyz", "sus", "a@b", "ROOT".slice(1)]) assert.deepEqual(await answer(name), wrong, name);
  });

  it("tells a suspended member who knows the password, and lets nobody in", async () => {
    const visitor = place.visitor();
    const answer = await visitor.signIn("sus");
    assert.equal(answer.statusCode, 403);
    assert.match(answer.body, /suspended/i);
    assert.ok(!visitor.cookies.has("session"));
    assert.equal((await visitor.get("/trust")).headers.location, "/sign-in?next=%2Ftrust");
  });

  it("regenerates all S rows: every value is new, old tokens prove nothing, and helpers can still help", async () => {
    const { pool } = place.context;
    const old = await slotsOf(pool, "ada");
    await place.visitor().signIn("ada");
    const rows = await slotsOf(pool, "ada");
    assert.deepEqual(
      rows.map((row) => row.id),
      old.map((row) => row.id),
      "the same slots",
    );
    for (const column of ["generation", "sealed_trusted", "sealed_token", "token_hash", "tag"]) {
      for (const value of hex(rows, column)) assert.ok(!hex(old, column).includes(value), `${column} is new`);
    }
    assert.equal(new Set(hex(rows, "generation")).size, 1);
    assert.equal(hex(rows, "generation")[0], (await accountOf(pool, "ada")).generation.toString("hex"));

    const path = await bea.openCase("ada");
    assert.equal((await place.visitor().get(path)).statusCode, 200);
    // A thief who keeps the rows of yesterday and puts them back gets nothing for it.
    await place.visitor().signIn("ada");
    assert.equal((await place.visitor().get(path)).statusCode, 404, "a sign-in ends the case");
    const restore = async (saved: typeof old) => {
      for (const row of saved) {
        await pool.query(
          "update relations set generation = $2, sealed_trusted = $3, sealed_token = $4, token_hash = $5, tag = $6 where id = $1",
          [row.id, row.generation, row.sealed_trusted, row.sealed_token, row.token_hash, row.tag],
        );
      }
    };
    const present = await slotsOf(pool, "ada");
    await restore(rows);
    assert.equal(
      textOf((await bea.help("ada")).body, "handover-link"),
      undefined,
      "rows of an old generation are refused",
    );
    assert.equal((await place.visitor().signIn("ada")).statusCode, 422, "which of the two is older can't be told");
    await restore(present);
    assert.equal((await place.visitor().signIn("ada")).statusCode, 303);
  });

  it("by two at the same moment succeeds for both, and leaves rows of one generation", async () => {
    const { pool } = place.context;
    for (let round = 0; round < 5; round++) {
      const visitors = [place.visitor(), place.visitor(), place.visitor()];
      const answers = await Promise.all(visitors.map((visitor) => visitor.signIn("bea")));
      assert.deepEqual(
        answers.map((answer) => answer.statusCode),
        [303, 303, 303],
      );
      for (const visitor of visitors) assert.equal((await visitor.get("/trust")).statusCode, 200);
      const rows = await slotsOf(pool, "bea");
      assert.equal(rows.length, place.context.config.trustSlots);
      const generations = new Set(hex(rows, "generation"));
      assert.deepEqual([...generations], [(await accountOf(pool, "bea")).generation.toString("hex")]);
    }
    const page = (await bea.get("/security")).body;
    assert.ok(page.split('name="session"').length - 1 >= 14, "no session of a race was lost from the list");
  });

  it("never leads to another site, whatever next says", async () => {
    for (const next of [
      "//evil.example",
      "/\\evil.example",
      "\\\\evil.example",
      "https://evil.example",
      "/\t/evil.example",
      "/\n/evil.example",
      "javascript:alert(1)",
      "evil.example",
      "/%0d%0aSet-Cookie:x",
      " //evil.example",
      "/ü",
      "///evil.example",
      "/\u0000",
    ]) {
      const url = `/sign-in?next=${encodeURIComponent(next)}`;
      const visitor = place.visitor();
      const page = await visitor.get(url);
      assert.equal(page.statusCode, 200);
      const answer = await visitor.post(url, { username: "ada", password: passwordOf("ada") }, "/sign-in");
      assert.equal(answer.statusCode, 303, next);
      const target = new URL(answer.headers.location as string, "http://localhost:3000/sign-in");
      assert.equal(target.origin, "http://localhost:3000", next);
      assert.equal(answer.cookies.length, 1);
    }
    const back = await place.visitor().post("/sign-in?next=%2Fhelp", { username: "ada", password: passwordOf("ada") });
    assert.equal(back.headers.location, "/help", "a path of this site is followed");
    const loop = await place
      .visitor()
      .post("/sign-in?next=%2Fsign-in%2Fcode", { username: "ada", password: passwordOf("ada") });
    assert.equal(loop.headers.location, "/", "never below /sign-in");
    for (const next of ["/./sign-in", "/help/../sign-in", "/x/%2e%2E/sign-in", "/..", "/.%2e/sign-in/code"]) {
      const url = `/sign-in?next=${encodeURIComponent(next)}`;
      const answer = await place.visitor().post(url, { username: "ada", password: passwordOf("ada") }, "/sign-in");
      assert.equal(answer.headers.location, "/", next);
    }
  });

  it("never leads to another site by changing the language either", async () => {
    for (const path of ["//evil.example", "///evil.example/x", "/\\evil.example", "//evil.example/%2e%2e", "/about"]) {
      const answer = await place.visitor().request("GET", `${path}?language=de`);
      const location = answer.headers.location;
      if (location === undefined) continue;
      assert.equal(new URL(location, "http://localhost:3000/").origin, "http://localhost:3000", path);
    }
    const about = await place.visitor().get("/about?language=de");
    assert.equal(about.headers.location, "/about");
  });

  it("in the other language leads where the first one would have", async () => {
    const visitor = place.visitor();
    const page = await visitor.get("/sign-in?next=%2Ftrust%3Fa%3D1%26b%3D2&lost=1");
    const href = /<a class="me" href="([^"]+)"/.exec(page.body)?.[1]?.replaceAll("&amp;", "&") as string;
    const other = await visitor.get(new URL(href, "http://localhost/sign-in").href.slice("http://localhost".length));
    assert.equal(other.statusCode, 303);
    const german = await visitor.get(other.headers.location as string);
    assert.match(german.body, /<html lang="de">/);
    assert.match(german.body, /Du bist nicht mehr angemeldet/);
    const action = /<form action="([^"]+)"/.exec(german.body)?.[1]?.replaceAll("&amp;", "&") as string;
    const answer = await visitor.post(action, { username: "ada", password: passwordOf("ada") }, "/sign-in");
    assert.equal(answer.headers.location, "/trust?a=1&b=2");
    for (const next of ["//evil.example", "https://evil.example/", "/\\evil.example"]) {
      const query = `?next=${encodeURIComponent(next)}`;
      assert.doesNotMatch((await place.visitor().get(`/sign-in${query}`)).body, /evil/, next);
      const chosen = await place.visitor().get(`/sign-in${query}&language=de`);
      assert.equal(chosen.headers.location, "/sign-in", next);
    }
  });

  it("in the other language keeps of a letter's or a link's address the path alone", async () => {
    const letter = await nour.invite();
    const page = await place.visitor().get(`${letter}?suggest=1&x=y`);
    assert.match(page.body, /<a class="me" href="\?language=de"/);
    for (const path of [letter, "/handover/abc"]) {
      const answer = await place.visitor().get(`${path}?x=y&language=de`);
      assert.equal(answer.headers.location, path);
    }
  });

  it("puts a new session in the place of the one this browser had", async () => {
    const visitor = place.visitor();
    await visitor.signIn("ada");
    const old = visitor.cookies.get("session") as string;
    await visitor.signIn("ada");
    assert.notEqual(visitor.cookies.get("session"), old);
    visitor.cookies.set("session", old);
    assert.equal((await visitor.get("/trust")).statusCode, 303, "the old one is over");
  });

  it("out ends the session on the server, not only in the browser", async () => {
    const visitor = place.visitor();
    await visitor.signIn("ada");
    const cookie = visitor.cookies.get("session") as string;
    const answer = await visitor.signOut();
    assert.equal(answer.statusCode, 303);
    assert.ok(!visitor.cookies.has("session"));
    visitor.cookies.set("session", cookie);
    assert.equal((await visitor.get("/trust")).headers.location, "/sign-in?next=%2Ftrust");
  });

  it("ends after half an hour without a visit, and after twelve hours in any case", async () => {
    const visitor = place.visitor();
    await visitor.signIn("ada");
    for (let quarter = 0; quarter < 4; quarter++) {
      place.advance(25 * 60_000);
      assert.equal((await visitor.get("/trust")).statusCode, 200, "a visit keeps it");
    }
    place.advance(46 * 60_000);
    assert.equal((await visitor.get("/trust")).statusCode, 303, "idle");
    await visitor.signIn("ada");
    for (let half = 0; half < 30 && (await visitor.get("/trust")).statusCode === 200; half++)
      place.advance(25 * 60_000);
    assert.equal((await visitor.get("/trust")).statusCode, 303, "twelve hours");
  });

  it("that ran out says so to whoever sends a form, in both languages, and leads back to the form's page", async () => {
    const visitor = place.visitor();
    await visitor.signIn("ada");
    const before = await contents(place.context.pool);
    place.advance(46 * 60_000);
    const lost = await visitor.post("/help", { username: "bea" }, "/sign-in");
    assert.equal(lost.statusCode, 303);
    const url = lost.headers.location as string;
    assert.equal(url, "/sign-in?next=%2Fhelp&lost=1");
    const page = readable((await visitor.get(url)).body);
    assert.match(page, /You are not signed in any more.* What you sent just now was not done/);
    const german = await visitor.request("GET", url, undefined, { "accept-language": "de" });
    assert.match(readable(german.body), /Was du eben abgeschickt hast, ist nicht geschehen/);
    assert.deepEqual(await contents(place.context.pool), before);
    const action = /<form action="([^"]+)"/.exec((await visitor.get(url)).body)?.[1] as string;
    const back = await visitor.post(action, { username: "ada", password: passwordOf("ada") }, "/sign-in");
    assert.equal(back.headers.location, "/help");
    const looked = await place.visitor().get("/trust");
    assert.equal(looked.headers.location, "/sign-in?next=%2Ftrust", "who only looked lost nothing");
    assert.doesNotMatch((await place.visitor().get("/sign-in?next=%2Ftrust")).body, /You were signed out/);
  });

  it("keeps the last visit in the cookie, where nobody can make it later, and in no row", async () => {
    const visitor = place.visitor();
    await visitor.signIn("ada");
    const rows = async () => (await place.context.pool.query("select xmin, * from sessions order by id")).rows;
    const before = await rows();
    const cookie = visitor.cookies.get("session") as string;
    place.advance(16 * 60_000);
    assert.equal((await visitor.get("/trust")).statusCode, 200);
    assert.deepEqual(await rows(), before, "who goes on does not show in the database");
    assert.equal(visitor.cookies.get("session"), cookie, "the session's own cookie is not set anew");
    const [visit, tag] = (visitor.cookies.get("visit") ?? "").split(".") as [string, string];
    place.advance(30 * 60_000);
    for (const made of [`${Number(visit) + 2}.${tag}`, `${visit}.${"A".repeat(43)}`, visit, "", "."]) {
      const headers = { cookie: `session=${cookie}; visit=${made}` };
      const answer = await place.app.inject({ method: "GET", url: "/trust", headers });
      assert.equal(answer.statusCode, 303, "as idle as the cookie of the beginning");
      // Which ends it: put back for the next try.
      for (const { id, sealed, expiry_day } of before) {
        await place.context.pool.query("insert into sessions values ($1, $2, $3) on conflict do nothing", [
          id,
          sealed,
          expiry_day,
        ]);
      }
      place.context.seen.endedSessions.clear();
    }
    assert.equal((await visitor.get("/trust")).statusCode, 200, "the last visit was half an hour ago");
  });

  it("with a cookie that is none of ours is no session, whatever it holds", async () => {
    for (const value of ["", "x", "A".repeat(43), "%00", "__proto__", "A".repeat(8_000), '"quoted"', "a=b"]) {
      const answer = await place.app.inject({ method: "GET", url: "/trust", headers: { cookie: `session=${value}` } });
      assert.equal(answer.statusCode, 303, value);
    }
  });

  it("ends every session when the member is suspended, and a suspended helper helps nobody", async () => {
    await nour.signIn();
    await ada.signIn();
    const helper = await nour.bring("gil");
    await ada.trust("gil");
    assert.ok(textOf((await helper.help("ada")).body, "handover-link"));
    await setStatus(place.context, { username: "gil", domain: "localhost" }, "suspended");
    assert.equal((await helper.get("/help")).statusCode, 303);
    assert.equal((await helper.help("ada", true)).statusCode, 303);
    await setStatus(place.context, { username: "gil", domain: "localhost" }, "active");
    await helper.signIn();
    assert.equal((await helper.get("/help")).statusCode, 200, "reinstated");
    assert.ok(textOf((await helper.help("ada", true)).body, "handover-link"), "and of help again");
  });
});

describe("after a reset", () => {
  it("every session of the account is over, and so it is after a change of the password", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    const ada = await nour.bring("ada", { trust: false });
    await ada.trust("bea");
    const path = await bea.openCase("ada");
    const locked = new Visitor(place.app);
    const done = await locked.post(path, { password: passwordOf("ada", 2) }, path);
    assert.equal(done.statusCode, 200);
    assert.equal((await ada.get("/trust")).statusCode, 200, "until it is ripe, the open session stays");
    const words = /<ol class="words"[^>]*>(.*?)<\/ol>/s.exec(done.body)?.[1]?.match(/[a-z]+(?=<\/li>)/g) as string[];
    await bea.agree("ada", words);
    assert.equal((await ada.get("/trust")).statusCode, 200);
    assert.equal((await locked.signIn("ada", passwordOf("ada", 2))).statusCode, 303);
    assert.equal((await ada.get("/trust")).headers.location, "/sign-in?next=%2Ftrust");
    const second = new Visitor(place.app);
    await second.signIn("ada", passwordOf("ada", 2));
    const fields = { current_password: passwordOf("ada", 2), password: passwordOf("ada", 3) };
    assert.equal((await locked.post("/security/password", fields, "/security")).statusCode, 303);
    assert.equal((await locked.get("/trust")).statusCode, 200, "the one that changed it goes on");
    assert.equal((await second.get("/trust")).statusCode, 303);
  });
});
