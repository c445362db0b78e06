import assert from "node:assert/strict";
import { test } from "node:test";
import { askDns, DnsFailure } from "#kith/onion/dns.js";

test("a resolver to which there is no way is a failure to ask, and ends nothing", async () => {
  await assert.rejects(askDns({ host: "255.255.255.255", port: 53 }, "_onion-mx._tcp.example.org", "SRV"), DnsFailure);
});
