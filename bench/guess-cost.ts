// What one guess of a password costs a thief who has the database and the server secret, beside the bare Argon2id call;
// and what it would cost if the password itself were the passphrase of the stored key, as OpenPGP programs do it. With
// the database alone there is nothing to measure: no guess can be confirmed (test/thief/guesser.test.ts).
import { randomBytes, randomUUID } from "node:crypto";
import { availableParallelism, loadavg } from "node:os";
import * as openpgp from "openpgp";
import { parseConfig } from "#kith/config.js";
import { makeKeypair, OPENPGP_CONFIG, readPrivateKey } from "#kith/protocol/keypair.js";
import { lockPrivateKey, unlockPrivateKey } from "#kith/protocol/lock.js";
import { deriveUnlockKey, formatParameters, newSalt } from "#kith/protocol/password.js";
import { json, median, milliseconds, quick, report } from "./support.js";

const ROUNDS = quick ? 15 : 60;
const parameters = parseConfig({}).argon2;
const [id, secret, salt] = [randomUUID(), randomBytes(32), newSalt()];
const pair = await makeKeypair(id, new Date(Date.UTC(2026, 10, 1)));
const privateKey = await readPrivateKey(pair.privateKey);
const unlockKey = await deriveUnlockKey("right plum orchard window", salt, parameters);
const locked = await lockPrivateKey(privateKey, unlockKey, secret, id);

/** The same key with the password itself as its passphrase. */
async function lockedBare(config: Partial<openpgp.Config>): Promise<openpgp.PrivateKey> {
  return await openpgp.encryptKey({ privateKey, passphrase: "right plum orchard window", config });
}
const byDefault = await lockedBare({});
const bare = await lockedBare(OPENPGP_CONFIG);

let wrong = 0;
const guess = () => `${wrong++} wrong plum orchard window`;

async function tryBare(key: openpgp.PrivateKey): Promise<void> {
  const opened = await openpgp.decryptKey({ privateKey: key, passphrase: guess() }).catch(() => undefined);
  if (opened) throw new Error("a wrong password opened the key");
}

const WAYS = {
  argon2: () => deriveUnlockKey(guess(), salt, parameters),
  async kith() {
    const key = await deriveUnlockKey(guess(), salt, parameters);
    if (await unlockPrivateKey(locked, key, secret, id)) throw new Error("a wrong password opened the key");
  },
  "default S2K": () => tryBare(byDefault),
  "bare password": () => tryBare(bare),
};
type Way = keyof typeof WAYS;
const ways = Object.keys(WAYS) as Way[];

const wall: Record<Way, number[]> = { argon2: [], kith: [], "default S2K": [], "bare password": [] };
/** Of all cores together: what a core is busy with, whoever else uses the machine. */
const cpu: Record<Way, number[]> = { argon2: [], kith: [], "default S2K": [], "bare password": [] };
for (let round = -2; round < ROUNDS; round++) {
  for (const way of ways) {
    const before = process.cpuUsage();
    const time = await milliseconds(WAYS[way]);
    const { user, system } = process.cpuUsage(before);
    if (round < 0) continue;
    wall[way].push(time);
    cpu[way].push((user + system) / 1000);
  }
}

const figure = (way: Way, name: string) => ({
  name,
  unit: "ms of a core",
  values: cpu[way],
  floor: cpu.argon2,
  floorName: "bare argon2",
});
report([
  figure("kith", "a guess with dump and server secret"),
  figure("default S2K", "if the password were the passphrase, OpenPGP's default S2K"),
  figure("bare password", "if it were, at the smallest S2K count"),
]);
if (!json) {
  const perDay = (way: Way) => Math.round(86_400_000 / median(cpu[way])).toLocaleString("en");
  console.log(`
Argon2id ${formatParameters(parameters)}: ${median(wall.argon2).toFixed(0)} ms as the clock has it. A core day is good for
${perDay("kith")} guesses with dump and server secret; it would be good for ${perDay("default S2K")} with OpenPGP's default S2K
and for ${perDay("bare password")} at the smallest count. With the dump alone: none.
Load ${loadavg()
    .map((one) => one.toFixed(1))
    .join(" ")} on ${availableParallelism()} cores.`);
}
