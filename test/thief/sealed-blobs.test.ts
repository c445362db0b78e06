import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as openpgp from "openpgp";
import { startMailQueue } from "#kith/mail/queue.js";
import { encloseBytes, pad } from "#kith/protocol/box.js";
import { utf8 } from "#kith/protocol/bytes.js";
import { deriveKey } from "#kith/protocol/derive.js";
import { publicHalf } from "#kith/protocol/keypair.js";
import { openSlots, type RelationRow } from "#kith/protocol/relation.js";
import { SEAL_CLASSES, SEALED_BYTES, seal } from "#kith/protocol/seal.js";
import { openPlace } from "../support/app.js";
import { untilQueued } from "../support/queued.js";
import { byteColumns, NO_SEALS, SEALS } from "./columns.js";
import { type Blob, blobsOf, dump, dumpQueue, type Row } from "./dump.js";
import { EARLIER, LATER, LISTS } from "./expected.js";
import { foundIn, marksOfOthers, openAll } from "./operator.js";
import { constantBytes, layoutOf, marksIn, marksOf } from "./recipients.js";
import { type Told, tellEverything } from "./story.js";
import { openersOf, type Verdicts, whoOpensWhat } from "./try-keys.js";

let told: Told;
let earlier: Blob[];
let later: Blob[];
const verdicts: Verdicts = new Map();
before(async () => {
  told = await tellEverything();
  earlier = blobsOf(told.earlier);
  later = blobsOf(told.later);
});

/** What is sealed before a password is chosen for a case is no seal yet: a box under the link. */
const isSeal = ({ bytes }: Blob) => (Object.values(SEALED_BYTES) as number[]).includes(bytes.length);

describe("a thief with a dump and every private key", () => {
  it("knows every column of bytes: it holds seals, or there is a reason why not", async () => {
    const columns = await byteColumns(told.place.context.pool);
    assert.deepEqual([...SEALS, ...Object.keys(NO_SEALS)].sort(), columns.sort());
    await told.place.context.pool.query("alter table events add column more bytea");
    const more = await byteColumns(told.place.context.pool);
    await told.place.context.pool.query("alter table events drop column more");
    assert.ok(more.includes("events.more"), "a new one is noticed");
    for (const column of SEALS) {
      assert.ok(
        earlier.some((blob) => blob.column === column),
        `the story fills ${column}`,
      );
    }
  });

  it("opens exactly what each key is meant to open, in the middle of the story and at its end", async () => {
    const labels = told.ring.keys.map(({ label }) => label);
    for (const label of ["dora 1", "dora 2", "gil 1", "pending kaja", "pending juna", "review 2", "recovery"]) {
      assert.ok(labels.includes(label), `${label} is among those that are tried`);
    }
    assert.deepEqual(await whoOpensWhat(earlier, told.ring.keys, verdicts), EARLIER);
    assert.deepEqual(await whoOpensWhat(later, told.ring.keys, verdicts), LATER);
  });

  it("finds the token of each slot sealed to the one whom the slot names", async () => {
    for (const [tables, holding] of [
      [told.earlier, false],
      [told.later, true],
    ] as const) {
      for (const [owner, names] of Object.entries(LISTS)) {
        const blobs = blobsOf(tables).filter(({ place }) => place === `relations.sealed_token of ${owner}`);
        const rows = blobs.map(({ row }) => row as unknown as RelationRow);
        const key = told.ring.keys.findLast(({ label }) => label.startsWith(`${owner} `))?.key;
        assert.ok(key);
        const slots = await openSlots(key, rows);
        const seen: string[] = [];
        for (const [at, slot] of slots.entries()) {
          const openers = await openersOf(blobs[at] as Blob, told.ring.keys, verdicts);
          assert.notEqual(slot, "broken");
          const name = typeof slot === "object" ? slot.name.split("@")[0] : undefined;
          if (name) seen.push(name);
          const isHeld = typeof slot === "object" && slot.held;
          assert.equal(openers.split(" ")[0], name && !isHeld ? name : "nobody", `${owner}'s slot of ${name}`);
          if (isHeld) assert.ok(holding, "held only once the owner has signed in");
        }
        assert.deepEqual(seen.sort(), names);
      }
    }
  });

  it("would notice one blob that one more key opens, and one that one fewer does", async () => {
    const at = earlier.findIndex(({ place }) => place === "relations.sealed_token of rosa");
    const swapped = [...earlier];
    const bytes = Buffer.from(await seal(publicHalf(told.ring.of("ivo 1")), Buffer.from("R"), "small"));
    swapped[at] = { ...(earlier[at] as Blob), bytes };
    const found = await whoOpensWhat(swapped, told.ring.keys, verdicts);
    assert.equal(found["relations.sealed_token of rosa"], "ivo 1, 3 nobody");
    const without = told.ring.keys.filter(({ label }) => label !== "bea 1");
    const [grant] = earlier.filter(({ place }) => place === "review_grants.sealed of bea, key 2");
    assert.deepEqual(await whoOpensWhat([grant as Blob], without), { "review_grants.sealed of bea, key 2": "nobody" });
  });
});

