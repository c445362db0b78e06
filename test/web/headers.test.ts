import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { openPlace, type Place, passwordOf, Visitor } from "../support/app.js";
import { filled, routesOf } from "../support/routes.js";

const ONION = `${"a".repeat(55)}d.onion`;

function assertSafe(answer: LightMyRequestResponse, what: string): void {
  const { headers } = answer;
  const policy = Object.fromEntries(
    String(headers["content-security-policy"])
      .split(";")
      .map((directive) => {
        const [name, ...values] = directive.trim().split(" ");
        return [name as string, values.join(" ")] as const;
      }),
  );
  const allowed = ["'none'", "'self'"];
  for (const [name, value] of Object.entries<string>(policy))
    assert.ok(allowed.includes(value), `${what}: ${name} ${value}`);
  assert.equal(policy["default-src"], "'none'", what);
  assert.equal(policy["frame-ancestors"], "'none'", what);
  assert.equal(policy["base-uri"], "'none'", what);
  assert.equal(policy["object-src"], "'none'", what);
  assert.equal(policy["form-action"], "'self'", what);
  assert.equal(headers["referrer-policy"], "no-referrer", what);
  assert.equal(headers["x-content-type-options"], "nosniff", what);
  assert.equal(headers["cross-origin-resource-policy"], "same-origin", what);
  assert.ok(headers["permissions-policy"], what);
  assert.equal(headers["access-control-allow-origin"], undefined, what);
  if (answer.body !== "") assert.match(String(headers["content-type"]), /^[a-z]+\/[a-z+]+; charset=utf-8$/, what);
  assert.equal(headers["x-powered-by"], undefined);
  assert.equal(headers.server, undefined);
}

/** Nothing inline: no script or style in the page, no handler, no address that runs. */
function assertNothingInline(html: string, what: string): void {
  for (const script of html.match(/<script\b[^>]*>/gi) ?? [])
    assert.match(script, /\bsrc="\/[^/"]/, `${what}: ${script}`);
  // What somebody typed stands, escaped, between quotes: only names of attributes count.
  const tags = html.replaceAll(/="[^"]*"/g, '=""');
  assert.doesNotMatch(tags, /<style\b/i, what);
  assert.doesNotMatch(tags, /<[^>]+\sstyle\s*=/i, what);
  assert.doesNotMatch(tags, /<[^>]+\son[a-z]+\s*=/i, what);
  assert.doesNotMatch(tags, /<[^>]+=(?!"")/, `${what}: an attribute without quotes`);
  assert.doesNotMatch(html, /(?:href|src|action|data)\s*=\s*["']?\s*(?:javascript|data|vbscript):/i, what);
  for (const [, address] of html.matchAll(/\s(?:src|srcset|data|action|poster)="([^"]*)"/g)) {
    assert.match(address as string, /^\/(?!\/)/, `${what}: ${address} is loaded from elsewhere`);
  }
}

describe("every answer", () => {
  let place: Place;
  let ada: Visitor;
  let letter: string;
  let handover: string;
  before(async () => {
    place = await openPlace();
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    ada = await nour.bring("ada");
    await ada.trust("bea");
    letter = await nour.invite();
    handover = await bea.openCase("ada");
  });

  it("carries the safe headers and nothing inline, signed in or not, page or error", async () => {
    let pages = 0;
    for (const visitor of [new Visitor(place.app), ada]) {
      for (const { url, methods } of routesOf(place.app)) {
        const paths = [
          filled(url),
          ...(url.includes(":letter") ? [letter] : []),
          ...(url.includes(":secret") ? [handover] : []),
        ];
        for (const path of paths) {
          const answers = [];
          if (methods.includes("GET")) answers.push(await visitor.get(path), await visitor.get(`${path}?suggest=1`));
          if (methods.includes("POST") && url !== "/sign-out") {
            answers.push(
              await visitor.request("POST", path, "a=b"),
              await visitor.post(path, { username: "<zoe onload='x'>", note: "<b>", password: "<i>" }),
            );
          }
          for (const answer of answers) {
            const what = `${path} ${answer.statusCode}`;
            assertSafe(answer, what);
            assert.ok(answer.statusCode < 500, what);
            assert.equal(answer.headers["cache-control"], "no-store", what);
            if (!String(answer.headers["content-type"]).startsWith("text/html")) continue;
            pages++;
            assertNothingInline(answer.body, what);
            assert.equal(answer.body.split("<main").length, 2, what);
            assert.equal(answer.body.split("<h1").length, 2, what);
          }
        }
      }
      for (const path of [
        "/no-such-page",
        "/%",
        "/%ff",
        "/%00",
        "//",
        "/..%2f..%2fpackage.json",
        `/invite/${"a".repeat(400)}`,
      ]) {
        const answer = await visitor.get(path);
        assertSafe(answer, path);
        assert.ok([400, 404].includes(answer.statusCode), `${path} ${answer.statusCode}`);
        assert.match(String(answer.headers["content-type"]), /^text\/html/);
        assertNothingInline(answer.body, path);
      }
    }
    assert.ok(pages > 80, `${pages} pages looked at`);
  });

  it("lets only the stylesheet, script and pictures be kept by browsers", async () => {
    for (const file of ["/kith.css", "/kith.js", "/favicon.svg"]) {
      const answer = await ada.get(file);
      assert.equal(answer.statusCode, 200, file);
      assertSafe(answer, file);
      assert.match(String(answer.headers["cache-control"]), /public, max-age=\d+/);
    }
  });

  it("to somebody who asks for the folder of static files, or for what leads there, lists nothing", async () => {
    for (const path of ["//", "/public", "/public/", "/kith.css/"]) {
      const { body, statusCode } = await new Visitor(place.app).get(path);
      assert.equal(statusCode, 404, path);
      assert.doesNotMatch(body, /favicon\.svg<|kith\.js</, path);
    }
  });

  it("that is an error says nothing of what went wrong, what was asked, or what Kith is made of", async () => {
    for (const path of [
      "/canary-path",
      "/%canary",
      "/invite/canary",
      "/handover/canary",
      "/kith.css/canary",
      "/canary%00",
    ]) {
      const answer = await new Visitor(place.app).get(path);
      assert.ok(answer.statusCode >= 400 && answer.statusCode < 500, path);
      assert.doesNotMatch(answer.body, /canary|fastify|FST_|node_modules|Error:|\bat \/|stack/i, path);
    }
    const before = place.log.length;
    const original = place.context.db.selectFrom;
    // biome-ignore lint/suspicious/noExplicitAny: broken on purpose
    (place.context.db as any).selectFrom = () => {
      throw new TypeError("canary: select password from accounts");
    };
    const answer = await ada.get("/trust");
    place.context.db.selectFrom = original;
    assert.equal(answer.statusCode, 500);
    assert.doesNotMatch(answer.body, /canary|TypeError|fastify|node_modules|password from/i);
    assertSafe(answer, "500");
    const logged = place.log.slice(before).join("");
    assert.match(logged, /a request failed/);
    assert.doesNotMatch(logged, /canary/, "a message may quote what somebody sent");
  });

  it("that is an error is a page also where what stands on every page of a member can't be looked up", async () => {
    const { pool } = place.context;
    await pool.query("alter table reset_cases rename to canary");
    const answers = [
      await ada.get("/about"),
      await ada.get("/canary-path"),
      await ada.post("/trust", { username: "" }),
    ];
    await pool.query("alter table canary rename to reset_cases");
    for (const [at, answer] of answers.entries()) {
      assert.equal(answer.statusCode, 500, `${at}`);
      assert.match(String(answer.headers["content-type"]), /^text\/html/);
      assert.match(answer.body, /<main/);
      assert.doesNotMatch(answer.body, /canary|reset_cases|42P01|relation/i);
      assertSafe(answer, `${at}`);
    }
  });
});

