import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

  it("that is not finished lets nobody back up or restore: neither secret alone would open such rows", async () => {
    const { databaseUrl } = await freshDatabase();
    const env = { DATABASE_URL: databaseUrl, KITH_DATA_DIR: temporaryDirectory() };
    const [secret, next] = [join(env.KITH_DATA_DIR, "secret"), join(env.KITH_DATA_DIR, "secret.next")];
    const file = join(temporaryDirectory(), "backup");
    assert.equal((await runKith(["invite"], env)).status, 0, "makes the secret");
    writeFileSync(next, Buffer.alloc(32), { mode: 0o600 });
    const refused = await runKith(["backup", file], env);
    assert.equal(refused.status, 1);
    assert.equal(
      refused.stderr,
      "kith: the server secret is being rotated: run kith secret rotate once more, to the end\n",
    );
    assert.ok(!existsSync(file));

    // A backup needs no secret.
    renameSync(secret, `${secret}.elsewhere`);
    rmSync(next);
    assert.equal((await runKith(["backup", file], env)).status, 0);

    const empty = { ...env, DATABASE_URL: (await freshDatabase()).databaseUrl };
    writeFileSync(next, Buffer.alloc(32), { mode: 0o600 });
    const { status, stderr } = await runKith(["restore", file], empty);
    assert.equal(status, 1);
    assert.match(stderr, /^kith: the server secret is being rotated: .* or move .*secret\.next away .*\n$/);
    rmSync(next);
    assert.equal((await runKith(["restore", file], empty)).status, 0);
  });
});
