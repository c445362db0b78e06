import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { selectAccountOrDecoy } from "#kith/accounts/queries.js";
import { toBase64url } from "#kith/protocol/bytes.js";
import { newSessionCookie, sessionId, unwrapSession, wrapSession } from "#kith/protocol/session.js";
import { openPlace, type Place, type Visitor } from "../support/app.js";
import { somebody } from "../support/keys.js";

// The cookie alone wraps a session, and a cookie can be made up: whoever writes to the database can make a row that it
// opens. Only Kith's tag inside says that Kith began it.

describe("a session that somebody else began", () => {
  let place: Place;
  let nour: Visitor;
  let mal: Visitor;
  before(async () => {
    place = await openPlace();
    nour = await place.founder();
    mal = await nour.bring("mal", { trust: false });
  });
  const reported = () => place.context.forgedRows.get("sessions") ?? 0;
  const store = (cookie: Uint8Array, sealed: Uint8Array) =>
    place.context.pool.query(
      "insert into sessions values ($1, $2, '2099-01-01') on conflict (id) do update set sealed = excluded.sealed",
      [sessionId(cookie), sealed],
    );
  const withCookie = (cookie: Uint8Array) => {
    const visitor = place.visitor();
    visitor.cookies.set("session", toBase64url(cookie));
    return visitor;
  };

  it("for an admin's account, with a key of one's own, opens nothing and makes nobody an admin", async () => {
    const { db, decoys } = place.context;
    const account = await selectAccountOrDecoy(db, "localhost", "nour", decoys.accountId);
    assert.ok(account);
    const { bytes } = await somebody();
    const cookie = newSessionCookie();
    const now = place.context.clock().getTime();
    const payload = {
      accountId: account.id,
      epoch: toBase64url(account.session_epoch),
      key: toBase64url(bytes.privateKey),
      stage: "full",
      client: "",
      begun: now,
    };
    for (const made of [payload, { ...payload, tag: toBase64url(newSessionCookie()) }, { ...payload, tag: 7 }]) {
      await store(cookie, wrapSession(place.context.secret, cookie, made));
      const intruder = withCookie(cookie);
      const before = reported();
      assert.equal((await intruder.get("/admin/accounts")).statusCode, 303);
      assert.ok(reported() > before, "it is noticed");
      await intruder.post("/admin/accounts/role", { username: "mal", role: "admin" }, "/admin/accounts");
    }
    const { rows } = await place.context.pool.query("select role from accounts where username = 'mal'");
    assert.equal(rows[0].role, "member");
  });

  it("made of one's own genuine one, whatever is changed in it, is refused", async () => {
    const cookie = Buffer.from(mal.cookies.get("session") as string, "base64url");
    const { rows } = await place.context.pool.query("select sealed from sessions where id = $1", [sessionId(cookie)]);
    const { tag, ...payload } = unwrapSession(place.context.secret, cookie, rows[0].sealed) as Record<string, unknown>;
    assert.ok(tag);
    for (const name of Object.keys(payload)) {
      const old = payload[name];
      const changed = { ...payload, [name]: typeof old === "number" ? old + 900_000 : `${old}x`, tag };
      await store(cookie, wrapSession(place.context.secret, cookie, changed));
      assert.equal((await mal.get("/trust")).statusCode, 303, name);
    }
    await store(cookie, wrapSession(place.context.secret, cookie, { ...payload, reviewUntil: 9e15, tag }));
    assert.equal((await mal.get("/trust")).statusCode, 303, "the tree is not opened by it");
    // The same content under another cookie of one's own.
    const other = newSessionCookie();
    await store(other, wrapSession(place.context.secret, other, { ...payload, tag }));
    assert.equal((await withCookie(other).get("/trust")).statusCode, 303, "it can't be multiplied");
    await store(cookie, rows[0].sealed);
    assert.equal((await mal.get("/trust")).statusCode, 200, "put back, it is good");
  });
});
