import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { openPlace, type Place, passwordOf, Visitor } from "../support/app.js";
import { turnOnSecondStep } from "../support/resets.js";

const HALF_MINUTE = 30_000;

describe("the second step", () => {
  let place: Place;
  let ada: Visitor;
  let code: () => string;
  before(async () => {
    place = await openPlace();
    ada = await (await place.founder()).bring("ada");
    code = await turnOnSecondStep(place, ada);
  });
  /** Somebody who has typed the right password. */
  const half = async () => {
    const visitor = place.visitor();
    assert.equal((await visitor.signIn("ada")).headers.location, "/sign-in/code");
    return visitor;
  };
  const finish = (visitor: Visitor, typed: string) => visitor.post("/sign-in/code", { code: typed }, "/sign-in/code");
  const isIn = async (visitor: Visitor) => (await visitor.get("/trust")).statusCode === 200;

  it("does not take the code again that it was set up with", async () => {
    const answer = await finish(await half(), code());
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /Use the next one in the app, or another of your recovery codes\./);
  });

  it("opens nothing until the code was typed, and gives another cookie then", async () => {
    place.advance(2 * HALF_MINUTE);
    const visitor = await half();
    const cookie = visitor.cookies.get("session");
    assert.ok(!(await isIn(visitor)));
    assert.equal((await finish(visitor, "000000")).statusCode, 422);
    assert.ok(!(await isIn(visitor)));
    assert.equal((await finish(visitor, code())).statusCode, 303);
    assert.ok(await isIn(visitor));
    assert.notEqual(visitor.cookies.get("session"), cookie);
    visitor.cookies.set("session", cookie as string);
    assert.equal((await visitor.get("/sign-in/code")).headers.location, "/sign-in", "the half session is over");
  });

  it("takes each code once, and none older than the last one taken", async () => {
    place.advance(2 * HALF_MINUTE);
    const older = code();
    place.advance(HALF_MINUTE);
    const typed = code();
    assert.equal((await finish(await half(), typed)).statusCode, 303);
    assert.equal((await finish(await half(), typed)).statusCode, 422, "the same once more");
    assert.equal((await finish(await half(), older)).statusCode, 422, "an earlier one, though its time is not over");
  });

  it("takes no code that is more than one half minute off", async () => {
    place.advance(4 * HALF_MINUTE);
    const early = code();
    place.advance(2 * HALF_MINUTE);
    assert.equal((await finish(await half(), early)).statusCode, 422);
  });

  it("takes each recovery code once", async () => {
    await ada.post("/security/totp", { current_password: passwordOf("ada") }, "/security");
    const page = (await ada.get("/security/recovery-codes")).body;
    const codes = [...page.matchAll(/\b([a-z0-9]{5}-[a-z0-9]{5})\b/g)].map((match) => match[1] as string);
    assert.equal(new Set(codes).size, 8);
    assert.equal((await ada.get("/security/recovery-codes")).statusCode, 303, "shown once");
    const [first] = codes as [string];
    assert.equal((await finish(await half(), first.toUpperCase())).statusCode, 303);
    assert.equal((await finish(await half(), first)).statusCode, 422);
    const { rows } = await place.context.pool.query("select second_step from accounts where username = 'ada'");
    for (const one of codes) assert.ok(!Buffer.from(rows[0].second_step).includes(one), "sealed in the database");
  });

  it("is set up, changed and turned off only by whoever types the password again", async () => {
    for (const path of ["/security/totp", "/security/totp/remove"]) {
      for (const current_password of ["", "9 wrong wrong wrong"])
        assert.equal((await ada.post(path, { current_password }, "/security")).statusCode, 422, path);
    }
    assert.equal((await place.visitor().signIn("ada")).headers.location, "/sign-in/code", "it still is on");
    const off = await ada.post("/security/totp/remove", { current_password: passwordOf("ada") }, "/security");
    assert.equal(off.statusCode, 303);
    assert.equal((await place.visitor().signIn("ada")).headers.location, "/");
  });

  it("lets nobody guess codes, from however many addresses", async () => {
    const limited = await openPlace({ env: { KITH_LIMITS: "sign-in=4/900", KITH_TRUSTED_PROXIES: "127.0.0.1" } });
    const owner = await (await limited.founder()).bring("ada");
    const right = await turnOnSecondStep(limited, owner);
    limited.advance(2 * HALF_MINUTE);
    class Client extends Visitor {
      constructor(readonly address: string) {
        super(limited.app);
      }
      override request(method: "GET" | "POST", url: string, body?: string, headers: Record<string, string> = {}) {
        return super.request(method, url, body, { ...headers, "x-forwarded-for": this.address });
      }
    }
    for (let count = 1; count <= 5; count++) {
      const thief = new Client(`203.0.113.${count}`);
      assert.equal((await thief.signIn("ada")).headers.location, "/sign-in/code");
      const answer = await finish(thief, count < 5 ? "000000" : right());
      assert.equal(answer.statusCode, count < 5 ? 422 : 429, `guess ${count}`);
    }
  });
});
