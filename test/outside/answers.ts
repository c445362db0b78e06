import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { setStatus } from "#kith/accounts/suspend.js";
import { openPlaceAtQuarter, type Place, passwordOf, type Visitor } from "../support/app.js";
import { contents } from "../support/pages.js";
import { turnOnSecondStep } from "../support/resets.js";
import { filled, routesOf } from "../support/routes.js";
import { assertAlike, type Cast, NOBODY, openCast, seen } from "./cast.js";

const WRONG = "9 wrong wrong wrong wrong";
const NO_CASE = "00000000-0000-0000-0000-000000000000";

/** Any method, with the cookies of a visitor. */
async function request(visitor: Visitor, method: "HEAD" | "OPTIONS", url: string): Promise<LightMyRequestResponse> {
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  return await visitor.app.inject({ method, url, headers: { ...(cookie && { cookie }) } });
}

describe("from outside, answers are the same to the byte", () => {
  let cast: Cast;
  let bea: Visitor;
  before(async () => {
    cast = await openCast();
    bea = cast.bea;
  });

  it("to a wrong password, whoever bears the name and however they stand", async () => {
    const { place, anybody } = cast;
    const rows = await contents(place.context.pool);
    for (const suffix of ["", "?next=%2Fhelp"]) {
      const answer = await assertAlike(anybody, async (username) => {
        const visitor = place.visitor();
        await visitor.get("/sign-in");
        return await visitor.post(`/sign-in${suffix}`, { username, password: WRONG }, "/sign-in");
      });
      assert.equal(answer.status, 422);
      assert.deepEqual(answer.cookies, []);
    }
    for (const [why, username] of Object.entries(anybody)) {
      const password = why === "nobody at all" ? passwordOf("cem") : passwordOf(NOBODY);
      assert.equal((await place.visitor().post("/sign-in", { username, password })).statusCode, 422, why);
    }
    assert.deepEqual(await contents(place.context.pool), rows);
  });

  it("to who asks to help, or to agree, about somebody beyond help", async () => {
    const rows = await contents(cast.place.context.pool);
    const asked = await assertAlike(cast.beyondHelp, (username) => bea.help(username));
    assert.equal(asked.status, 200);
    const anew = await assertAlike(cast.beyondHelp, (username) => bea.help(username, true));
    const agreed = await assertAlike(cast.beyondHelp, (username) =>
      bea.post("/help/approve", { username, case: NO_CASE }, "/help"),
    );
    assert.deepEqual([anew, agreed], [asked, asked]);
    assert.deepEqual(await contents(cast.place.context.pool), rows);
  });

  it("to who names somebody suspended, and somebody who is nobody", async () => {
    const classes = { "nobody at all": NOBODY, suspended: "sus", "no name": "a@b", "a reserved name": "dns" };
    for (const path of ["/trust", "/trust/confirm", "/trust/remove"]) {
      const answer = await assertAlike(classes, (username) => bea.post(path, { username }, "/trust"), "sentences");
      assert.equal(answer.status, 422, path);
    }
    // Whom Bea has not named, she can neither remove nor confirm: members answer like nobody.
    for (const path of ["/trust/confirm", "/trust/remove"]) {
      await assertAlike(
        { ...classes, "a member": "cem", "an admin": "nou" },
        (username) => bea.post(path, { username }, "/trust"),
        "sentences",
      );
    }
  });

  it("to who takes back a letter, ends a session or stops a reset, of somebody else or of nobody", async () => {
    const cem = cast.place.visitor();
    await cem.signIn("cem");
    await cem.invite();
    const letter = /name="invite" value="([^"]+)"/.exec((await cem.get("/invites")).body)?.[1];
    const session = /name="session" value="([^"]+)"/.exec((await cem.get("/security")).body)?.[1];
    assert.ok(letter && session);
    const { rows } = await cast.place.context.pool.query("select id from reset_cases order by id");
    assert.ok(rows.length > 0);
    const state = await contents(cast.place.context.pool, ["accounts", "spent_invites", "relations", "reset_cases"]);
    const classes = { theirs: "", nobody: NO_CASE, nonsense: "x" };
    for (const [path, field, theirs] of [
      ["/invites/revoke", "invite", letter],
      ["/security/sessions/end", "session", session],
    ] as const) {
      const answer = await assertAlike({ ...classes, theirs }, (id) => bea.post(path, { [field]: id }, "/help"));
      assert.equal(answer.status, 303);
    }
    assert.deepEqual(
      await contents(cast.place.context.pool, ["accounts", "spent_invites", "relations", "reset_cases"]),
      state,
    );
    assert.equal((await cem.get("/trust")).statusCode, 200, "the session of somebody else goes on");
    // Stops one's own resets, of which there are none, whatever else is sent.
    assert.equal((await bea.post("/resets/stop", { case: rows[0].id, username: "cas" }, "/help")).statusCode, 303);
    const left = await cast.place.context.pool.query("select id from reset_cases order by id");
    assert.deepEqual(left.rows, rows, "nobody's reset was stopped");
  });

  it("to a member who looks for what is for admins, and for what is not there", async () => {
    const away = seen(await bea.get("/no-such-page"));
    assert.equal(away.status, 404);
    const token = /name="_csrf" value="([^"]+)"/.exec((await bea.get("/help")).body)?.[1] as string;
    const send = (url: string) =>
      bea.request("POST", url, new URLSearchParams({ _csrf: token, username: "cem" }).toString());
    const awayPosted = seen(await send("/no-such-page"));
    let hidden = 0;
    for (const { url, methods } of routesOf(cast.place.app).filter((route) => route.url.startsWith("/admin"))) {
      for (const path of [url, url.replace(":domain", "example.org"), url.replace(":domain", "")]) {
        if (methods.includes("GET")) assert.deepEqual(seen(await bea.get(path)), away, path);
        if (methods.includes("POST")) assert.deepEqual(seen(await send(path)), awayPosted, path);
        hidden++;
      }
    }
    assert.ok(hidden > 40, `${hidden} addresses tried`);
    assert.deepEqual({ ...awayPosted, headers: 0 }, { ...away, headers: 0 });
  });

  it("to who looks for the numbers of the service where members go, and for what is not there", async () => {
    for (const visitor of [bea, cast.place.visitor()]) {
      await visitor.get("/about");
      const away = seen(await visitor.get("/no-such-page"));
      for (const path of ["/metrics", "/healthz", "/readyz", "/.git/config", "/admin.php", "/favicon.ico"]) {
        assert.deepEqual(seen(await visitor.get(path)), away, path);
      }
    }
  });

  it("to methods that nobody uses, on every address there is or is not", async () => {
    for (const visitor of [bea, cast.place.visitor()]) {
      const away = seen(await request(visitor, "OPTIONS", "/no-such-page"));
      assert.equal(away.status, 404);
      for (const { url } of routesOf(cast.place.app)) {
        const answer = await request(visitor, "OPTIONS", filled(url));
        assert.deepEqual(seen(answer), away, url);
        assert.equal(answer.headers.allow, undefined, url);
      }
    }
  });

  it("to a handover link, whatever it died of, read or sent", async () => {
    const { place, links } = cast;
    const rows = await contents(place.context.pool);
    const read = await assertAlike(links, (path) => place.visitor().get(path));
    assert.equal(read.status, 404);
    const head = await assertAlike(links, (path) => request(place.visitor(), "HEAD", path));
    assert.deepEqual([head.status, head.bytes], [404, 0]);
    for (const password of [passwordOf("kim", 3), "short", ""]) {
      const sent = await assertAlike(links, async (path) => {
        const visitor = place.visitor();
        return await visitor.post(path, { password, lost_second_step: "on" }, "/sign-in");
      });
      assert.equal(sent.status, 404);
    }
    assert.deepEqual(await contents(place.context.pool), rows);
  });

  it("to a letter, whatever it died of, read or sent", async () => {
    const { place, letters } = cast;
    const rows = await contents(place.context.pool);
    const read = await assertAlike(letters, (path) => place.visitor().get(path));
    assert.equal(read.status, 404);
    const head = await assertAlike(letters, (path) => request(place.visitor(), "HEAD", path));
    assert.deepEqual([head.status, head.bytes], [404, 0]);
    // Neither a name that is taken nor a bad password tells whether the letter was ever good.
    for (const username of [NOBODY, "cem", "", "dns"]) {
      for (const password of [passwordOf("new"), "short"]) {
        const sent = await assertAlike(letters, (path) =>
          place.visitor().post(path, { username, password }, "/sign-in"),
        );
        assert.equal(sent.status, 404);
      }
    }
    assert.deepEqual(await contents(place.context.pool), rows);
  });
});

