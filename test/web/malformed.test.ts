import assert from "node:assert/strict";
import { type AddressInfo, connect } from "node:net";
import { before, describe, it } from "node:test";
import { openPlace, type Place } from "../support/app.js";

/** Sends bytes, and reads until the server closes. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      heard += chunk;
    });
    socket.on("close", () => resolve(heard)).on("error", reject);
  });
}

const NO_HOST = "GET / HTTP/1.1\r\n\r\n";

describe("what never becomes a request", () => {
  let place: Place;
  let port: number;
  before(async () => {
    place = await openPlace({ env: { KITH_ORIGIN: "https://kith.example.org" } });
    await place.app.listen({ port: 0, host: "127.0.0.1" });
    port = (place.app.server.address() as AddressInfo).port;
  });

  it("is answered in a word, with the headers of every answer, and the connection is closed", async () => {
    let looked = 0;
    for (const [sent, status] of [
      ["nonsense\r\n\r\n", 400],
      ["GET / HTTP/9.9\r\n\r\n", 400],
      [NO_HOST, 400],
      [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
      // Two lengths at once is how requests are smuggled past a proxy.
      ["POST /help HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
      ["POST /help HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\na=b", 400],
    ] as const) {
      const heard = await talk(port, sent);
      assert.match(heard, new RegExp(`^HTTP/1.1 ${status} `), sent.slice(0, 60));
      assert.doesNotMatch(heard, /fastify|error"|HPE_|nonsense/i, sent.slice(0, 60));
      // Node itself answers a request that names no host, in two lines without a body.
      if (sent === NO_HOST) continue;
      looked += 1;
      assert.match(heard, /\r\nContent-Security-Policy: default-src 'none';/);
      assert.match(heard, /\r\nX-Content-Type-Options: nosniff\r\n/);
      assert.match(heard, /\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains\r\n/);
      assert.match(heard, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/);
    }
    assert.equal(looked, 5);
  });

  it("is never taken for the next request: after a length that can't be known the connection is closed", async () => {
    const next = "GET /about HTTP/1.1\r\nHost: a\r\n\r\n";
    const heard = await talk(port, `POST /help HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n${next}`);
    assert.match(heard, /HTTP\/1.1 400 /);
    assert.doesNotMatch(heard, /HTTP\/1.1 200 /);
  });

  it("is not sent back: TRACE is no method here", async () => {
    const heard = await talk(port, "TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Canary: canary\r\n\r\n");
    assert.match(heard, /^HTTP\/1.1 404 /);
    assert.doesNotMatch(heard, /canary/i);
  });

  it("is not waited for: headers and bodies that don't come, and connections on which nothing happens", () => {
    const { server } = place.app;
    assert.equal(server.requestTimeout, 30_000, "milliseconds for the whole request, headers too");
    assert.equal(server.timeout, 120_000, "milliseconds of silence");
    assert.ok(server.keepAliveTimeout > 0 && server.keepAliveTimeout <= 120_000, `idle: ${server.keepAliveTimeout} ms`);
  });
});
