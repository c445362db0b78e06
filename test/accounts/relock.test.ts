import assert from "node:assert/strict";
import { it } from "node:test";
import { openPlace, passwordOf, Visitor } from "../support/app.js";
import { turnOnSecondStep } from "../support/resets.js";

it("after KITH_ARGON2 was raised every sign-in locks the key anew, with a second step as without: else it would show who has one", async () => {
  const secret = new Uint8Array(32).fill(3);
  const before = await openPlace({ secret, env: { KITH_ARGON2: "m=1024,t=1,p=1" } });
  const nour = await before.founder();
  const ada = await nour.bring("ada");
  const code = await turnOnSecondStep(before, ada);

  const databaseUrl = before.context.config.databaseUrl as string;
  const place = await openPlace({ databaseUrl, secret, env: { KITH_ARGON2: "m=2048,t=1,p=1" } });
  const accounts = async () =>
    await place.context.db
      .selectFrom("accounts")
      .select(["username", "parameters", "salt"])
      .where("username", "in", ["ada", "nour"])
      .orderBy("username")
      .execute();
  const [old] = await accounts();
  before.advance(60_000);
  place.advance(60_000);
  for (let time = 0; time < 2; time++) {
    for (const name of ["ada", "nour"]) {
      const visitor = new Visitor(place.app);
      const answer = await visitor.signIn(name);
      assert.equal(answer.statusCode, 303);
      if (name === "ada") {
        assert.equal(answer.headers.location, "/sign-in/code");
        if (time === 0) assert.deepEqual((await accounts())[0], old, "not before the code");
        const done = await visitor.post("/sign-in/code", { code: code() }, "/sign-in/code");
        assert.equal(done.statusCode, 303);
      }
      const next = { current_password: passwordOf(name), password: passwordOf(name) };
      assert.match(
        (await visitor.post("/security/password", next, "/security")).body,
        /the one you have/,
        "it is right",
      );
    }
    assert.deepEqual(
      (await accounts()).map(({ parameters }) => parameters),
      ["m=2048,t=1,p=1", "m=2048,t=1,p=1"],
    );
    for (const each of [before, place]) each.advance(60_000);
  }
  assert.notDeepEqual((await accounts())[0]?.salt, old?.salt);
});
