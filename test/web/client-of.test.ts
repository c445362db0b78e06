import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { clientOf } from "#kith/web/limits.js";
import { csrfOf, openPlace } from "../support/app.js";
import { temporaryDirectory } from "../support/temporary.js";

test("a client is an IPv4 address, an IPv6 network, or a Tor circuit", () => {
  const of = (ip: string) => clientOf({ ip });
  assert.equal(of("192.0.2.7"), "192.0.2.7");
  assert.equal(of("::ffff:192.0.2.7"), "192.0.2.7");
  assert.equal(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::99"));
  assert.notEqual(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
  assert.equal(of("::1"), "0:0:0:0::/64");
  // Tor makes up one address for each circuit, all in one network.
  assert.notEqual(of("fc00:dead:beef:4dad::1:29"), of("fc00:dead:beef:4dad::1:2a"));
});

test("behind a Unix socket clients are those whom the proxy names, and of one more hop those of its proxies", async () => {
  const socketPath = join(temporaryDirectory(), "kith.sock");
  const place = await openPlace({ env: { KITH_LISTEN: socketPath, KITH_TRUSTED_PROXIES: "192.0.2.80" } });
  const clients: string[] = [];
  place.app.addHook("onRequest", async (one) => void clients.push(clientOf(one)));
  await place.app.listen({ path: socketPath });
  for (const chain of ["198.51.100.1", "198.51.100.2", "203.0.113.9, 198.51.100.1", "198.51.100.3, 192.0.2.80", ""]) {
    const asked = request({ socketPath, path: "/sign-in", headers: { "x-forwarded-for": chain, host: "localhost" } });
    asked.end();
    const [answer] = await once(asked, "response");
    answer.resume();
    assert.equal(answer.statusCode, 200);
  }
  assert.deepEqual(clients, ["198.51.100.1", "198.51.100.2", "198.51.100.1", "198.51.100.3", "unknown"]);
});

test("over TCP, X-Forwarded-For is believed from trusted proxies only: nobody gets more tries by making up addresses", async () => {
  const tries = async (trusted: NodeJS.ProcessEnv) => {
    const { app, founder } = await openPlace({ env: { KITH_LIMITS: "sign-in=4/900", ...trusted } });
    await founder("ada");
    await app.listen({ port: 0, host: "127.0.0.1" });
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/sign-in`;
    const page = await fetch(url);
    const cookie = page.headers.getSetCookie().map((one) => one.split(";")[0]);
    const form = { _csrf: csrfOf(await page.text()) ?? "", username: "ada", password: "9 wrong wrong wrong" };
    const statuses: number[] = [];
    for (let client = 1; client <= 8; client++) {
      const headers = { cookie: cookie.join("; "), "x-forwarded-for": `203.0.113.${client}` };
      const answer = await fetch(url, { method: "POST", headers, body: new URLSearchParams(form) });
      await answer.arrayBuffer();
      statuses.push(answer.status);
    }
    return statuses;
  };
  const oneClient = [422, 422, 422, 422, 429, 429, 429, 429];
  assert.deepEqual(await tries({}), oneClient, "nobody is trusted");
  assert.deepEqual(await tries({ KITH_TRUSTED_PROXIES: "192.0.2.80, 10.0.0.0/8" }), oneClient, "others are");
  assert.deepEqual(await tries({ KITH_TRUSTED_PROXIES: "127.0.0.1" }), Array(8).fill(422), "this one is");
});