describe("a thief with a dump and every public key", () => {
  const seals = () => [...new Map([...earlier, ...later].map((blob) => [blob.bytes.toString("hex"), blob])).values()];

  it("sees the same packets, lengths and hidden recipient in every seal of a class", () => {
    const layouts = new Map<number, Set<string>>();
    for (const { bytes } of seals().filter(isSeal)) {
      const known = layouts.get(bytes.length) ?? new Set();
      layouts.set(bytes.length, known.add(layoutOf(bytes).text));
    }
    assert.deepEqual(
      [...layouts.keys()].sort((a, b) => a - b),
      Object.values(SEALED_BYTES),
    );
    for (const texts of layouts.values()) {
      assert.equal(texts.size, 1, [...texts].join("\n"));
      const [text] = [...texts];
      assert.match(
        text as string,
        /^PKESK \d\+\d+ version 3 recipient 0{16} algorithm 18 point 263 bits from 64 wrapped 48 of 48; SEIPD \d\+\d+ version 1$/,
      );
    }
    const others = seals().filter((blob) => !isSeal(blob));
    assert.deepEqual([...new Set(others.map(({ place }) => place))], ["reset_cases.rules of lou"]);
  });

  it("finds nobody's id, name, key id, fingerprint or public point in any of them, nor in any other column but its own", async () => {
    const marks = await marksOf([told.earlier, told.later]);
    assert.ok(marks.length > 200);
    for (const blob of seals()) assert.deepEqual(marksIn(blob, marks), [], blob.place);
    const own = ["accounts.fingerprint", "people.public_key", "people.fingerprint", "review_grants.fingerprint"];
    let looked = 0;
    for (const [table, rows] of Object.entries(told.later)) {
      for (const row of rows) {
        for (const [column, bytes] of Object.entries(row)) {
          if (!Buffer.isBuffer(bytes) || own.includes(`${table}.${column}`)) continue;
          // The key of a case bears its own account's id, which stands beside it.
          const isPending = column === "pending_public_key";
          const others = isPending ? marks.filter(({ bytes: mark }) => mark.toString() !== row.trusting_id) : marks;
          assert.deepEqual(marksIn({ bytes }, others), [], `${table}.${column}`);
          looked++;
        }
      }
    }
    assert.ok(looked > 500, `${looked} values`);
  });

  it("finds no point of a key exchange twice, in one dump or two, and none that is somebody's", async () => {
    const points = seals()
      .filter(isSeal)
      .flatMap(({ bytes }) => layoutOf(bytes).points.map((point) => point.toString("hex")));
    assert.ok(points.length > 240);
    assert.equal(new Set(points).size, points.length);
    const publicPoints = new Set(
      (await marksOf([told.earlier]))
        .filter(({ of }) => of.startsWith("public point"))
        .map(({ bytes }) => `40${bytes.toString("hex")}`),
    );
    assert.ok(publicPoints.size >= 38);
    for (const point of points) assert.ok(!publicPoints.has(point));
  });

  it("finds no byte that all seals to one person have in common, beyond those that all seals have", async () => {
    const groups = new Map<string, Buffer[]>();
    const all: Buffer[] = [];
    for (const blob of seals()) {
      if (blob.bytes.length !== SEALED_BYTES.small) continue;
      const opener = await openersOf(blob, told.ring.keys, verdicts);
      groups.set(opener, [...(groups.get(opener) ?? []), blob.bytes]);
      all.push(blob.bytes);
    }
    const common = constantBytes(all);
    assert.ok(common.length < 30, `${common.length} bytes are the same in all`);
    const large = [...groups].filter(([, values]) => values.length >= 6);
    assert.ok(large.length >= 5, "several people have enough seals to compare");
    for (const [opener, values] of large) assert.deepEqual(constantBytes(values), common, opener);
  });

  it("who seals a plaintext that he guesses to each public key gets other bytes each time, also to the right one", async () => {
    // The one plaintext that anybody knows to the byte: the entry of an empty slot.
    const empty = Uint8Array.of(0);
    const [blob] = earlier.filter(({ place }) => place === "relations.sealed_trusted of rosa");
    assert.ok(blob);
    const common = constantBytes(seals().flatMap(({ bytes }) => (bytes.length === SEALED_BYTES.small ? [bytes] : [])));
    for (const { label, key } of told.ring.keys) {
      const tries = await Promise.all([1, 2].map(() => seal(publicHalf(key), empty, "small")));
      const [one, two] = tries.map((bytes) => Buffer.from(bytes)) as [Buffer, Buffer];
      for (const [a, b] of [
        [one, two],
        [one, blob.bytes],
      ] as const) {
        const same = [...a.keys()].filter((at) => a[at] === b[at]).length - common.length;
        // Of some 380 random bytes one or two are equal by chance; sixteen once in a hundred billion tries.
        assert.ok(same < 16, `${label}: ${same} bytes are equal`);
      }
    }
  });

  it("would notice a recipient's key id, a second recipient, and a plaintext of another length", async () => {
    const marks = await marksOf([await dump(told.place.context.pool)]);
    const keys = ["ada 1", "bea 1"].map((label) => told.ring.of(label).toPublic());
    const usual = layoutOf(Buffer.from(await seal(publicHalf(told.ring.of("ada 1")), Buffer.from("R"), "small"))).text;
    const make = async (plaintext: Uint8Array, encryptionKeys: openpgp.PublicKey[], wildcard: boolean) => {
      const message = await openpgp.createMessage({ binary: plaintext });
      const date = null as unknown as Date;
      return Buffer.from(
        (await openpgp.encrypt({ message, encryptionKeys, wildcard, format: "binary", date })) as Uint8Array,
      );
    };
    const padded = pad(Buffer.from("R"), SEAL_CLASSES.small);
    const named = await make(padded, keys.slice(0, 1), false);
    assert.deepEqual(marksIn({ bytes: named }, marks), ["key id of ada"]);
    assert.notEqual(layoutOf(named).text, usual);
    assert.notEqual(layoutOf(await make(padded, keys, true)).text, usual);
    assert.notEqual(layoutOf(await make(padded.subarray(1), keys.slice(0, 1), true)).text, usual);
  });
});

