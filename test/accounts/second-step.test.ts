import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { openSession } from "#kith/accounts/sessions.js";
import { confirmCode } from "#kith/accounts/sign-in.js";
import { setStatus } from "#kith/accounts/suspend.js";
import { openPlace, type Place, passwordOf, type Visitor } from "../support/app.js";
import { Client } from "../support/client.js";
import { contents } from "../support/pages.js";
import { choose, openCommunity, totpOf, trustAll, turnOnSecondStep } from "../support/resets.js";

const HALF_MINUTE = 30_000;

describe("setting up the second step", () => {
  const begin = (visitor: Visitor) =>
    visitor.post("/security/totp", { current_password: passwordOf(visitor.username) }, "/security");

  it("is over a quarter hour after the password: whoever finds the session open does not finish it", async () => {
    const place = await openPlace();
    const ada = await (await place.founder()).bring("ada");
    await begin(ada);
    assert.equal((await ada.get("/security/totp")).statusCode, 200);
    place.advance(15 * 60_000);
    assert.equal((await ada.get("/security/totp")).headers.location, "/security");
    assert.equal(
      (await ada.post("/security/totp/confirm", { code: "000000" }, "/security")).headers.location,
      "/security",
    );
  });

  it("replaces none that was turned on from elsewhere meanwhile", async () => {
    const place = await openPlace();
    const ada = await (await place.founder()).bring("ada");
    const elsewhere = place.visitor();
    await elsewhere.signIn("ada");
    await begin(elsewhere);
    const late = totpOf(place, (await elsewhere.get("/security/totp")).body);
    await turnOnSecondStep(place, ada);
    const stored = await contents(place.context.pool, ["accounts"]);
    const answer = await elsewhere.post("/security/totp/confirm", { code: late() }, "/security/totp");
    assert.equal(answer.headers.location, "/security");
    assert.deepEqual(await contents(place.context.pool, ["accounts"]), stored);
  });
});

