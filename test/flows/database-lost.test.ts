import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { openPlace, passwordOf, Visitor } from "../support/app.js";
import { freshDatabase } from "../support/database.js";

/** A way to the database that can be cut. */
async function cuttableWay(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const path = `${target.searchParams.get("host")}/.s.PGSQL.${target.port}`;
  const open = new Set<Socket>();
  const server = createServer((inner) => {
    const outer = new (inner.constructor as typeof Socket)().connect(path);
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const cut = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of open) socket.destroy();
    await closed;
  };
  after(() => {
    if (server.listening) void cut();
  });
  return {
    url: `postgresql://kith@127.0.0.1:${port}${target.pathname}`,
    cut,
    mend: () => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve)),
  };
}

describe("a lost database", () => {
  it("answers every page with 503 and when to come back, and all is as before once it returns, without a restart", async () => {
    const way = await cuttableWay((await freshDatabase()).databaseUrl);
    const place = await openPlace({ databaseUrl: way.url });
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    const ada = await nour.bring("ada");
    await ada.trust("bea");
    const letter = await nour.invite();
    const path = await bea.openCase("ada");
    const token = /name="_csrf" value="([^"]+)"/.exec((await ada.get("/help")).body)?.[1] as string;
    for (let round = 0; round < 2; round++) {
      await way.cut();
      const form = (fields: Record<string, string>) => new URLSearchParams({ _csrf: token, ...fields }).toString();
      const asked = await Promise.all([
        ada.get("/trust"),
        ada.get("/"),
        ada.get("/security"),
        new Visitor(place.app).get(letter),
        new Visitor(place.app).get(path),
        ada.request("POST", "/help", form({ username: "bea" })),
        ada.request("POST", "/sign-in", form({ username: "ada", password: passwordOf("ada") })),
        ada.request("POST", "/trust", form({ username: "nour" })),
      ]);
      for (const answer of asked) {
        assert.equal(answer.statusCode, 503);
        assert.ok(Number(answer.headers["retry-after"]) > 0);
        assert.match(String(answer.headers["content-type"]), /^text\/html/);
        assert.match(answer.body, /<h1/);
        assert.doesNotMatch(answer.body, /ECONN|postgres|pool|127\.0\.0\.1/i);
      }
      assert.equal(
        (await new Visitor(place.app).get("/sign-in")).statusCode,
        200,
        "what needs no database still answers",
      );
      await way.mend();
      assert.equal((await ada.get("/trust")).statusCode, 200, "the session is the same");
      assert.equal((await new Visitor(place.app).get(path)).statusCode, 200);
      assert.equal((await new Visitor(place.app).get(letter)).statusCode, 200);
    }
    assert.equal((await new Visitor(place.app).signIn("ada")).statusCode, 303);
  });

  it("answers a form without a token like every other failure", async () => {
    const way = await cuttableWay((await freshDatabase()).databaseUrl);
    const place = await openPlace({ databaseUrl: way.url });
    const nour = await place.founder();
    const send = () => nour.request("POST", "/trust", "username=bea");
    await way.cut();
    const down = await send();
    assert.equal(down.statusCode, 503);
    assert.ok(Number(down.headers["retry-after"]) > 0);
    assert.match(down.body, /<h1/);
    assert.doesNotMatch(down.body, /ECONN|postgres|pool|127\.0\.0\.1/i);
    await way.mend();

    const { db } = place.context;
    place.context.db = db.withSchema("nowhere");
    const broken = await send();
    place.context.db = db;
    assert.equal(broken.statusCode, 500);
    assert.match(broken.body, /<h1/);
    assert.doesNotMatch(broken.body, /nowhere|sessions/);
    assert.ok(place.log.some((line) => line.includes("a request failed")));
    assert.equal((await send()).statusCode, 403, "the session is the same");
  });
});
