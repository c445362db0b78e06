import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { openPlaceAtQuarter, type Visitor } from "../support/app.js";
import { masked } from "../support/pages.js";
import { filled, routesOf } from "../support/routes.js";

/** What asks a server to send less than all, or otherwise than usual. */
const ASKING: readonly Record<string, string>[] = [
  { "if-none-match": "*", "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT" },
  { "if-match": '"x"', "if-unmodified-since": "Mon, 01 Jan 2001 00:00:00 GMT" },
  { range: "bytes=0-9", "if-range": '"x"' },
  { "accept-encoding": "gzip, deflate, br, zstd", te: "trailers, deflate" },
  { accept: "application/json", "x-requested-with": "XMLHttpRequest", "cache-control": "only-if-cached, max-stale" },
];

const TELLING = [
  "etag",
  "last-modified",
  "accept-ranges",
  "content-range",
  "age",
  "expires",
  "content-encoding",
  "vary",
];

describe("nothing that is about anybody can be kept, or asked for in parts", () => {
  let visitors: Visitor[];
  let paths: string[];
  before(async () => {
    const place = await openPlaceAtQuarter();
    const nour = await place.founder();
    const bea = await nour.bring("bea");
    await bea.trust("nour");
    visitors = [bea, place.visitor()];
    paths = routesOf(place.app)
      .filter(({ url, methods }) => methods.includes("GET") && url !== "/*")
      .map(({ url }) => filled(url).replace(":domain", "example.org"));
    paths.push(await nour.invite(), await nour.openCase("bea"), "/no-such-page");
  });

  it("every page says no-store, has no version and no date, and stays what it is however it is asked for", async () => {
    let pages = 0;
    for (const visitor of visitors) {
      for (const path of paths) {
        // A page that is shown once would be another one the second time.
        await visitor.get(path);
        const plain = await visitor.get(path);
        for (const headers of ASKING) {
          const answer = await visitor.request("GET", path, undefined, headers);
          const what = `${path} ${JSON.stringify(headers)}`;
          assert.equal(answer.statusCode, plain.statusCode, what);
          assert.equal(masked(answer.body), masked(plain.body), what);
          assert.equal(answer.headers["content-length"], String(answer.rawPayload.length), what);
          assert.equal(answer.headers["cache-control"], "no-store", what);
          for (const name of TELLING) assert.equal(answer.headers[name], undefined, `${what}: ${name}`);
          pages++;
        }
      }
    }
    assert.ok(pages > 300, `${pages} pages looked at`);
  });

  it("what browsers may keep is one and the same for everybody", async () => {
    for (const file of ["/kith.css", "/kith.js", "/favicon.svg"]) {
      const [one, other] = await Promise.all(visitors.map((visitor) => visitor.get(file)));
      assert.equal(one?.statusCode, 200);
      assert.equal(one?.body, other?.body);
      const { date: _one, ...mine } = one?.headers ?? {};
      const { date: _other, ...theirs } = other?.headers ?? {};
      assert.deepEqual(mine, theirs);
      assert.equal(mine["set-cookie"], undefined, "nothing that belongs to one of them is kept with it");
    }
  });
});