describe("the second step", () => {
  let place: Place;
  let ada: Visitor;
  let code: () => string;
  before(async () => {
    place = await openPlace();
    ada = await (await place.founder()).bring("ada");
    // At the beginning of a half minute: the code is the same one a little later.
    place.advance(HALF_MINUTE - (place.context.clock().getTime() % HALF_MINUTE));
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

  it("takes a code once, of two that come at the same moment", async () => {
    for (let round = 0; round < 3; round++) {
      place.advance(2 * HALF_MINUTE);
      const two = [await half(), await half()];
      const answers = await Promise.all(two.map((visitor) => finish(visitor, code())));
      assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [303, 422]);
    }
  });

  it("takes the place of whoever was signed in with this browser before: that session is over", async () => {
    const visitor = place.visitor();
    await visitor.signIn("nour");
    const cookie = visitor.cookies.get("session") as string;
    assert.equal((await visitor.signIn("ada")).headers.location, "/sign-in/code");
    visitor.cookies.set("session", cookie);
    assert.ok(!(await isIn(visitor)));
  });

  it("takes no code that is more than one half minute off", async () => {
    place.advance(4 * HALF_MINUTE);
    const early = code();
    place.advance(2 * HALF_MINUTE);
    assert.equal((await finish(await half(), early)).statusCode, 422);
  });

  it("opens nothing any more once the password was changed or the account suspended, however late that is seen", async () => {
    const here = await openPlace();
    const owner = await (await here.founder()).bring("ada");
    const right = await turnOnSecondStep(here, owner);
    const { context } = here;
    const name = { username: "ada", domain: "localhost" };
    const refused = async (happens: () => Promise<unknown>) => {
      here.advance(2 * HALF_MINUTE);
      const visitor = here.visitor();
      await visitor.signIn("ada");
      const session = await openSession(context, visitor.cookies.get("session") as string);
      assert.ok(session);
      await happens();
      const before = await contents(context.pool, ["accounts", "sessions"]);
      assert.deepEqual(await confirmCode(context, session, right()), { outcome: "wrong" });
      assert.deepEqual(await contents(context.pool, ["accounts", "sessions"]), before);
    };
    await refused(() => setStatus(context, name, "suspended"));
    await setStatus(context, name, "active");
    const again = here.visitor();
    await again.signIn("ada");
    here.advance(2 * HALF_MINUTE);
    assert.equal((await finish(again, right())).statusCode, 303);
    const [current_password, password] = [passwordOf("ada"), passwordOf("ada", 2)];
    await refused(async () => {
      const changed = await again.post("/security/password", { current_password, password }, "/security");
      assert.equal(changed.statusCode, 303);
    });
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

  it("shows new recovery codes within a quarter hour, also where the session's row of that moment is put back", async () => {
    await ada.post("/security/totp", { current_password: passwordOf("ada") }, "/security");
    const { rows } = await place.context.pool.query("select * from sessions");
    assert.match((await ada.get("/security/recovery-codes")).body, /\b[a-z0-9]{5}-[a-z0-9]{5}\b/);
    place.advance(15 * 60_000);
    for (const { id, sealed } of rows) {
      await place.context.pool.query("update sessions set sealed = $2 where id = $1", [id, sealed]);
    }
    assert.equal((await ada.get("/security/recovery-codes")).headers.location, "/security");
    assert.equal((await ada.get("/security")).statusCode, 200, "the session is good");
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

  it("lets nobody guess codes, from however many addresses: ten wrong ones in an hour", async () => {
    const limited = await openPlace({ env: { KITH_LIMITS: "", KITH_TRUSTED_PROXIES: "127.0.0.1" } });
    const owner = await (await limited.founder()).bring("ada");
    const right = await turnOnSecondStep(limited, owner);
    limited.advance(2 * HALF_MINUTE);
    const guess = async (number: number, typed: string) => {
      const thief = new Client(limited, `203.0.113.${number}`);
      assert.equal((await thief.signIn("ada")).headers.location, "/sign-in/code");
      return await finish(thief, typed);
    };
    assert.equal((await guess(1, right())).statusCode, 303);
    limited.advance(2 * HALF_MINUTE);
    for (let count = 1; count <= 10; count++) assert.equal((await guess(count, "000000")).statusCode, 422, `${count}`);
    const stored = await contents(limited.context.pool, ["accounts", "relations", "people"]);
    const answer = await guess(11, right());
    assert.equal(answer.statusCode, 429, "not even the right one is tried any more");
    const wait = Number(answer.headers["retry-after"]);
    assert.ok(wait > 900 && wait <= 3600, `Retry-After: ${wait}`);
    assert.deepEqual(await contents(limited.context.pool, ["accounts", "relations", "people"]), stored);
    assert.equal((await owner.get("/trust")).statusCode, 200, "who is signed in stays so");
  });

  it("counts wrong codes for whichever password was right: also for those of a reset under way, however often it is begun", async () => {
    const { place: limited, who } = await openCommunity(["ada", "bea"], { env: { KITH_LIMITS: "code=10/3600" } });
    await trustAll(who.ada, ["bea"]);
    await turnOnSecondStep(limited, who.ada);
    for (let version = 2; version <= 3; version++) {
      const { browser, words } = await choose(
        limited,
        await who.bea.openCase("ada", version > 2),
        passwordOf("ada", version),
      );
      await who.bea.agree("ada", words);
      assert.equal((await browser.signIn("ada", passwordOf("ada", version))).headers.location, "/sign-in/code");
      for (let count = 1; count <= 6; count++) {
        const isOver = version === 3 && count > 4;
        assert.equal((await finish(browser, "000000")).statusCode, isOver ? 429 : 422, `${version}, ${count}`);
      }
    }
  });

  it("counts wrong codes for the address as well, together with wrong passwords", async () => {
    const limited = await openPlace({ env: { KITH_LIMITS: "sign-in=4/900", KITH_TRUSTED_PROXIES: "127.0.0.1" } });
    const owner = await (await limited.founder()).bring("ada");
    const right = await turnOnSecondStep(limited, owner);
    limited.advance(2 * HALF_MINUTE);
    const thief = new Client(limited, "203.0.113.1");
    assert.equal((await thief.signIn("ada")).headers.location, "/sign-in/code");
    for (let count = 1; count <= 4; count++) assert.equal((await finish(thief, "000000")).statusCode, 422);
    assert.equal((await finish(thief, right())).statusCode, 429);
    const elsewhere = new Client(limited, "203.0.113.2");
    await elsewhere.signIn("ada");
    assert.equal((await finish(elsewhere, right())).statusCode, 303, "from elsewhere, the member gets in");
  });
});