describe("from outside, redirects", () => {
  let place: Place;
  let ada: Visitor;
  before(async () => {
    place = await openPlaceAtQuarter();
    ada = await place.founder("ada");
  });

  it("are the same with no session, one that is over, one of somebody suspended, and one that never was", async () => {
    const ended = place.visitor();
    await ended.signIn("ada");
    const cookie = ended.cookies.get("session") as string;
    await ended.signOut();
    const old = place.visitor();
    await old.signIn("ada");
    const aged = old.cookies.get("session") as string;
    place.advance(13 * 3_600_000);
    await ada.signIn();
    const bea = await ada.bring("bea");
    const suspended = bea.cookies.get("session") as string;
    assert.equal((await bea.get("/trust")).statusCode, 200, "good until");
    await setStatus(place.context, { username: "bea", domain: "localhost" }, "suspended");
    const cookies = {
      none: "",
      ended: cookie,
      aged,
      suspended,
      unknown: "A".repeat(43),
      nonsense: "x",
      half: cookie.slice(0, 20),
    };
    for (const { url, methods } of routesOf(place.app).filter((route) => route.url !== "/*")) {
      for (const method of methods) {
        await assertAlike(cookies, async (value) => {
          const visitor = place.visitor();
          const token = /name="_csrf" value="([^"]+)"/.exec((await visitor.get("/sign-in")).body)?.[1] as string;
          if (value !== "") visitor.cookies.set("session", value);
          const form = new URLSearchParams({ _csrf: token }).toString();
          return await visitor.request(method, filled(url), method === "POST" ? form : undefined);
        });
      }
    }
  });

  it("after a right password lead where the member asked to go, on this site only, with a second step or without", async () => {
    const code = await turnOnSecondStep(place, ada);
    for (const [next, lands] of [
      ["/help", "/help"],
      ["//evil.example", "/"],
      ["/\\evil.example", "/"],
      ["https://evil.example/", "/"],
      ["/sign-in", "/"],
    ] as const) {
      place.advance(31_000);
      const visitor = place.visitor();
      const query = `?next=${encodeURIComponent(next)}`;
      const half = await visitor.post(`/sign-in${query}`, { username: "ada", password: passwordOf("ada") }, "/sign-in");
      assert.match(String(half.headers.location), /^\/sign-in\/code(\?next=%2F(?!%2F|%5C)[^&]*)?$/, next);
      for (const url of [String(half.headers.location), `/sign-in/code${query}`]) {
        const page = await visitor.get(url);
        assert.doesNotMatch(page.body, /evil/, "nor does the page of the second step lead there");
      }
      const done = await visitor.post(`/sign-in/code${query}`, { code: code() }, "/sign-in/code");
      assert.equal(done.headers.location, lands, next);
    }
  });
});
