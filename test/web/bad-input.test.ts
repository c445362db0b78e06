import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { csrfOf, openPlace, type Place, passwordOf, Visitor } from "../support/app.js";
import { contents } from "../support/pages.js";
import { filled, type ListedRoute, routesOf } from "../support/routes.js";

const FIELDS = [
  "username",
  "password",
  "trust_inviter",
  "confirm",
  "current_password",
  "threshold",
  "wait_days",
  "keep_key",
  "again",
  "case",
  "lost_second_step",
  "note",
  "invite",
  "code",
  "session",
  "all",
  "language",
  "address",
  "q",
  "month",
  "domain",
  "state",
  "reason",
  "branch",
  "everybody",
  "what",
  "count",
  "inviter",
  "role",
  "act",
  "check",
  "word_1",
  "onion",
  "port",
  "fallback",
  "list",
  "strict",
];
/** What the forms of admins offer. */
const MEANT = ["member", "admin", "inviting", "sign-in", "both", "3", "nour", "on", "example.org"];
const NASTY = [
  "",
  "\u0000",
  "ada\u0000",
  "\u0000".repeat(50),
  "'",
  '"',
  "' or 1=1 --",
  "';drop table accounts;--",
  "<script>alert(1)</script>",
  "{{7*7}}",
  "{% raise %}",
  `${"$"}{7*7}`,
  "../../etc/passwd",
  "%00",
  "%",
  "%ff",
  "\ud800",
  "\u202e",
  "﷽".repeat(20),
  "🦔".repeat(100),
  `x${"🦔".repeat(100)}`,
  "-1",
  "0",
  "1e309",
  "NaN",
  "Infinity",
  "999999999999999999999",
  "0x10",
  "1.5",
  "true",
  "null",
  "undefined",
  "[object Object]",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "on",
  "x".repeat(10_000),
  "a@".repeat(500),
  "\r\nSet-Cookie: a=b",
  "00000000-0000-0000-0000-000000000000",
  "ada",
  "bea@localhost",
  " ",
  "\n\t",
  "İ",
  "ſ",
  "K",
];

