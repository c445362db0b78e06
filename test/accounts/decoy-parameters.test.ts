import assert from "node:assert/strict";
import { it, mock } from "node:test";
import type { Hashing } from "#kith/accounts/hashing.js";
import { unlockByPassword } from "#kith/accounts/unlock.js";
import { formatParameters } from "#kith/protocol/password.js";
import { openPlace, type Place, Visitor } from "../support/app.js";
import { hourlyUpkeep } from "../support/upkeep.js";

const OLD = "m=1024,t=1,p=1";
const NEW = "m=2048,t=1,p=1";
/** Names that nobody has. */
const NOBODIES = Array.from({ length: 60 }, (_, at) => `nobody-${at}`);

/** With which parameters a failed sign-in hashes, for each of the names, in their order. */
async function costs({ context }: Place, names: readonly string[]): Promise<string[]> {
  const ran: string[] = [];
  const unlockKey: Hashing["unlockKey"] = async (_password, _salt, parameters) => {
    ran.push(formatParameters(parameters));
    return new Uint8Array(32);
  };
  const hashing = mock.method(context.hashing, "unlockKey", unlockKey);
  for (const name of names) assert.equal(await unlockByPassword(context, name, "a wrong password"), undefined);
  hashing.mock.restore();
  return ran;
}

const count = (costs: readonly string[], parameters: string) => costs.filter((cost) => cost === parameters).length;

it("a name that nobody has costs what accounts cost, in their shares and always the same, after KITH_ARGON2 was changed", async () => {
  // Always the same secret: the draw is by chance, the test is not.
  const secret = new Uint8Array(32).fill(7);
  const before = await openPlace({ secret, env: { KITH_ARGON2: OLD } });
  assert.equal(count(await costs(before, NOBODIES), OLD), NOBODIES.length, "nobody has joined: what is configured");
  const nour = await before.founder();
  await nour.bring("ada");
  await nour.bring("bea");
  const letter = await nour.invite();

  const databaseUrl = before.context.config.databaseUrl as string;
  const restarted = () => openPlace({ databaseUrl, secret, env: { KITH_ARGON2: NEW } });
  const place = await restarted();
  assert.equal(count(await costs(place, NOBODIES), OLD), NOBODIES.length, "nobody has the new ones yet");
  assert.equal((await new Visitor(place.app).join(letter, "cem")).statusCode, 303);
  assert.deepEqual(await costs(place, ["nour", "ada", "bea", "cem"]), [OLD, OLD, OLD, NEW]);
  await hourlyUpkeep(place.context)?.();
  const drawn = await costs(place, NOBODIES);
  assert.equal(count(drawn, OLD) + count(drawn, NEW), NOBODIES.length);
  const old = count(drawn, OLD) / NOBODIES.length;
  assert.ok(old > 0.5 && old < 0.95, `${old} have the old ones, as three of four accounts do`);
  assert.deepEqual(await costs(place, NOBODIES), drawn, "at every try");
  const otherwise = NOBODIES.map((name) => ` ${name.toUpperCase()}@localhost`);
  assert.deepEqual(await costs(place, otherwise), drawn, "however it is typed");
  assert.deepEqual(await costs(await restarted(), NOBODIES), drawn, "by every instance, from its start on");

  // Whoever moves on takes names along, none of which goes back.
  assert.equal((await new Visitor(place.app).signIn("ada")).statusCode, 303);
  await hourlyUpkeep(place.context)?.();
  const later = await costs(place, NOBODIES);
  assert.ok(count(later, NEW) > count(drawn, NEW));
  assert.ok(drawn.every((cost, at) => cost === OLD || later[at] === NEW));

  // Nobody lets Kith run what a writer wants.
  await place.context.pool.query("update accounts set parameters = 'm=4096,t=1,p=1' where username = 'bea'");
  await hourlyUpkeep(place.context)?.();
  assert.equal(count(await costs(place, NOBODIES), "m=4096,t=1,p=1"), 0);
});
