import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import { SEAL_CLASSES, SEALED_BYTES, seal } from "#kith/protocol/seal.js";
import {
  hasReserve,
  newSelfRecord,
  openSelfRecord,
  SELF_RECORD_LIMITS,
  type SelfRecord,
  sealSelfRecord,
  writeSelfRecord,
} from "#kith/protocol/self-record.js";
import { somebody, type TestMember } from "../support/keys.js";

const day = (number: number) => new Date(number * 86_400_000).toISOString().slice(0, 10);
const letter = (number: number, note = "") => ({
  nonce: randomBytes(16).toString("base64url"),
  note,
  written: day(number),
  expires: day(number + 30),
});

/** As long as they get. */
const sessions = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    id: randomBytes(32).toString("base64url"),
    client: "unknown phone",
    since: day(number),
  }));
const somebodyTrusted = (nameBytes: number) => ({
  rowId: randomUUID(),
  trustedId: randomUUID(),
  name: "n".repeat(nameBytes),
  fingerprint: randomBytes(20),
  resetMark: 65_535,
  seenVersion: 99_999,
  held: false,
  month: "2027-01",
});

describe("the self record", () => {
  let ada: TestMember;
  before(async () => {
    ada = await somebody();
  });
  /** Filled up so that its text has exactly so many bytes. */
  const ofLength = (bytes: number, record: SelfRecord): SelfRecord => {
    const filling = (length: number) => ({ ...record, grants: ["f".repeat(length)] });
    return filling(bytes - writeSelfRecord(filling(0)).length);
  };
  const roundTrip = async (record: SelfRecord) => {
    const sealed = await sealSelfRecord(ada.bytes.publicKey, record);
    assert.equal(sealed.length, SEALED_BYTES.large);
    return (await openSelfRecord(ada.key, sealed)) as SelfRecord;
  };

  it("of somebody new has nobody in it, and the rules that everybody begins with", () => {
    assert.deepEqual(newSelfRecord("2027-01-05", 5), {
      version: 1,
      rules: { threshold: 1, waitDays: 0, keepsKey: false },
      trusted: [],
      invitesLeft: 5,
      grantedSeen: 0,
      openLetters: [],
      pastLetters: [],
      grants: [],
      sessions: [],
      events: [],
      told: [],
      joined: "2027-01-05",
      lastSignIn: "2027-01-05",
      lastListChange: "2027-01-05",
      listConfirmed: "2027-01-05",
    });
  });

  it("gives back the list with each fingerprint as bytes", async () => {
    const bea = {
      rowId: randomUUID(),
      trustedId: randomUUID(),
      name: "bea@example.org",
      fingerprint: randomBytes(20),
      resetMark: 2,
      seenVersion: 7,
      held: true,
      month: "2027-01",
    };
    const record = { ...newSelfRecord("2027-01-05", 5), trusted: [bea, { ...bea, fingerprint: Buffer.alloc(20) }] };
    assert.deepEqual(await roundTrip(record), record);
  });

  it("keeps what admins did, but where there is no room for all of it the last act only", async () => {
    const acts = Array.from({ length: 30 }, (_, number) => ({
      kind: "suspended",
      day: day(number),
      by: "nour",
      reason: "r".repeat(200),
    }));
    const limit = SELF_RECORD_LIMITS.acts;
    const record: SelfRecord = { ...newSelfRecord("2027-01-05", 5), acts };
    assert.deepEqual((await roundTrip(record)).acts, acts.slice(-limit));
    assert.equal((await roundTrip(newSelfRecord("2027-01-05", 5))).acts, undefined, "nothing where nothing was done");

    const least = { ...record, acts: acts.slice(-1) };
    const full = await roundTrip({ ...ofLength(SEAL_CLASSES.large - 4, least), acts });
    assert.deepEqual(full.acts, acts.slice(-1));
    const more = await roundTrip({ ...ofLength(SEAL_CLASSES.large - 3, least), acts });
    assert.deepEqual(more.acts, [], "none where even the last has no room");
    const two = await roundTrip({ ...ofLength(SEAL_CLASSES.large - 4, { ...record, acts: acts.slice(-2) }), acts });
    assert.deepEqual(two.acts, acts.slice(-2), "as many as there is room for");
  });

  it("drops nothing of what just fits, and one event of what is one byte longer", async () => {
    const events = ["one", "two"].map((kind) => ({ kind, day: "2027-01-05" }));
    const record: SelfRecord = { ...newSelfRecord("2027-01-05", 5), events };
    const fits = ofLength(SEAL_CLASSES.large - 4, record);
    assert.deepEqual(await roundTrip(fits), fits);
    for (const more of [1, 2, 7]) {
      const longer = ofLength(SEAL_CLASSES.large - 4 + more, record);
      assert.deepEqual(await roundTrip(longer), { ...longer, events: events.slice(1) });
    }
  });

  it("drops past letters, the oldest first, where there is no event to drop", async () => {
    const pastLetters = ["one", "two"].map((note) => ({ note, outcome: "revoked" as const, month: "2027-01" }));
    const record: SelfRecord = { ...newSelfRecord("2027-01-05", 5), pastLetters };
    const longer = ofLength(SEAL_CLASSES.large - 3, record);
    assert.deepEqual(await roundTrip(longer), { ...longer, pastLetters: pastLetters.slice(1) });
  });

  it("drops what was to be told, then sessions but the newest, then the last act: the oldest first, one byte too many", async () => {
    const [listed, told] = [sessions(3), [1, 2].map((number) => ({ kind: "list-reminder", day: day(number) }))];
    const acts = [{ kind: "suspended", day: day(1), by: "nour", reason: "Spam." }];
    const people = [somebodyTrusted(42)];
    const record: SelfRecord = {
      ...newSelfRecord("2027-01-05", 5),
      trusted: people,
      openLetters: [letter(1)],
      sessions: listed,
      told,
      acts,
    };
    const full = (rest: Partial<SelfRecord>) => ofLength(SEAL_CLASSES.large - 4, { ...record, ...rest });
    // What each is cut down to if it is one byte longer; `grants` fills it up.
    const steps: Partial<SelfRecord>[] = [
      {},
      { told: told.slice(1) },
      { told: [] },
      { told: [], sessions: listed.slice(1) },
      { told: [], sessions: listed.slice(2) },
      { told: [], sessions: listed.slice(2), acts: [] },
    ];
    for (const [index, step] of steps.entries()) {
      const fits = full(step);
      assert.deepEqual(await roundTrip({ ...record, grants: fits.grants }), fits, `step ${index}`);
      const [one = ""] = fits.grants;
      const longer = roundTrip({ ...record, grants: [`${one}f`] });
      const next = steps[index + 1];
      if (next) assert.deepEqual(await longer, { ...record, ...next, grants: [`${one}f`] }, `after step ${index}`);
      else await assert.rejects(longer, { code: "ERR_CLASS_OVERFLOW" }, "people, rules, fingerprints, letters stay");
    }
  });

  it("says when the reserve begins, in which 20 sessions and 20 things to tell always have room", async () => {
    const told = Array.from({ length: 20 }, (_, number) => ({
      kind: "person-reset-kept-key",
      day: day(number),
      values: { name: "n".repeat(32 + 1 + 11) },
    }));
    const past = { note: "n".repeat(60), outcome: "revoked" as const, month: "2027-01" };
    const record: SelfRecord = {
      ...newSelfRecord("2027-01-05", 5),
      trusted: Array.from({ length: 19 }, () => somebodyTrusted(42)),
      openLetters: Array.from({ length: 30 }, (_, number) => letter(number, "n".repeat(60))),
    };
    const gone = { pastLetters: Array(50).fill(past), events: Array(50).fill({ kind: "signed-in", day: day(1) }) };
    const withGrants = (length: number) => ({ ...record, grants: ["f".repeat(length)] });
    let least = 0;
    let most: number = SEAL_CLASSES.large;
    while (most - least > 1) {
      const middle = Math.floor((least + most) / 2);
      if (hasReserve(withGrants(middle))) least = middle;
      else most = middle;
    }
    assert.ok(least > 0, "there is an edge");
    assert.ok(
      hasReserve({ ...withGrants(least), ...gone, sessions: sessions(20), told }),
      "what gives way is not counted",
    );
    const full = { ...withGrants(least), sessions: sessions(20), told };
    assert.deepEqual(await roundTrip(full), full);
  });

  it("has the reserve with everybody in 8 slots of the longest names and 40 letters with the longest notes", () => {
    const record: SelfRecord = {
      ...newSelfRecord("2027-01-05", 5),
      trusted: Array.from({ length: 8 }, () => somebodyTrusted(32 + 1 + 253)),
      openLetters: Array.from({ length: 40 }, (_, number) => letter(number, "n".repeat(60))),
      grants: Array.from({ length: 20 }, () => "f".repeat(40)),
    };
    assert.ok(hasReserve(record));
    assert.ok(!hasReserve({ ...record, trusted: Array.from({ length: 32 }, () => somebodyTrusted(32 + 1 + 253)) }));
  });

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
    const record = { ...newSelfRecord("2027-01-05", 5), grants: Array.from({ length: 20 }, () => "f".repeat(1300)) };
    await assert.rejects(sealSelfRecord(ada.bytes.publicKey, record), { code: "ERR_CLASS_OVERFLOW" });
  });

  it("of another version is not opened", async () => {
    const future = Buffer.from(JSON.stringify({ ...newSelfRecord("2027-01-05", 5), version: 2 }));
    assert.equal(await openSelfRecord(ada.key, await seal(ada.bytes.publicKey, future, "large")), undefined);
  });
});
