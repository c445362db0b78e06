import assert from "node:assert/strict";
import { test } from "node:test";
import { clientOf } from "#kith/web/limits.js";

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
