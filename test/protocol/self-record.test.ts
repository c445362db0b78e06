import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { SEALED_BYTES, seal } from "#kith/protocol/seal.js";
import {
  newSelfRecord,
  openSelfRecord,
  SELF_RECORD_LIMITS,
  type SelfRecord,
  sealSelfRecord,
} from "#kith/protocol/self-record.js";
import { somebody, type TestMember } from "../support/keys.js";

const day = (number: number) => new Date(number * 86_400_000).toISOString().slice(0, 10);
const letter = (number: number, note = "") => ({
  nonce: randomBytes(16).toString("base64url"),
  note,
  written: day(number),
  expires: day(number + 30),
});

describe("the self record", () => {
  let ada: TestMember;
  before(async () => {
    ada = await somebody();
  });
  const roundTrip = async (record: SelfRecord) => {
    const sealed = await sealSelfRecord(ada.bytes.publicKey, record);
    assert.equal(sealed.length, SEALED_BYTES.large);
    return (await openSelfRecord(ada.key, sealed)) as SelfRecord;
  };

  it("comes back as it was, to its owner alone", async () => {
    const record = newSelfRecord("2027-01-05", 5);
    record.events.push({ kind: "person-added", day: "2027-01-05", values: { name: "bea@example.org", count: 2 } });
    assert.deepEqual(await roundTrip(record), record);
    const sealed = await sealSelfRecord(ada.bytes.publicKey, record);
    assert.equal(await openSelfRecord((await somebody()).key, sealed), undefined);
  });

  it("keeps the newest of each list, up to its limit, and drops the oldest", async () => {
    const limits = SELF_RECORD_LIMITS;
    const many = Array.from({ length: 120 }, (_, number) => number);
    const record: SelfRecord = {
      ...newSelfRecord("2027-01-05", 5),
      openLetters: many.map((number) => letter(number)),
      pastLetters: many.map((number) => ({ note: `${number}`, outcome: "used", month: "2027-01", name: `n${number}` })),
      grants: many.map((number) => `${number}`.padStart(40, "0")),
      sessions: many.map((number) => ({ id: `${number}`, client: "Firefox", since: day(number) })),
      events: many.map((number) => ({ kind: "signed-in", day: day(number) })),
      told: many.map((number) => ({ kind: "person-gone", day: day(number) })),
    };
    const kept = await roundTrip(record);
    assert.deepEqual(kept.openLetters, record.openLetters.slice(-limits.openLetters));
    assert.deepEqual(kept.pastLetters, record.pastLetters.slice(-limits.usedLetters));
    assert.deepEqual(kept.grants, record.grants.slice(-limits.grants));
    assert.deepEqual(kept.sessions, record.sessions.slice(-limits.sessions));
    assert.deepEqual(kept.events, record.events.slice(-limits.events));
    assert.deepEqual(kept.told, record.told.slice(-limits.told));
    assert.equal(kept.invitesLeft, 5);
  });

  it("drops the oldest events, then the oldest past letters, where all together do not fit", async () => {
    const long = "x".repeat(250);
    const record: SelfRecord = {
      ...newSelfRecord("2027-01-05", 5),
      openLetters: Array.from({ length: 40 }, (_, number) => letter(number, "n".repeat(60))),
      pastLetters: Array.from({ length: 50 }, (_, number) => ({
        note: `${number} ${"n".repeat(56)}`,
        outcome: "used",
        month: "2027-01",
        name: "a".repeat(32),
      })),
      events: Array.from({ length: 50 }, (_, number) => ({
        kind: "person-added",
        day: day(number),
        values: { name: long },
      })),
    };
    const kept = await roundTrip(record);
    assert.deepEqual(kept.openLetters, record.openLetters, "open letters are never dropped for room");
    assert.deepEqual(kept.pastLetters, record.pastLetters, "events make room first");
    assert.ok(kept.events.length > 0 && kept.events.length < 50);
    assert.deepEqual(kept.events, record.events.slice(-kept.events.length), "the newest are kept");
  });

  it("has one length whatever is in it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(40),
        fc.nat(50),
        fc.string({ unit: "binary", maxLength: 15 }),
        async (letters, events, note) => {
          const record = newSelfRecord("2027-01-05", 5);
          record.openLetters = Array.from({ length: letters }, (_, number) => letter(number, note));
          record.events = Array.from({ length: events }, () => ({ kind: "signed-in", day: "2027-01-05" }));
          assert.deepEqual(await roundTrip(record), JSON.parse(JSON.stringify(record)));
        },
      ),
      { numRuns: 25 },
    );
  });

  it("is refused, rather than cut, when what must stay does not fit", async () => {
    const record = { ...newSelfRecord("2027-01-05", 5), grants: Array.from({ length: 20 }, () => "f".repeat(900)) };
    await assert.rejects(sealSelfRecord(ada.bytes.publicKey, record), { code: "ERR_CLASS_OVERFLOW" });
  });

  it("of another version is not opened", async () => {
    const future = Buffer.from(JSON.stringify({ ...newSelfRecord("2027-01-05", 5), version: 2 }));
    assert.equal(await openSelfRecord(ada.key, await seal(ada.bytes.publicKey, future, "large")), undefined);
  });
});