describe("cookies", () => {
  const cookiesOf = async (origin: string) => {
    const place = await openPlace({ env: { KITH_ORIGIN: origin } });
    await place.founder();
    const visitor = new Visitor(place.app);
    const page = await visitor.get("/sign-in");
    const signedIn = await visitor.signIn("nour", passwordOf("nour"));
    assert.equal(signedIn.statusCode, 303);
    const language = await visitor.get("/about?language=de");
    // Leaves a sentence for the next page, and takes it.
    const noted = await visitor.post("/account/contact", { address: "nour@mail.example" }, "/account");
    const taken = await visitor.get("/account");
    const out = await visitor.signOut();
    const set = [page, signedIn, language, noted, taken, out].flatMap((answer) =>
      [answer.headers["set-cookie"] ?? []].flat(),
    );
    return { set, answer: page };
  };

  it("are bound to the host and to secure connections on https and onion origins", async () => {
    for (const origin of ["https://kith.example.org", `http://${ONION}`]) {
      const { set, answer } = await cookiesOf(origin);
      const names = new Set(set.map((cookie) => cookie.split("=")[0]));
      assert.deepEqual(
        [...names].sort(),
        ["__Host-csrf", "__Host-language", "__Host-note", "__Host-session", "__Host-visit"],
        origin,
      );
      for (const cookie of set) {
        assert.match(cookie, /; Secure/, cookie);
        assert.match(cookie, /; HttpOnly/);
        assert.match(cookie, /; SameSite=Lax/);
        assert.match(cookie, /; Path=\/(;|$)/);
        assert.doesNotMatch(cookie, /Domain=/i);
      }
      assert.equal(answer.headers["strict-transport-security"] !== undefined, origin.startsWith("https"), origin);
    }
  });

  it("work without TLS on localhost, and say so by their names", async () => {
    const { set, answer } = await cookiesOf("http://localhost:3000");
    const names = [...new Set(set.map((cookie) => cookie.split("=")[0]))].sort();
    assert.deepEqual(names, ["csrf", "language", "note", "session", "visit"]);
    for (const cookie of set) {
      assert.doesNotMatch(cookie, /; Secure/);
      assert.match(cookie, /; HttpOnly/);
      assert.match(cookie, /; SameSite=Lax/);
    }
    assert.equal(answer.headers["strict-transport-security"], undefined);
  });

  it("of a session end with the browser: no date stands in them", async () => {
    const { set } = await cookiesOf("https://kith.example.org");
    const session = set.find((cookie) => /^__Host-session=[A-Za-z0-9_-]{43};/.test(cookie));
    assert.ok(session);
    assert.doesNotMatch(session, /Expires|Max-Age/i);
  });

  it("are gone after signing out, and so is what the browser remembers of the pages", async () => {
    const place = await openPlace();
    await place.founder();
    const visitor = new Visitor(place.app);
    await visitor.signIn("nour", passwordOf("nour"));
    place.advance(16 * 60_000);
    await visitor.get("/");
    assert.ok(visitor.cookies.has("visit"));
    const out = await visitor.signOut();
    for (const name of ["session", "visit"]) assert.ok(!visitor.cookies.has(name), name);
    assert.equal(out.headers["clear-site-data"], '"cache"');
  });
});
