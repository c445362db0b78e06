import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { openPlace, type Place, passwordOf, Visitor } from "../support/app.js";
import { contents } from "../support/pages.js";
import { filled, type ListedRoute, routesOf } from "../support/routes.js";

/** All that anybody may reach without a session; whoever adds a route here should think twice. */
const OPEN = [
  "GET /",
  "GET /*",
  "GET /.well-known/change-password",
  "GET /.well-known/security.txt",
  "GET /about",
  "GET /handover/:secret",
  "GET /invite/:letter",
  "GET /reset",
  "GET /sign-in",
  "GET /sign-in/code",
  "POST /handover/:secret",
  "POST /invite/:letter",
  "POST /sign-in",
  "POST /sign-in/code",
  "POST /sign-out",
];

describe("the routes", () => {
  let place: Place;
  let routes: ListedRoute[];
  let ada: Visitor;
  before(async () => {
    place = await openPlace();
    routes = routesOf(place.app);
    ada = await (await place.founder()).bring("ada");
  });
  /** Where a form stands, as far as its address says: the nearest page above it that members have. */
  const pageOf = (form: string) =>
    each()
      .filter(({ method, url }) => method === "GET" && !OPEN.includes(`GET ${url}`))
      .map(({ url }) => url)
      .filter((url) => form === url || form.startsWith(`${url}/`))
      .sort((a, b) => a.length - b.length)
      .at(-1) ?? "/";
  const each = () => routes.flatMap(({ url, methods }) => methods.map((method) => ({ method, url })));

  it("are found by this test: known ones are among them", () => {
    const names = each().map(({ method, url }) => `${method} ${url}`);
    for (const name of [
      "GET /trust",
      "POST /trust/rules",
      "POST /help/approve",
      "POST /resets/stop",
      "POST /security/totp/remove",
      ...OPEN,
    ]) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(names.length >= 40, `${names.length} routes`);
  });

  it("lead to the sign-in page without a session, but for those that say they don't", async () => {
    const before = await contents(place.context.pool);
    for (const { method, url } of each()) {
      if (OPEN.includes(`${method} ${url}`)) continue;
      const stranger = new Visitor(place.app);
      const answer =
        method === "GET"
          ? await stranger.get(filled(url))
          : await stranger.post(filled(url), { username: "ada", all: "on" }, "/sign-in");
      assert.equal(answer.statusCode, 303, `${method} ${url}`);
      const next = method === "GET" ? url : pageOf(url);
      const asked = [`next=${encodeURIComponent(next)}`, ...(method === "POST" ? ["lost=1"] : [])];
      assert.equal(answer.headers.location, `/sign-in?${asked.join("&")}`, `${method} ${url}`);
      assert.equal(answer.body, "");
    }
    assert.deepEqual(await contents(place.context.pool), before);
  });

  it("lead back to the page where a form without a session stands, and say that it was not done", async () => {
    for (const [form, page] of [
      ["/help", "/help"],
      ["/help/approve", "/help"],
      ["/trust/rules", "/trust"],
      ["/trust/confirm", "/trust/confirm"],
      ["/invites/revoke", "/invites"],
      ["/security/password", "/security"],
      ["/admin/accounts/freeze", "/admin/accounts"],
      ["/admin/onion/remove", "/admin/onion"],
      ["/resets/stop", "/"],
    ] as const) {
      const stranger = new Visitor(place.app);
      const answer = await stranger.post(`${form}?next=//evil.example&a=b`, { username: "zoe" }, "/sign-in");
      assert.equal(answer.headers.location, `/sign-in?next=${encodeURIComponent(page)}&lost=1`, form);
    }
  });

  it("keep the query of where somebody wanted to go, within this site", async () => {
    const answer = await new Visitor(place.app).get("/trust?a=1&b=//evil.example");
    assert.equal(answer.headers.location, `/sign-in?next=${encodeURIComponent("/trust?a=1&b=//evil.example")}`);
  });

  it("refuse every form without its token, whoever sends it, and nothing changes", async () => {
    const before = await contents(place.context.pool, [
      "accounts",
      "people",
      "relations",
      "reset_cases",
      "approvals",
      "spent_invites",
      "sessions",
    ]);
    const other = new Visitor(place.app);
    const token = /name="_csrf" value="([^"]+)"/.exec((await other.get("/sign-in")).body)?.[1] as string;
    for (const { method, url } of each()) {
      if (method !== "POST") continue;
      for (const body of [
        "",
        "_csrf=",
        "_csrf=x",
        `_csrf=${token}`,
        "_csrf[]=a&_csrf[]=b",
        `_csrf=${token}&_csrf=${token}`,
        "_csrf=__proto__",
      ]) {
        const fields = `username=ada&current_password=${encodeURIComponent(passwordOf("ada"))}&password=x&all=on&confirm=on&${body}`;
        const answer = await ada.request("POST", filled(url), fields);
        // To a member there is nothing below /admin.
        assert.equal(answer.statusCode, url.startsWith("/admin") ? 404 : 403, `${url} with ${body}`);
        assert.ok(!answer.body.includes("ada@"));
      }
      const none = await place.app.inject({
        method: "POST",
        url: filled(url),
        payload: "username=ada",
        headers: { "content-type": "application/x-www-form-urlencoded" },
      });
      const isSignIn = String(none.headers.location).startsWith("/sign-in");
      assert.ok(none.statusCode === 403 || (none.statusCode === 303 && isSignIn), `${url} without a cookie`);
    }
    assert.deepEqual(
      await contents(place.context.pool, [
        "accounts",
        "people",
        "relations",
        "reset_cases",
        "approvals",
        "spent_invites",
        "sessions",
      ]),
      before,
    );
    assert.equal((await ada.get("/trust")).statusCode, 200, "still signed in");
  });

  it("answer a form without regard to Sec-Fetch headers", async () => {
    for (const site of ["cross-site", "same-origin", "none", "garbage"]) {
      const page = await ada.get("/help");
      const token = /name="_csrf" value="([^"]+)"/.exec(page.body)?.[1] as string;
      const body = new URLSearchParams({ _csrf: token, username: "zoe" }).toString();
      const answer = await ada.request("POST", "/help", body, { "sec-fetch-site": site, origin: "null" });
      assert.equal(answer.statusCode, 200, site);
    }
  });
});