describe("the operator at rest, with every table and the server secret", () => {
  it("opens locked keys, contact addresses, second steps and the outer lock of the recovery key, and nothing else", () => {
    for (const tables of [told.earlier, told.later]) {
      const what = new Set(
        openAll(tables, told.place.context.secret).map(({ column, label }) => `${column}: ${label}`),
      );
      assert.deepEqual([...what].sort(), [
        "accounts.contact: contact",
        "accounts.locked_key: locked key",
        "accounts.second_step: second step",
        "reset_cases.pending_locked_key: locked key",
        "review_recovery.locked_key: locked recovery key",
      ]);
    }
  });

  it("finds in them nobody but the one whose row it is, and keys that a password or the phrase still locks", async () => {
    const opened = openAll(told.earlier, told.place.context.secret);
    for (const { column, row, bytes } of opened) {
      assert.deepEqual(foundIn(bytes, marksOfOthers(told.earlier, row)), [], column);
    }
    const keys = opened.filter(({ label }) => label === "locked key");
    assert.ok(keys.length > 20);
    for (const { bytes } of keys) {
      const key = await openpgp.readPrivateKey({ binaryKey: bytes });
      assert.equal(key.isDecrypted(), false);
      for (const subkey of key.getSubkeys()) assert.equal(subkey.isDecrypted(), false);
    }
    const recovery = opened.filter(({ label }) => label === "locked recovery key");
    assert.ok(recovery.length > 0);
    for (const { bytes } of recovery) await assert.rejects(openpgp.readPrivateKey({ binaryKey: bytes }));
  });

  it("opens a notice that waits to be mailed, and nothing else of the mail queue; it names its own recipient alone", async () => {
    const place = await openPlace({ env: { KITH_MAIL_FROM: "kith@example.org" } });
    const nour = await place.founder();
    const [ada, bea] = [await nour.bring("ada"), await nour.bring("bea")];
    await ada.trust("bea");
    const contact = await ada.post("/account/contact", { address: "fern@example.org" }, "/account");
    assert.equal(contact.statusCode, 303);
    await bea.openCase("ada");
    await untilQueued(place, (count) => count > 0);
    const queue = await startMailQueue(place.context, { pollSeconds: 3600 });
    await queue.stop();
    const { pool, secret } = place.context;
    const opened = openAll(await dumpQueue(pool), secret);
    const what = new Set(opened.map(({ column, label }) => `${column}: ${label}`));
    assert.ok(
      [...what].every((one) => /^pgboss\.j\w+\.data: queued notice$/.test(one)) && what.size > 0,
      [...what].join(),
    );
    const tables = await dump(pool);
    const [row] = (tables.accounts as Row[]).filter(({ username }) => username === "ada");
    for (const { bytes } of opened) {
      assert.match(Buffer.from(bytes).toString(), /fern@example\.org|ada@localhost/);
      assert.deepEqual(foundIn(bytes, marksOfOthers(tables, row as Row)), []);
    }
  });

  it("would notice a list, a token or an edge that the secret opens, and a name in what it may open", () => {
    const { secret } = told.place.context;
    const [row] = told.earlier.relations as [Row];
    const [owner, other] = (told.earlier.accounts as Row[]).filter(({ username }) => username !== "") as [Row, Row];
    for (const label of ["contact", "letter"] as const) {
      const box = encloseBytes(deriveKey(secret, `kith/v1/${label}`), utf8("R"), String(row.trusting_id));
      const spoilt = { ...told.earlier, relations: [{ ...row, sealed_token: Buffer.from(box) }] };
      const found = openAll(spoilt, secret).filter(({ column }) => column === "relations.sealed_token");
      assert.deepEqual(
        found.map((one) => one.label),
        [label],
      );
    }
    const box = Buffer.from(encloseBytes(deriveKey(secret, "kith/v1/letter"), utf8("R"), "nour"));
    for (const value of [box.toString("base64url"), box.toString("hex"), { deep: [box.toString("base64")] }]) {
      const found = openAll({ settings: [{ name: "nour", value }] }, secret);
      assert.deepEqual(
        found.map(({ column, label }) => `${column}: ${label}`),
        ["settings.value: letter"],
      );
    }
    const text = utf8(`trusts ${other.username}@localhost`);
    assert.deepEqual(foundIn(text, marksOfOthers(told.earlier, owner)), [`name ${other.username}`]);
  });
});
