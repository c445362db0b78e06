import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import pg from "pg";
import { encloseBytes } from "#kith/protocol/box.js";
import { deriveKey } from "#kith/protocol/derive.js";
import { rotateSecret } from "#kith/rotation/rotate.js";
import { openPlace, type Place, passwordOf, Visitor } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { httpApp } from "../support/http-app.js";
import { firstLink, startKith } from "../support/kith.js";
import { choose, trustAll, turnOnSecondStep } from "../support/resets.js";
import { temporaryDirectory } from "../support/temporary.js";
import { kithVariant, type Patch } from "../support/variant.js";
import { type Dump, dump } from "./dump.js";
import { BARE_PASSPHRASE, NO_SECRET } from "./faults.js";
import { Guesser, type Loot } from "./guesser.js";

const GUESSES = ["a wrong guess of somebody", "another wrong one", passwordOf("ada"), "one after it"];
const THIRD = GUESSES.indexOf(passwordOf("ada")) + 1;

async function guess(loot: Loot, withArgon2 = true, guesses = GUESSES) {
  const guesser = await Guesser.open(loot, "ada", { withArgon2 });
  return { found: await guesser.guess(guesses), runs: guesser.argon2Runs, opened: guesser.opened };
}

/** Ada has used everything: a second step, an address, people, a kept key, a session, letters, a case. */
async function liveALot(place: Place): Promise<Record<string, Uint8Array>> {
  const nour = await place.founder();
  const bea = await nour.bring("bea", { trust: false });
  const ada = await nour.bring("ada", { trust: false });
  await trustAll(ada, ["bea", "nour"], { threshold: 2, keepKey: true });
  await turnOnSecondStep(place, ada);
  await ada.post("/account/contact", { address: "ada@example.org" }, "/account");
  const letter = await ada.invite();
  const link = await bea.openCase("ada");
  await choose(place, link, passwordOf("ada", 2));
  const bytes = (path: string) => Buffer.from(path.split("/").at(-1) as string, "base64url");
  return { letter: bytes(letter), link: bytes(link) };
}

describe("who guesses passwords offline", () => {
  let place: Place;
  let tables: Dump;
  let others: Record<string, Uint8Array>;
  let secret: Uint8Array;
  before(async () => {
    place = await openPlace();
    others = await liveALot(place);
    tables = await dump(place.context.pool);
    secret = place.context.secret;
  });

  it("can't confirm a guess with the database alone, whatever it costs", async () => {
    const { found, runs, opened } = await guess({ tables, others });
    assert.equal(found, undefined);
    assert.equal(runs, GUESSES.length, "it was not for want of trying");
    assert.deepEqual(opened, []);
    assert.equal(
      (await guess({ tables, others, secret: randomBytes(32) })).found,
      undefined,
      "nor with another secret",
    );
  });

  it("confirms the right one with the server secret, at one Argon2id run a guess, and at nothing less", async () => {
    const { found, opened } = await guess({ tables, others, secret });
    assert.equal(found?.password, passwordOf("ada"));
    assert.match(found?.by ?? "", /its Argon2id is the passphrase of accounts\.locked_key opened/);
    assert.equal(found?.argon2Runs, THIRD);
    for (const name of ["accounts.locked_key", "accounts.contact", "accounts.second_step", "letter"]) {
      assert.ok(
        opened.some((one) => one.startsWith(name)),
        `the secret opens ${name}`,
      );
    }
    const cheap = await guess({ tables, others, secret }, false);
    assert.deepEqual([cheap.found, cheap.runs], [undefined, 0]);
  });

  it("confirms the password of a case in the same way: one run serves both", async () => {
    const guesses = [...GUESSES.filter((one) => one !== passwordOf("ada")), passwordOf("ada", 2)];
    const { found } = await guess({ tables, others, secret }, true, guesses);
    assert.match(found?.by ?? "", /passphrase of reset_cases\.pending_locked_key/);
    assert.equal(found?.argon2Runs, guesses.length);
    assert.equal((await guess({ tables, others }, true, guesses)).found, undefined);
  });

  it("would see a hash of the password in any column, and a box that the password opens", async () => {
    const [account] = (tables.accounts ?? []).filter((row) => row.username === "ada");
    const salted = createHash("sha256")
      .update(account?.salt as Buffer)
      .update(passwordOf("ada"))
      .digest();
    const boxed = encloseBytes(
      deriveKey(Buffer.from(passwordOf("ada")), "kith/v1/session"),
      Buffer.from("what a session holds"),
    );
    for (const [column, value, by] of [
      ["session_epoch", salted.subarray(0, 16), /sha256 of the password, its salt stands in accounts\.session_epoch/],
      ["escrow", Buffer.from(boxed), /kith\/v1\/session of the password opens accounts\.escrow/],
    ] as const) {
      const accounts = (tables.accounts ?? []).map((row) => (row === account ? { ...row, [column]: value } : row));
      const { found } = await guess({ tables: { ...tables, accounts } }, false);
      assert.equal(found?.password, passwordOf("ada"), column);
      assert.match(found?.by ?? "", by);
    }
  });

  it("gets nothing from the state after a rotation with the secret before it, and from the state before only with that", async () => {
    const newSecret = randomBytes(32);
    await rotateSecret(place.context.db, secret, newSecret);
    const rotated = await dump(place.context.pool);
    const outcome = async (loot: Loot) => (await guess(loot)).found?.password ?? "nothing";
    assert.equal(await outcome({ tables: rotated, secret }), "nothing");
    assert.equal(await outcome({ tables, secret: newSecret }), "nothing");
    assert.equal(await outcome({ tables, secret }), passwordOf("ada"), "an older backup stays what it is");
    assert.equal(await outcome({ tables: rotated, secret: newSecret }), passwordOf("ada"));
  });
});

describe("the guesser, on a Kith that is broken on purpose", () => {
  /** What is stolen of a Kith that has these faults and one member, ada. */
  async function stolenFrom(patches: readonly Patch[]): Promise<Required<Omit<Loot, "others">>> {
    const { databaseUrl } = await freshDatabase();
    const dataDir = temporaryDirectory();
    const kith = await startKith({ KITH_DATA_DIR: dataDir, DATABASE_URL: databaseUrl }, kithVariant(patches));
    const path = await firstLink(kith);
    const ada = new Visitor(httpApp(kith.url));
    assert.equal((await ada.join(path, "ada")).statusCode, 303);
    assert.equal((await ada.signIn()).statusCode, 303, "the broken one works");
    const pool = new pg.Pool({ connectionString: databaseUrl });
    const tables = await dump(pool);
    await pool.end();
    await kith.stop();
    return { tables, secret: readFileSync(join(dataDir, "secret")) };
  }

  it("where the bare password is the passphrase, finds it without a single Argon2id run", async () => {
    const loot = await stolenFrom(BARE_PASSPHRASE);
    const { found, runs } = await guess(loot, false);
    assert.equal(found?.password, passwordOf("ada"));
    assert.match(found?.by ?? "", /^the password is the passphrase of accounts\.locked_key/);
    assert.equal(runs, 0);
  });

  it("where the stored key is not wrapped in the server secret, finds it with the database alone", async () => {
    const { tables } = await stolenFrom(NO_SECRET);
    const { found } = await guess({ tables });
    assert.equal(found?.password, passwordOf("ada"));
    assert.equal(found?.argon2Runs, THIRD);
  });
});
