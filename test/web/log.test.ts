import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LIMITED_ACTIONS } from "#kith/config.js";
import { TOLD_STEPS, toldMilliseconds } from "#kith/web/told.js";
import { openPlace, passwordOf, Visitor, wordsOf } from "../support/app.js";
import { routesOf } from "../support/routes.js";

describe("the log", () => {
  it("of a whole story holds routes and numbers, and no name, password, letter, link, cookie, word or address", async () => {
    const limits = LIMITED_ACTIONS.map((one) => `${one}=${one === "sign-in" ? 6 : 100_000}/900`).join();
    const env = { KITH_TRUSTED_PROXIES: "127.0.0.1", KITH_CONTACT: "help@canary.example", KITH_LIMITS: limits };
    const place = await openPlace({ env });
    const ip = "203.0.113.77";
    const secrets: string[] = [ip, "Canarybrowser"];
    /** Notes everything that goes over the wire and that nobody else may know. */
    class Noted extends Visitor {
      override async request(method: "GET" | "POST", url: string, body?: string, headers: Record<string, string> = {}) {
        const answer = await super.request(method, url, body, {
          ...headers,
          "x-forwarded-for": ip,
          "user-agent": "Canarybrowser/1.0",
          referer: `http://localhost:3000${url}`,
        });
        for (const value of this.cookies.values()) secrets.push(value);
        const [, kind, rest] = url.split("/");
        if ((kind === "invite" || kind === "handover") && rest) secrets.push(rest);
        return answer;
      }
    }
    const noted = (visitor: Visitor) => {
      const other = new Noted(place.app);
      other.username = visitor.username;
      for (const [name, value] of visitor.cookies) other.cookies.set(name, value);
      return other;
    };
    const nour = noted(await place.founder("nourcanary"));
    const join = async (username: string) => {
      const path = await nour.invite();
      const friend = new Noted(place.app);
      await friend.join(path, username);
      secrets.push(username, passwordOf(username), path.slice("/invite/".length));
      return friend;
    };
    const bea = await join("beacanary");
    const ada = await join("adacanary");
    await ada.trust("beacanary");
    await ada.trust("unknowncanary");
    await nour.post("/invites", { note: "notecanary" }, "/invites");
    await ada.post("/account/contact", { address: "mail@canary.example" }, "/account");
    const path = await bea.openCase("adacanary");
    const locked = new Noted(place.app);
    await locked.get(path);
    await locked.post(path, { password: "short canary" }, path);
    const words = wordsOf((await locked.post(path, { password: passwordOf("adacanary", 2) }, path)).body);
    await bea.agree("adacanary", words);
    await locked.signIn("adacanary", passwordOf("adacanary", 2));
    await locked.post(
      "/security/password",
      { current_password: passwordOf("adacanary", 2), password: passwordOf("adacanary", 3) },
      "/security",
    );
    await new Noted(place.app).signIn("adacanary", "wrongcanary password");
    await new Noted(place.app).signIn("nobodycanary", "wrongcanary password");
    await locked.request("POST", "/sign-in", JSON.stringify({ password: "jsoncanary" }), {
      "content-type": "application/json",
    });
    await locked.request("POST", "/sign-in", "username=canary&password=canary&_csrf=canary");
    for (const url of [
      "/canary",
      "/%canary",
      "/invite/canary%00",
      `/handover/${"canary".repeat(100)}`,
      "/trust?next=canary",
      "//canary.example?language=de",
    ]) {
      await locked.get(url);
      await new Noted(place.app).get(url);
    }
    const token = /name="_csrf" value="([^"]+)"/.exec((await locked.get("/help")).body)?.[1] as string;
    const form = { _csrf: token, username: "adacanary", password: passwordOf("adacanary", 3) };
    const original = place.context.db.selectFrom;
    // biome-ignore lint/suspicious/noExplicitAny: broken on purpose
    (place.context.db as any).selectFrom = (...args: unknown[]) => {
      throw new Error(`canary ${JSON.stringify(args)}`);
    };
    const broken = await locked.request("POST", "/sign-in", new URLSearchParams(form).toString());
    assert.equal(broken.statusCode, 500);
    place.context.db.selectFrom = original;
    await nour.get("/admin/accounts");
    await nour.post("/admin/accounts/search", { q: "adacanary" }, "/admin/accounts");
    const freeze = { username: "beacanary", what: "inviting", reason: "reasoncanary" };
    assert.equal((await nour.post("/admin/accounts/freeze", freeze, "/admin/accounts")).statusCode, 303);
    assert.equal((await bea.get("/admin/accounts?q=adacanary")).statusCode, 404);
    for (let count = 0; count < 6; count++) await new Noted(place.app).signIn("adacanary", "wrongcanary password");
    secrets.push(
      ...words.map((word) => `"${word}"`),
      words.join(" "),
      passwordOf("adacanary", 2),
      passwordOf("adacanary", 3),
    );

    const lines = place.log.map((line) => JSON.parse(line));
    assert.ok(lines.length > 50, `${lines.length} lines`);
    const text = place.log.join("");
    assert.doesNotMatch(text, /canary/i);
    for (const secret of new Set(secrets.filter((one) => one.length > 3))) {
      assert.ok(!text.includes(secret), `the log holds ${secret}`);
      assert.ok(!text.includes(encodeURIComponent(secret)));
    }
    const known = new Set([...routesOf(place.app).map(({ url }) => url), "no route"]);
    const answered = lines.filter((line) => line.msg === "answered");
    assert.ok(answered.length > 50, `${answered.length} answers`);
    for (const line of answered) {
      assert.deepEqual(Object.keys(line).sort(), ["level", "method", "milliseconds", "msg", "route", "status", "time"]);
      assert.ok(known.has(line.route), line.route);
      assert.ok((TOLD_STEPS as readonly number[]).includes(line.milliseconds), "told in steps, not to the millisecond");
      assert.equal(line.time % 1_000, 0, "nor when, but to the second");
    }
    const told = new Set(answered.map(({ method, route, status }) => `${method} ${route} ${status}`));
    for (const line of [
      "POST /invite/:letter 303",
      "GET /handover/:secret 200",
      "POST /handover/:secret 422",
      "POST /help 200",
      "POST /sign-in 303",
      "POST /sign-in 422",
      "POST /sign-in 403",
      "POST /sign-in 415",
      "POST /sign-in 429",
      "POST /sign-in 500",
      "POST /admin/accounts/freeze 303",
      "GET /admin/accounts 200",
      "GET /admin/accounts 404",
      "GET /invite/:letter 404",
      "GET no route 404",
    ]) {
      assert.ok(told.has(line), `${line} is among ${[...told].join("; ")}`);
    }
  });

  it("tells of the page that asks about new keys as of another one, with a session or without", async () => {
    const place = await openPlace();
    const nour = await place.founder();
    const told = async (visitor: Visitor, path: string) => {
      place.log.length = 0;
      const answer = await visitor.get(path);
      const lines = place.log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "answered");
      return { status: answer.statusCode, told: lines.map(({ method, route, status }) => [method, route, status]) };
    };
    assert.deepEqual(await told(nour, "/trust/confirm"), { status: 200, told: [["GET", "/", 200]] }, "nobody waits");
    assert.deepEqual(await told(nour, "/"), await told(nour, "/trust/confirm"));
    // The first page sends nobody on.
    const sentOn = { status: 303, told: [["GET", "/trust", 303]] };
    assert.deepEqual(await told(place.visitor(), "/trust/confirm"), sentOn);
    assert.deepEqual(await told(place.visitor(), "/trust"), sentOn);
  });

  it("tells in steps how long an answer took, never less than it did", () => {
    for (const elapsed of [0, 99.9, 100, 100.1, 249, 2_500, 19_999, 20_000.5, 70_000]) {
      const told = toldMilliseconds(elapsed);
      assert.ok(told >= elapsed, `${told} for ${elapsed}`);
      assert.ok((TOLD_STEPS as readonly number[]).includes(told) || told % 20_000 === 0, `${told} for ${elapsed}`);
    }
    assert.equal(toldMilliseconds(4), toldMilliseconds(70), "what comes after a larger page takes some longer");
    assert.equal(toldMilliseconds(70_000), 80_000);
  });
});