describe("bad input", () => {
  let place: Place;
  let posts: ListedRoute[];
  let nour: Visitor;
  let ada: Visitor;
  let letter: string;
  let handover: string;
  before(async () => {
    place = await openPlace();
    posts = routesOf(place.app).filter(({ methods }) => methods.includes("POST"));
    nour = await place.founder();
    const bea = await nour.bring("bea");
    ada = await nour.bring("ada");
    await ada.trust("bea");
    letter = await nour.invite();
    handover = await bea.openCase("nour").catch(() => bea.openCase("ada"));
  });
  const pathOf = (url: string, real: boolean) =>
    real && url.includes(":letter") ? letter : real && url.includes(":secret") ? handover : filled(url);
  const tokens = new Map<Visitor, string>();
  /** Sends a body as it is, with a good token in front. */
  const send = async (visitor: Visitor, path: string, body: string) => {
    let token = tokens.get(visitor);
    if (token === undefined) {
      token = csrfOf((await visitor.get("/sign-in")).body) ?? csrfOf((await visitor.get("/help")).body) ?? "";
      tokens.set(visitor, token);
    }
    return await visitor.request("POST", path, `_csrf=${encodeURIComponent(token)}&${body}`);
  };
  /** Forms that end the session or the letter would leave nothing to try. */
  const harmless = (url: string) => !["/sign-out", "/security/sessions/end", "/resets/stop"].includes(url);

  it("in any field of any form is answered without a fault, signed in or not", async () => {
    const state = await contents(place.context.pool, ["people", "spent_invites", "approvals"]);
    const stranger = new Visitor(place.app);
    for (const { url } of posts) {
      if (!harmless(url)) continue;
      await fc.assert(
        fc.asyncProperty(
          fc.dictionary(
            fc.constantFrom(...FIELDS),
            fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary" })),
            { maxKeys: 6 },
          ),
          fc.boolean(),
          fc.boolean(),
          async (fields, signedIn, real) => {
            const visitor = signedIn ? ada : stranger;
            const body = Object.entries(fields)
              .map(([name, value]) => `${name}=${encodeURIComponent(Buffer.from(value).toString())}`)
              .join("&");
            const answer = await send(visitor, pathOf(url, real), body);
            assert.ok(answer.statusCode < 500, `${url} answers ${answer.statusCode} to ${body}`);
            assert.ok(!answer.body.includes("<script>alert"));
            assert.equal(
              answer.headers["set-cookie"]?.toString().includes("a=b"),
              answer.headers["set-cookie"] ? false : undefined,
            );
          },
        ),
        { numRuns: 5 },
      );
    }
    assert.deepEqual(await contents(place.context.pool, ["people", "spent_invites", "approvals"]), state);
    assert.equal((await new Visitor(place.app).signIn("ada")).statusCode, 303, "and nobody's password changed");
  });

  it("in any field of an admin's form is answered without a fault, to the admin too", async () => {
    const own = await openPlace();
    const admin = await own.founder();
    await admin.bring("ada");
    assert.equal(
      (await admin.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree")).statusCode,
      303,
    );
    const urls = posts.map(({ url }) => url).filter((url) => url.startsWith("/admin"));
    assert.ok(urls.length > 15, urls.join());
    let taken = 0;
    for (const url of urls) {
      await fc.assert(
        fc.asyncProperty(
          // Somebody who is there, mostly: nothing else is looked at otherwise.
          fc.constantFrom("ada", "ada", "ada", "zoe", ...NASTY),
          fc.dictionary(
            fc.constantFrom(...FIELDS.filter((name) => name !== "username")),
            fc.oneof(fc.constantFrom(...NASTY, ...MEANT), fc.string({ unit: "binary" })),
            { maxKeys: 6 },
          ),
          async (username, fields) => {
            const body = Object.entries({ username, ...fields })
              .map(([name, value]) => `${name}=${encodeURIComponent(Buffer.from(value).toString())}`)
              .join("&");
            const answer = await send(admin, url, body);
            assert.ok(answer.statusCode < 500, `${url} answers ${answer.statusCode} to ${body}`);
            assert.notEqual(answer.statusCode, 404, `${url} is there for an admin`);
            assert.ok(!answer.body.includes("<script>alert"));
            if (answer.statusCode === 303) taken += 1;
          },
        ),
        { numRuns: 10 },
      );
      const twice = await send(admin, url, FIELDS.map((name) => `${name}=a&${name}=b`).join("&"));
      assert.ok(twice.statusCode < 500, `${url} ${twice.statusCode}`);
    }
    assert.ok(taken > 0, "some were as they should be");
    assert.equal((await admin.signIn()).statusCode, 303);
    assert.equal((await admin.get("/admin/accounts")).statusCode, 200, "the admin is one still");
  });

  it("that names columns of an account changes none of them, on any form of a member, filled in rightly or not", async () => {
    const own = await openPlace();
    const nour = await own.founder();
    for (const name of ["bea", "cem"]) await nour.bring(name);
    const ada = await nour.bring("ada");
    await ada.invite();
    const open = /name="invite" value="([^"]+)"/.exec((await ada.get("/invites")).body)?.[1] as string;
    const columns = async () =>
      (
        await own.context.pool.query(
          "select username, id, domain, status, role, frozen, granted from accounts order by username",
        )
      ).rows;
    const before = await columns();
    const wanted = { role: "admin", granted: "9", frozen: "both", status: "suspended", people_version: "99" };
    const more = { ...wanted, id: before[0].id, domain: "evil.example", session_epoch: "x", tag: "x" };
    const rules = { threshold: "1", wait_days: "0" };
    const password = { current_password: passwordOf("ada"), password: passwordOf("ada", 2) };
    const right: [url: string, fields: Record<string, string>, status?: number][] = [
      ["/trust", { username: "bea" }],
      ["/trust/rules", rules],
      ["/trust/remove", { username: "bea", confirm: "on" }],
      ["/invites", { note: "" }],
      ["/invites/revoke", { invite: open }],
      ["/account/language", { language: "de" }],
      ["/account/contact", { address: "ada@mail.example" }],
      ["/help", { username: "bea" }, 200],
      ["/resets/stop", {}],
      ["/security/totp", { current_password: passwordOf("ada") }],
      ["/security/password", password],
      ["/security/sessions/end", { all: "on" }],
    ];
    for (const [url, fields, status = 303] of right) {
      const answer = await ada.post(url, { ...more, ...fields }, "/help");
      assert.equal(answer.statusCode, status, url);
      assert.deepEqual(await columns(), before, url);
    }
    for (const { url } of posts) {
      if (url === "/sign-out" || url.includes(":")) continue;
      await ada.post(url, { ...more, username: "ada" }, "/help");
      assert.deepEqual(await columns(), before, url);
    }
    const zoe = own.visitor();
    const letters = await nour.invite();
    const joined = await zoe.post(letters, { ...more, username: "zoe", password: passwordOf("zoe") }, letters);
    assert.equal(joined.statusCode, 303);
    const made = (await columns()).find(({ username }) => username === "zoe");
    assert.deepEqual(
      { ...made, id: 0 },
      { ...before.find(({ username }) => username === "ada"), username: "zoe", id: 0 },
    );
    const again = await zoe.post("/sign-in", { ...more, username: "zoe", password: passwordOf("zoe") }, "/sign-in");
    assert.equal(again.statusCode, 303);
    assert.deepEqual(
      (await columns()).filter(({ username }) => username !== "zoe"),
      before,
    );
    assert.deepEqual(
      (await columns()).find(({ username }) => username === "zoe"),
      made,
    );
  });

  it("with a field sent twice counts as not sent, and is no fault", async () => {
    for (const { url } of posts) {
      if (!harmless(url)) continue;
      const body = FIELDS.map((name) => `${name}=a&${name}=b`).join("&");
      for (const real of [true, false]) {
        const answer = await send(ada, pathOf(url, real), body);
        assert.ok(answer.statusCode < 500, `${url} ${answer.statusCode}`);
      }
    }
    const twice = `username=ada&username=bea&password=${encodeURIComponent(passwordOf("ada"))}&password=x`;
    const stranger = new Visitor(place.app);
    assert.equal((await send(stranger, "/sign-in", twice)).statusCode, 422);
    assert.ok(!stranger.cookies.has("session"));
  });

  it("with names that mean something to the language is no fault", async () => {
    for (const name of [
      "__proto__",
      "constructor",
      "__proto__[a]",
      "username[]",
      "username[a]",
      "a.b",
      "",
      "%00",
      "%ff",
      "[",
      "length",
    ]) {
      const answer = await send(ada, "/help", `${name}=x&username=zoe&${name}`);
      assert.equal(answer.statusCode, 200, name);
    }
    assert.equal(({} as Record<string, unknown>).a, undefined);
  });

  it("of another type or too large is refused before anything is done", async () => {
    const state = await contents(place.context.pool);
    const form = "application/x-www-form-urlencoded";
    for (const { url } of posts) {
      for (const [type, body, expected] of [
        ["application/json", '{"username":"ada"}', 415],
        ["application/json", "{", 415],
        ["text/plain", "username=ada", 415],
        ["multipart/form-data; boundary=x", "--x\r\n\r\n--x--", 415],
        ["", "username=ada", 415],
        ["x", "username=ada", 415],
        [`${form}, ${form}`, "username=ada", 415],
        [form, `username=${"a".repeat(70_000)}`, 413],
        [form, "&".repeat(65_000), 403],
        [form, "a=b&".repeat(16_000), 403],
        [form, "", 403],
      ] as const) {
        const answer = await place.app.inject({
          method: "POST",
          url: filled(url),
          payload: body,
          headers: {
            "content-type": type,
            cookie: [...ada.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
          },
        });
        // Without its token; to a member there is nothing below /admin.
        const status = expected === 403 && url.startsWith("/admin") ? 404 : expected;
        assert.equal(answer.statusCode, status, `${url} ${type.slice(0, 30)} ${body.slice(0, 20)}`);
      }
    }
    assert.deepEqual(await contents(place.context.pool), state);
  });

  it("in cookies is no fault, however large or broken they are", async () => {
    const session = ada.cookies.get("session");
    for (const cookie of [
      `session=${"A".repeat(100_000)}`,
      `csrf=${"A".repeat(100_000)}; session=${session}`,
      "a=b; ".repeat(3_000),
      `session=${session}; session=x`,
      "session=%ff; csrf=%",
      "=; =;",
      "session",
      ";;;;",
      "csrf=__proto__",
      "language=xx",
      "language=%00",
      "__proto__=x; constructor=y",
      "\u0001\u0002",
    ]) {
      for (const [method, url] of [
        ["GET", "/trust"],
        ["GET", "/sign-in"],
        ["POST", "/help"],
        ["GET", "/nowhere"],
      ] as const) {
        const answer = await place.app.inject({ method, url, headers: { cookie } });
        assert.ok(answer.statusCode < 500, `${method} ${url} ${answer.statusCode} ${cookie.slice(0, 40)}`);
      }
    }
  });

  it("in addresses, queries and headers is no fault", async () => {
    for (const url of [
      "/%",
      "/%00",
      "/%ff",
      "/invite/%00",
      "/invite/%",
      `/invite/${"%41".repeat(90)}`,
      `/handover/${"a".repeat(299)}`,
      "/handover/..%2f..%2f",
      "/trust?next=%",
      "/sign-in?next=%ff",
      "/sign-in?next[]=a&next[]=b",
      "/?language[]=de",
      "/?language=de&language=en",
      "/?__proto__=x",
      "/?suggest=%00",
      `/?${"a=b&".repeat(2_000)}`,
      "/invite/a;b",
      "/invite/a#b",
      "/TRUST",
      "/trust/",
      "//trust",
      "/./trust",
      "/trust%2f",
      "/kith.css/../../package.json",
      "/..%5c..%5cpackage.json",
      "/.env",
      "/package.json",
      "/%2e%2e/package.json",
      "*",
      "http://evil.example/",
    ]) {
      for (const visitor of [ada, new Visitor(place.app)]) {
        const answer = await visitor.get(url).catch((error: Error) => assert.fail(`${url}: ${error.message}`));
        assert.ok(answer.statusCode < 500, `${url} ${answer.statusCode}`);
        assert.ok(!answer.body.includes('"dependencies"'));
      }
    }
    for (const headers of [
      { host: "evil.example" },
      { host: "" },
      { host: "a b" },
      { "x-forwarded-for": "%00" },
      { "x-forwarded-for": "x".repeat(5_000) },
      { "accept-language": "x".repeat(20_000) },
      { "accept-language": "de;q=abc,,;;*" },
      { "user-agent": "\u0000" },
      { "user-agent": "x".repeat(20_000) },
      { "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher" },
      { "content-length": "-1" },
      { "transfer-encoding": "x" },
      { expect: "x" },
    ] as Record<string, string>[]) {
      for (const url of ["/", "/trust", "/sign-in", letter]) {
        const answer = await place.app.inject({ method: "GET", url, headers });
        assert.ok(answer.statusCode < 500, `${url} ${answer.statusCode} ${JSON.stringify(headers).slice(0, 60)}`);
        assert.ok(!answer.body.includes("evil.example"), "links never follow the Host header");
      }
    }
    for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]) {
      const answer = await place.app.inject({
        method: method as "PUT",
        url: "/trust",
        payload: method === "HEAD" ? undefined : "a=b",
      });
      assert.ok(answer.statusCode < 500, `${method} ${answer.statusCode}`);
    }
  });

  it("in what admins look for is no fault, either", async () => {
    for (const nasty of [...NASTY.map((text) => Buffer.from(text)), Buffer.from([0xff, 0x00, 0x61])]) {
      const text = [...nasty].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
      for (const url of [
        `/admin/onion?q=${text}`,
        `/admin/onion/entry/${text.slice(0, 900)}`,
        `/admin/accounts?q=${text}&state=${text}&page=${text}`,
        `/admin/accounts?person=${text}`,
        `/admin/tree?q=${text}&month=${text}&domain=${text}&state=${text}&around=${text}&rings=${text}&page=${text}`,
        `/admin/log?page=${text}`,
        `/admin/recovery?ask=${text}`,
      ]) {
        const answer = await nour.get(url);
        assert.ok(answer.statusCode < 500, `${url} ${answer.statusCode}`);
        assert.ok(!answer.body.includes("<script>alert"));
      }
    }
    assert.equal(
      (await nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree")).statusCode,
      303,
    );
    for (const act of ["-".repeat(36), "0".repeat(36), `${"0".repeat(35)}-`, "x", ""])
      assert.equal((await nour.post("/admin/log/undo", { act }, "/admin/log")).statusCode, 422, act);
  });

  it("in session ids, case ids and letter ids finds nothing of anybody else", async () => {
    const other = new Visitor(place.app);
    await other.signIn("bea");
    const theirs = [...(await ada.get("/security")).body.matchAll(/name="session" value="([^"]+)"/g)].map(
      (match) => match[1] as string,
    );
    assert.ok(theirs.length > 0);
    const state = await contents(place.context.pool, ["accounts", "sessions"]);
    for (const session of [...theirs, ...NASTY])
      await send(other, "/security/sessions/end", `session=${encodeURIComponent(Buffer.from(session).toString())}`);
    for (const invite of NASTY)
      await send(other, "/invites/revoke", `invite=${encodeURIComponent(Buffer.from(invite).toString())}`);
    assert.deepEqual(await contents(place.context.pool, ["accounts"]), { accounts: state.accounts });
    assert.equal((await ada.get("/trust")).statusCode, 200);
  });
});
