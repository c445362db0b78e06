// A reset attempt by somebody who wants to help, over HTTP, beside eight bare OpenPGP decryptions; and whether times tell:
// Welch's t between names that lead nowhere, and between wrong passwords.
import { randomBytes, randomUUID } from "node:crypto";
import * as openpgp from "openpgp";
import { openSession } from "#kith/accounts/sessions.js";
import { signIn } from "#kith/accounts/sign-in.js";
import { setStatus } from "#kith/accounts/suspend.js";
import { makeKeypair, readPrivateKey } from "#kith/protocol/keypair.js";
import { shuffled } from "#kith/protocol/relation.js";
import { seal } from "#kith/protocol/seal.js";
import { choosePassword } from "#kith/resets/handover.js";
import { help } from "#kith/resets/help.js";
import { addTrusted } from "#kith/trust/trust.js";
import { Client, circle, enter, openPlace } from "./place.js";
import { milliseconds, quick, report, reportEqual, type Sample } from "./support.js";

const ROUNDS = quick ? 40 : 200;
const SAMPLES = quick ? 100 : 1000;
const ROWS = 8;

// Hashing would only drown what is looked for.
const place = await openPlace("m=1024,t=1,p=1");
const { context } = place;
const [ada, bea] = await circle(context);
if (!ada || !bea) throw new Error("nobody is there");
const cem = await enter(context, "cem"); // trusts nobody
const gone = await enter(context, "gone"); // trusts Bea, and is suspended
await addTrusted(context, gone.session, bea.username);
const domain = context.config.domains[0];
await setStatus(context, { username: "gone", domain }, "suspended");
const lost = await enter(context, "lost"); // has a reset under way
await addTrusted(context, lost.session, bea.username);

const client = new Client(place.url);
await client.prepare();
client.cookies.set("session", await signedIn(bea));

// Bea's key was not changed by signing in; her list was, so that her own tokens are new.
const helper = await openSession(context, client.cookies.get("session") as string);
if (!helper) throw new Error("bea is not signed in");
const opened = await help(context, helper, "lost", false);
if (opened.outcome !== "opened") throw new Error(opened.outcome);
await choosePassword(context, opened.link, "a new password for a bench", false);

const keypair = await makeKeypair(randomUUID(), new Date(Date.UTC(2026, 10, 1)));
const sealed = await Promise.all(Array.from({ length: ROWS }, () => seal(keypair.publicKey, randomBytes(69), "small")));

async function signedIn({ username, password }: { username: string; password: string }): Promise<string> {
  const outcome = await signIn(context, { username, password, client: "Firefox" });
  if (outcome.outcome !== "signed-in") throw new Error(outcome.outcome);
  return outcome.cookie;
}

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
const asked: Record<string, number[]> = { "not trusting": [], unknown: [], suspended: [] };
const names: Record<string, string> = { "not trusting": cem.username, unknown: "nobody-at-all", suspended: "gone" };
const refused: Record<string, number[]> = { known: [], unknown: [], suspended: [], "with a case": [] };
const typed: Record<string, string> = {
  known: "cem",
  unknown: "nobody-at-all",
  suspended: "gone",
  "with a case": "lost",
};
try {
  for (let round = -5; round < ROUNDS; round++) {
    const floor = await milliseconds(decryptions);
    const value = await milliseconds(() => client.form("/help", { username: ada.username }, 200));
    if (round < 0) continue;
    floors.push(floor);
    attempts.push(value);
  }
  for (let round = -5; round < SAMPLES; round++) {
    for (const kind of shuffled(Object.keys(asked))) {
      const took = await milliseconds(() => client.form("/help", { username: names[kind]! }, 200));
      if (round >= 0) asked[kind]!.push(took);
    }
  }
  client.cookies.delete("session");
  for (let round = -5; round < SAMPLES; round++) {
    for (const kind of shuffled(Object.keys(refused))) {
      const fields = { username: typed[kind]!, password: "certainly not the password" };
      const took = await milliseconds(() => client.form("/sign-in", fields, 422));
      if (round >= 0) refused[kind]!.push(took);
    }
  }
} finally {
  client.close();
  await place.close();
}
report([{ name: "reset attempt", unit: "ms", values: attempts, floor: floors, floorName: "8 decryptions" }]);
const samples = (of: Record<string, number[]>): Sample[] =>
  Object.entries(of).map(([name, values]) => ({ name, values }));
reportEqual("asked to help", samples(asked));
reportEqual("wrong password", samples(refused));
