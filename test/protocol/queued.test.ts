import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { ProtocolError } from "#kith/protocol/errors.js";
import { unwrapNotice, wrapNotice } from "#kith/protocol/queued.js";

describe("a notice that waits to be mailed", () => {
  const secret = randomBytes(32);
  const notice = { to: "ada@example.org", subject: "Für dich", text: "…" };

  it("is read with the server secret alone", () => {
    const wrapped = wrapNotice(secret, notice);
    assert.deepEqual(unwrapNotice(secret, wrapped), notice);
    assert.equal(unwrapNotice(randomBytes(32), wrapped), undefined);
    const altered = Buffer.from(wrapped, "base64url");
    altered[20]! ^= 1;
    assert.equal(unwrapNotice(secret, altered.toString("base64url")), undefined);
    assert.equal(unwrapNotice(secret, "no box"), undefined);
  });

  it("has one length, whatever is in it, and never the same bytes", () => {
    const long = { ...notice, text: "x".repeat(3_000) };
    const wrapped = [notice, notice, long].map((one) => wrapNotice(secret, one));
    assert.deepEqual([...new Set(wrapped.map(({ length }) => length))], [5499]);
    assert.equal(new Set(wrapped).size, 3);
    assert.throws(() => wrapNotice(secret, { text: "x".repeat(5_000) }), ProtocolError);
  });
});
