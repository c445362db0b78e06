import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { sql } from "kysely";
import { makeMetrics } from "#kith/web/metrics.js";
import { buildWatch } from "#kith/web/server.js";
import { openPlace, passwordOf, Visitor } from "../support/app.js";

describe("metrics", () => {
  it("count requests by the route's template and status, and tell nothing about anybody", async () => {
    const place = await openPlace({ env: { KITH_LIMITS: "sign-in=1/900" } });
    const metrics = makeMetrics(place.context);
    metrics.watch(place.app);
    const watch = buildWatch(place.context, metrics);
    after(() => watch.close());
    const read = async () => {
      const answer = await watch.inject("/metrics");
      assert.equal(answer.statusCode, 200);
      assert.match(String(answer.headers["content-type"]), /^text\/plain/);
      return answer.body;
    };

    const nour = await place.founder();
    const bea = await nour.bring("bea");
    const ada = await nour.bring("ada", { trust: false });
    await ada.trust("bea");
    const path = await bea.openCase("ada");
    await new Visitor(place.app).signIn("ada", "not the password at all");
    await new Visitor(place.app).get("/invite/not-a-letter");
    await new Visitor(place.app).get("/no-such-page");
    assert.equal((await new Visitor(place.app).signIn("ada", "not the password at all")).statusCode, 429);
    const large = `username=${"a".repeat(70_000)}`;
    assert.equal((await bea.request("POST", "/help", large)).statusCode, 413);
    assert.equal((await bea.request("POST", "/help", "{}", { "content-type": "application/json" })).statusCode, 415);
    assert.equal((await bea.request("POST", "/help", "username=ada&_csrf=x")).statusCode, 403);
    const text = await read();
    assert.match(text, /^kith_http_requests_total\{method="POST",route="\/sign-in",status="422"\} 1$/m);
    assert.match(text, /^kith_http_requests_total\{method="POST",route="\/sign-in",status="429"\} 1$/m);
    for (const status of [413, 415, 403]) {
      assert.ok(
        text.includes(`kith_http_requests_total{method="POST",route="/help",status="${status}"} 1\n`),
        `${status}`,
      );
    }
    assert.match(text, /^kith_http_requests_total\{method="GET",route="\/invite\/:letter",status="404"\} 1$/m);
    assert.match(text, /^kith_http_requests_total\{method="GET",route="no route",status="404"\} 1$/m);
    assert.match(text, /^kith_http_request_duration_seconds_bucket\{le="0\.1",method="GET",route="\/trust"\} \d/m);
    assert.match(text, /^kith_argon2_waiting 0$/m);
    assert.match(text, /^kith_argon2_running 0$/m);
    assert.match(text, /^kith_database_connections \d+$/m);
    assert.match(text, /^kith_reset_cases_open 1$/m);
    assert.match(text, /^process_resident_memory_bytes \d/m);
    assert.doesNotMatch(text, /_cpu_|eventloop|_gc_/, "nothing finer than the steps");
    const memory = [...text.matchAll(/^(\w*(?:memory|heap)\w*) (\S+)$/gm)].map(([, name, bytes]) => [
      name,
      Number(bytes),
    ]);
    assert.deepEqual(
      memory.map(([name]) => name),
      ["process_resident_memory_bytes"],
    );
    assert.equal(Number(memory[0]?.[1]) % (64 * 2 ** 20), 0, "what pages took is not told to the byte");
    for (const canary of ["ada", "bea", "nour", "localhost", "127.0.0.1", path.slice("/handover/".length)]) {
      assert.ok(!text.split(/[^\w.-]+/).includes(canary), canary);
    }

    place.days(1); // limits are over
    // Somebody writes to the database.
    await sql`update accounts set role = 'admin' where username = 'bea'`.execute(place.context.db);
    const refused = await new Visitor(place.app).signIn("bea", passwordOf("bea"));
    assert.equal(refused.statusCode, 422);
    assert.match(await read(), /^kith_forged_rows_total\{table="accounts"\} [1-9]/m);
  });

  it("go on without the database, and say that they can't count there", async () => {
    const place = await openPlace();
    const lost = { ...place.context, db: place.context.db.withSchema("nowhere") };
    assert.match(await makeMetrics(lost).text(), /^kith_reset_cases_open Nan$/m);
  });
});
