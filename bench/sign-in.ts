// Signing in over HTTP with S used slots: alone, beside one bare Argon2id call of the same parameters; eight at once,
// beside a bare Fastify route that does nothing but check a password with the same Argon2id.
import type { AddressInfo } from "node:net";
import argon2 from "argon2";
import Fastify from "fastify";
import { deriveUnlockKey, newSalt } from "#kith/protocol/password.js";
import { Client, circle, openPlace, perSecond } from "./place.js";
import { milliseconds, quick, report } from "./support.js";

const AT_ONCE = 8;
const LATENCY_ROUNDS = quick ? 30 : 100;
const THROUGHPUT_ROUNDS = quick ? 5 : 9;
const SIGN_INS = quick ? 16 : 48;

const place = await openPlace();
const { context } = place;
const parameters = context.config.argon2;
const members = await circle(context);
const client = new Client(place.url);
await client.prepare();

async function signIn(which: number): Promise<void> {
  const { username, password } = members[which]!;
  await client.form("/sign-in", { username, password }, 303);
}

// The peer: what any login does, and nothing else.
const password = members[0]!.password;
const { memoryKiB: memoryCost, timeCost, parallelism } = parameters;
const stored = await argon2.hash(password, { type: argon2.argon2id, memoryCost, timeCost, parallelism });
const bare = Fastify({ logger: false });
bare.post<{ Body: { password: string } }>("/", async ({ body }) => ({
  ok: await argon2.verify(stored, body.password),
}));
await bare.listen({ host: "127.0.0.1", port: 0 });
const bareClient = new Client(`http://127.0.0.1:${(bare.server.address() as AddressInfo).port}`);
const verify = () => bareClient.send("POST", "/", JSON.stringify({ password }), "application/json");

const alone: number[] = [];
const hash: number[] = [];
const throughput: number[] = [];
const bareThroughput: number[] = [];
try {
  for (let round = -3; round < LATENCY_ROUNDS; round++) {
    const salt = newSalt();
    const floor = await milliseconds(() => deriveUnlockKey(password, salt, parameters));
    const value = await milliseconds(() => signIn(0));
    if (round < 0) continue; // warming up
    hash.push(floor);
    alone.push(value);
  }
  for (let round = -1; round < THROUGHPUT_ROUNDS; round++) {
    const floor = await perSecond(SIGN_INS, AT_ONCE, verify);
    const value = await perSecond(SIGN_INS, AT_ONCE, signIn);
    if (round < 0) continue;
    bareThroughput.push(floor);
    throughput.push(value);
  }
} finally {
  client.close();
  bareClient.close();
  await bare.close();
  await place.close();
}
report([
  { name: "latency", unit: "ms", values: alone, floor: hash, floorName: "bare argon2" },
  { name: "throughput", unit: "/s", values: throughput, floor: bareThroughput, floorName: "bare route" },
]);
