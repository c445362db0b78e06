import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { clientOf } from "#kith/web/limits.js";
import { openPlace } from "../support/app.js";
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
