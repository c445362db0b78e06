import assert from "node:assert/strict";
import { chmodSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Failure } from "#kith/failure.js";
import { loadServerSecret } from "#kith/secret.js";
import { temporaryDirectory } from "./support/temporary.js";

const notNeeded = async () => false;

test("the first start makes a secret that only its owner can read, the second reads the same", async () => {
  const directory = temporaryDirectory();
  const file = join(directory, "secret");
  const made = await loadServerSecret(file, notNeeded);
  assert.equal(made.length, 32);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(await loadServerSecret(file, notNeeded), made);
  assert.deepEqual(readdirSync(directory), ["secret"]);
});

test("many starts at once agree on one secret", async () => {
  const file = join(temporaryDirectory(), "secret");
  const secrets = await Promise.all(Array.from({ length: 8 }, () => loadServerSecret(file, notNeeded)));
  for (const secret of secrets) assert.deepEqual(secret, secrets[0]);
});

test("a secret that others can read is refused", async () => {
  const file = join(temporaryDirectory(), "secret");
  await loadServerSecret(file, notNeeded);
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(file, mode);
    await assert.rejects(
      loadServerSecret(file, notNeeded),
      (error) => error instanceof Failure && /chmod 600/.test(error.message),
    );
  }
});

test("a secret of another length is refused", async () => {
  const file = join(temporaryDirectory(), "secret");
  writeFileSync(file, Buffer.alloc(33), { mode: 0o600 });
  await assert.rejects(loadServerSecret(file, notNeeded), /33 bytes/);
  truncateSync(file);
  await assert.rejects(loadServerSecret(file, notNeeded), /0 bytes/);
});

test("no new secret is made while the database holds accounts that need the missing one", async () => {
  const directory = temporaryDirectory();
  await assert.rejects(
    loadServerSecret(join(directory, "secret"), async () => true),
    /is missing/,
  );
  assert.deepEqual(readdirSync(directory), []);
});
