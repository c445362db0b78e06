import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Visitor } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { httpApp } from "../support/http-app.js";
import { firstLink, runKith, startKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

describe("kith secret rotate", () => {
  it("is refused while a Kith is connected that would go on with the old secret, on a server as well", async () => {
    const { databaseUrl } = await freshDatabase();
    const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    const secret = () => readFileSync(join(env.KITH_DATA_DIR, "secret"));
    const kith = await startKith(env);
    const ada = new Visitor(httpApp(kith.url));
    assert.equal((await ada.join(await firstLink(kith), "ada")).statusCode, 303);
    const before = secret();
    const refused = await runKith(["secret", "rotate"], env);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /stop every kith start/);
    assert.deepEqual(secret(), before);
    assert.equal((await ada.signIn()).statusCode, 303, "nothing was moved");

    await kith.stop();
    const rotated = await runKith(["secret", "rotate"], env);
    assert.equal(rotated.status, 0, rotated.stderr);
    assert.notDeepEqual(secret(), before);
    const again = await startKith(env);
    assert.equal((await new Visitor(httpApp(again.url)).signIn("ada")).statusCode, 303);
    await again.stop();
  });
});
