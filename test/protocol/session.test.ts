import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toHex } from "#kith/protocol/bytes.js";
import {
  newSessionCookie,
  SESSION_BYTES,
  sessionId,
  tagSession,
  tagVisit,
  unwrapNote,
  unwrapOpened,
  unwrapSession,
  wrapNote,
  wrapOpened,
  wrapSession,
} from "#kith/protocol/session.js";
import { altered } from "../support/keys.js";

const secret = randomBytes(32);

describe("a wrapped session", () => {
  it("opens with its cookie under its server secret alone, and always has one length", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (payload) => {
        const cookie = newSessionCookie();
        const wrapped = wrapSession(secret, cookie, payload);
        assert.equal(wrapped.length, SESSION_BYTES);
        assert.deepEqual(unwrapSession(secret, cookie, wrapped), JSON.parse(JSON.stringify(payload)));
        assert.equal(unwrapSession(secret, newSessionCookie(), wrapped), undefined);
        assert.equal(unwrapSession(secret, altered(cookie, 3), wrapped), undefined);
        assert.equal(unwrapSession(altered(secret, 3), cookie, wrapped), undefined);
        assert.equal(unwrapSession(cookie, cookie, wrapped), undefined);
      }),
    );
  });

  it("does not open with the row's id, nor when a byte of it is another", () => {
    const cookie = newSessionCookie();
    const wrapped = wrapSession(secret, cookie, { a: 1 });
    assert.equal(unwrapSession(secret, sessionId(cookie), wrapped), undefined);
    for (let at = 0; at < wrapped.length; at += 37) {
      assert.equal(unwrapSession(secret, cookie, altered(wrapped, at, at % 8)), undefined);
    }
  });

  it("has an id that is not the cookie, and another one for every cookie", () => {
    const cookies = Array.from({ length: 200 }, () => newSessionCookie());
    assert.equal(new Set(cookies.map((cookie) => Buffer.from(cookie).toString("hex"))).size, 200);
    const ids = cookies.map((cookie) => Buffer.from(sessionId(cookie)).toString("hex"));
    assert.equal(new Set(ids).size, 200);
    for (const [index, id] of ids.entries())
      assert.notEqual(id, Buffer.from(cookies[index] as Uint8Array).toString("hex"));
  });

  it("is refused when it holds too much, never cut", () => {
    const cookie = newSessionCookie();
    assert.ok(wrapSession(secret, cookie, "x".repeat(4090)));
    assert.throws(() => wrapSession(secret, cookie, "x".repeat(4091)), { code: "ERR_CLASS_OVERFLOW" });
  });
});

describe("what a session has opened, kept in memory", () => {
  it("opens with the cookie and for the generation it belongs to, and is no session", () => {
    const cookie = newSessionCookie();
    const generation = randomBytes(16);
    const opened = randomBytes(900);
    const wrapped = wrapOpened(cookie, opened, generation);
    assert.deepEqual(Buffer.from(unwrapOpened(cookie, wrapped, generation) ?? []), opened);
    assert.ok(!Buffer.from(wrapped).includes(opened.subarray(100, 132)));
    assert.equal(unwrapOpened(cookie, wrapped, randomBytes(16)), undefined);
    assert.equal(unwrapOpened(newSessionCookie(), wrapped, generation), undefined);
    assert.equal(unwrapOpened(sessionId(cookie), wrapped, generation), undefined);
    assert.equal(unwrapSession(secret, cookie, wrapped), undefined);
  });
});

describe("a note to the next page", () => {
  it("opens with its cookie alone, always has one length, and is no session", () => {
    const cookie = newSessionCookie();
    for (const note of [{ kind: "saved", names: ["bea", "zoë"] }, "", null]) {
      const wrapped = wrapNote(secret, cookie, note);
      assert.equal(wrapped.length, 1052);
      assert.deepEqual(unwrapNote(secret, cookie, wrapped), note);
      assert.equal(unwrapNote(secret, newSessionCookie(), wrapped), undefined);
      assert.equal(unwrapNote(randomBytes(32), cookie, wrapped), undefined, "nobody makes one up");
      assert.equal(unwrapNote(secret, cookie, altered(wrapped, 500)), undefined);
      assert.equal(unwrapSession(secret, cookie, wrapped), undefined);
    }
    assert.equal(
      unwrapNote(secret, cookie, wrapSession(secret, cookie, "x")),
      undefined,
      "a session is no note either",
    );
  });

  it("is refused when it holds too much, never cut", () => {
    const cookie = newSessionCookie();
    assert.equal(unwrapNote(secret, cookie, wrapNote(secret, cookie, "x".repeat(1018))), "x".repeat(1018));
    assert.throws(() => wrapNote(secret, cookie, "x".repeat(1019)), { code: "ERR_CLASS_OVERFLOW" });
  });
});

describe("the tag of a session", () => {
  it("is the same for the same session, and another for another secret, row, payload or order of fields", () => {
    const [secret, id] = [randomBytes(32), randomBytes(32)];
    const hex = (...given: Parameters<typeof tagSession>) => Buffer.from(tagSession(...given)).toString("hex");
    const tags = [
      hex(secret, id, { a: 1, b: 2 }),
      hex(altered(secret, 9), id, { a: 1, b: 2 }),
      hex(secret, altered(id, 31), { a: 1, b: 2 }),
      hex(secret, id, { a: 1, b: 3 }),
      hex(secret, id, { b: 2, a: 1 }),
    ];
    assert.equal(new Set(tags).size, tags.length);
    assert.equal(hex(secret, id, { a: 1, b: 2 }), tags[0]);
  });
});

describe("the tag of a visit", () => {
  it("is another one for each secret, session and moment, and none of a session's", () => {
    const [secret, id] = [randomBytes(32), randomBytes(32)];
    const tags = [
      tagVisit(secret, id, 1_800_000_000_000),
      tagVisit(secret, id, 1_800_000_000_001),
      tagVisit(secret, randomBytes(32), 1_800_000_000_000),
      tagVisit(randomBytes(32), id, 1_800_000_000_000),
      tagSession(secret, id, 1_800_000_000_000),
    ].map(toHex);
    assert.equal(new Set(tags).size, tags.length);
    assert.equal(toHex(tagVisit(secret, id, 1_800_000_000_000)), tags[0]);
  });
});
