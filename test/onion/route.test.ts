import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { torrc } from "#kith/onion/config/torrc.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { orderTargets } from "#kith/onion/route.js";
import { NOWHERE, virtualAddress } from "#kith/onion/virtual-address.js";

const target = (name: number, priority: number, weight: number) => ({
  onion: onionOfKey(Buffer.alloc(32, name)),
  port: name,
  priority,
  weight,
});

describe("several onions of one domain", () => {
  it("are tried by priority, whatever their weight", () => {
    for (let round = 0; round < 50; round++) {
      const order = orderTargets([target(1, 20, 100), target(2, 10, 0), target(3, 10, 65535)]);
      assert.equal(order.length, 3);
      assert.equal(order[2]!.port, 1);
    }
  });

  it("of the same priority share the mail by weight", () => {
    let first = 0;
    for (let round = 0; round < 4000; round++) {
      if (orderTargets([target(1, 0, 10), target(2, 0, 30)])[0]!.port === 2) first++;
    }
    assert.ok(first > 2800 && first < 3200, `${first} of 4000 instead of about 3000`);
  });
});

describe("virtual addresses", () => {
  it("are distinct and stay inside 10.192.0.0/10", () => {
    assert.equal(virtualAddress(1), "10.192.0.1");
    assert.equal(virtualAddress(256), "10.192.1.0");
    assert.equal(virtualAddress(4_194_302), "10.255.255.254");
    for (const number of [0, -1, 1.5]) assert.throws(() => virtualAddress(number), RangeError);
  });

  it("are used up some day: from then on the mail waits, and Tor is told nothing of it", () => {
    const last = { onion: onionOfKey(Buffer.alloc(32, 1)), virtual: virtualAddress(4_194_302) };
    const beyond = { onion: onionOfKey(Buffer.alloc(32, 2)), virtual: virtualAddress(4_194_303) };
    for (const virtual of [beyond.virtual, virtualAddress(2 ** 31 - 1)]) assert.equal(virtual, NOWHERE);
    const where = { host: "127.0.0.1", port: 9050 };
    const settings = { torSocks: where, receive: where, hiddenServiceDir: "/var/lib/tor/kith" };
    const text = torrc({ ...settings, mapped: [last, beyond] });
    assert.deepEqual(text.match(/^MapAddress.*$/gm), [`MapAddress 10.255.255.254 ${last.onion}`]);
    assert.ok(!text.includes(NOWHERE));
  });
});
