// A reset attempt by somebody who wants to help, over HTTP, beside eight bare OpenPGP decryptions. Whether times tell
// anything is for `bench:guess`.
import { randomBytes, randomUUID } from "node:crypto";
import * as openpgp from "openpgp";
import { makeKeypair, readPrivateKey } from "#kith/protocol/keypair.js";
import { seal } from "#kith/protocol/seal.js";
import { Client, circle, openPlace } from "./place.js";
import { milliseconds, quick, report } from "./support.js";

const ROUNDS = quick ? 40 : 200;
const ROWS = 8;

// Hashing would only drown what is looked for.
const place = await openPlace("m=1024,t=1,p=1");
const { context } = place;
const [ada, bea] = await circle(context);
if (!ada || !bea) throw new Error("nobody is there");

const client = new Client(place.url);
await client.prepare();
client.cookies.set("session", bea.session.cookie);

const keypair = await makeKeypair(randomUUID(), new Date(Date.UTC(2026, 10, 1)));
const sealed = await Promise.all(Array.from({ length: ROWS }, () => seal(keypair.publicKey, randomBytes(69), "small")));

/** What the attempt consists of at the least: the key read once, and eight messages decrypted. */
async function decryptions(): Promise<void> {
  const decryptionKeys = await readPrivateKey(keypair.privateKey);
  await Promise.all(
    sealed.map(async (binaryMessage) => {
      const message = await openpgp.readMessage({ binaryMessage });
      await openpgp.decrypt({ message, decryptionKeys, format: "binary" });
    }),
  );
}

const attempts: number[] = [];
const floors: number[] = [];
try {
  for (let round = -5; round < ROUNDS; round++) {
    const floor = await milliseconds(decryptions);
    const value = await milliseconds(() => client.form("/help", { username: ada.username }, 200));
    if (round < 0) continue;
    floors.push(floor);
    attempts.push(value);
  }
} finally {
  client.close();
  await place.close();
}
report([{ name: "reset attempt", unit: "ms", values: attempts, floor: floors, floorName: "8 decryptions" }]);
