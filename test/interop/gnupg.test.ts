import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { discloseBytes, unpad } from "#kith/protocol/box.js";
import { toBase64url, toHex } from "#kith/protocol/bytes.js";
import { deriveKey } from "#kith/protocol/derive.js";
import { lockPrivateKey } from "#kith/protocol/lock.js";
import { makeNobody } from "#kith/protocol/nobody.js";
import { regenerate } from "#kith/protocol/relation.js";
import { SEAL_CLASSES, type SealClass, seal } from "#kith/protocol/seal.js";
import { newSelfRecord, sealSelfRecord } from "#kith/protocol/self-record.js";
import { KEY_MONTH, somebody, type TestMember } from "../support/keys.js";
import { need } from "../support/need.js";
import { temporaryDirectory } from "../support/temporary.js";
import { parseVector } from "../vectors/format.js";

const { gpg, skip } = need("gpg");
/** Constructions that are a seal, or stand beside one. */
const SEALED = ["approval", "edge", "entry", "grant", "pending-rules", "proof", "review-notes", "seal", "self-record"];
const SEALED_VECTORS = new RegExp(`^(${SEALED.join("|")})-`);
const CLASSES = Object.keys(SEAL_CLASSES) as SealClass[];

/** A GnuPG with a key ring of its own. */
class Gnupg {
  readonly home = join(temporaryDirectory(), "gnupg");
  constructor() {
    mkdirSync(this.home, { mode: 0o700 });
  }

  run(args: string[], input?: Uint8Array, passphrase = "") {
    const options = ["--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", passphrase, ...args];
    const { status, stdout, stderr } = spawnSync(gpg, options, {
      input,
      env: { PATH: process.env.PATH, GNUPGHOME: this.home, LC_ALL: "C" },
      maxBuffer: 1e7,
    });
    return { status, stdout, stderr: stderr.toString("utf8") };
  }

  decrypt(sealed: Uint8Array, passphrase?: string) {
    return this.run(["--decrypt"], sealed, passphrase);
  }

  stop(): void {
    spawnSync("gpgconf", ["--kill", "all"], { env: { PATH: process.env.PATH, GNUPGHOME: this.home } });
  }
}

describe("GnuPG", { skip }, () => {
  let ada: TestMember;
  let gnupg: Gnupg;
  before(async () => {
    ada = await somebody();
    gnupg = new Gnupg();
    const imported = gnupg.run(["--import"], ada.bytes.privateKey);
    assert.equal(imported.status, 0, imported.stderr);
  });
  after(() => gnupg?.stop());

  it("imports an exported key with its fingerprint, id and both halves", () => {
    const { stdout } = gnupg.run(["--list-secret-keys", "--with-colons"]);
    const lines = stdout
      .toString("utf8")
      .split("\n")
      .map((line) => line.split(":"));
    const field = (type: string, number: number) => lines.find(([first]) => first === type)?.[number];
    assert.equal(field("fpr", 9), Buffer.from(ada.fingerprint).toString("hex").toUpperCase());
    assert.equal(field("uid", 9), ada.id);
    assert.deepEqual([field("sec", 3), field("ssb", 3)], ["22", "18"], "Ed25519 and Curve25519");
    assert.equal(Number(field("sec", 5)), KEY_MONTH.getTime() / 1000);
  });

  it("decrypts sealed messages of every class byte for byte", async () => {
    for (const name of CLASSES) {
      const plaintext = randomBytes(SEAL_CLASSES[name] - 4 - 13);
      const { status, stdout, stderr } = gnupg.decrypt(await seal(ada.bytes.publicKey, plaintext, name));
      assert.equal(status, 0, stderr);
      assert.equal(stdout.length, SEAL_CLASSES[name]);
      assert.deepEqual(Buffer.from(unpad(stdout) as Uint8Array), plaintext, name);
    }
  });

  it("finds no recipient in a sealed message: key id 0000000000000000, and nothing of the owner's key", async () => {
    for (const name of CLASSES) {
      const sealed = await seal(ada.bytes.publicKey, Buffer.from("x"), name);
      // A key ring of a stranger: what a thief would be shown.
      const stranger = new Gnupg();
      const { stdout, stderr } = stranger.run(["--list-packets"], sealed);
      stranger.stop();
      const shown = `${stdout.toString("utf8")}${stderr}`;
      const ids = [...shown.matchAll(/pubkey enc packet: version (\d+), algo (\d+), keyid ([0-9A-F]+)/g)];
      assert.deepEqual(
        ids.map(([, version, algorithm, id]) => [version, algorithm, id]),
        [["3", "18", "0000000000000000"]],
      );
      for (const key of [ada.key, ...ada.key.subkeys]) {
        assert.ok(!shown.toUpperCase().includes(key.getKeyID().toHex().toUpperCase()));
      }
      assert.doesNotMatch(shown, /signature packet/);
    }
  });

  it("does not open what is sealed to somebody else", async () => {
    const bea = await somebody();
    const { status, stdout } = gnupg.decrypt(await seal(bea.bytes.publicKey, Buffer.from("x"), "small"));
    assert.notEqual(status, 0);
    assert.equal(stdout.length, 0);
  });

  it("opens one's own list and self record, as they stand in the database", async () => {
    const record = newSelfRecord("2027-01-05", 5);
    const opened = gnupg.decrypt(await sealSelfRecord(ada.bytes.publicKey, record));
    assert.deepEqual(JSON.parse(Buffer.from(unpad(opened.stdout) as Uint8Array).toString("utf8")), record);

    const bea = await somebody();
    const rowId = "0f5cf6bc-3a51-4d4e-8c53-000000000001";
    const { rows } = await regenerate({
      serverSecret: randomBytes(32),
      accountId: ada.id,
      ...ada.bytes,
      generation: randomBytes(16),
      rowIds: [rowId],
      rules: record.rules,
      entries: [
        {
          rowId,
          trustedId: bea.id,
          name: "bea@example.org",
          fingerprint: bea.fingerprint,
          resetMark: 0,
          held: false,
          month: "2027-01",
          trustedKey: bea.bytes.publicKey,
        },
      ],
      nobody: await makeNobody(KEY_MONTH),
    });
    const list = gnupg.decrypt(rows[0]?.sealed_trusted as Uint8Array);
    assert.ok(unpad(list.stdout) && list.stdout.includes("bea@example.org"));
  });

  it("opens the vectors that are OpenPGP messages, and none with another key", () => {
    const folder = new URL("../../test/vectors/", import.meta.url);
    const rings = new Map<string, Gnupg>();
    function ringOf(privateKey: string): Gnupg {
      // One key in each: of several, any would be tried.
      const ring = rings.get(privateKey) ?? new Gnupg();
      if (rings.has(privateKey)) return ring;
      rings.set(privateKey, ring);
      const imported = ring.run(["--import"], Buffer.from(privateKey, "hex"));
      assert.equal(imported.status, 0, imported.stderr);
      return ring;
    }
    const opened = new Set<string>();
    try {
      for (const file of readdirSync(folder).filter((name) => SEALED_VECTORS.test(name))) {
        const { header, body } = parseVector(readFileSync(new URL(file, folder), "utf8"));
        const one = (key: string) => header.get(key)?.[0] ?? "";
        const isBoxed = header.has("sealed-key");
        const sealed = isBoxed ? Buffer.from(one("sealed-key"), "hex") : Buffer.from(body, "base64");
        const { status, stdout, stderr } = ringOf(one("private-key")).decrypt(sealed);
        const plaintext = status === 0 ? unpad(stdout) : undefined;
        if (one("expect") === "success") {
          assert.ok(plaintext, `${file}: ${stderr}`);
          if (header.has("plaintext") && !isBoxed) assert.equal(toHex(plaintext), one("plaintext"), file);
          opened.add(one("construction"));
        } else if (/-(other-key|altered|truncated)\.txt$/.test(file)) assert.equal(plaintext, undefined, file);
        // The rest opens as well: it is what is inside, or beside it, that does not belong there.
      }
    } finally {
      for (const ring of rings.values()) ring.stop();
    }
    assert.deepEqual([...opened].sort(), SEALED);
  });

  it("reads the key as it is locked, below the server secret, and opens with it only by the unlock key", async () => {
    const unlockKey = randomBytes(32);
    const secret = randomBytes(32);
    const locked = await lockPrivateKey(ada.key, unlockKey, secret, ada.id);
    const inner = discloseBytes(deriveKey(secret, "kith/v1/locked key"), locked, ada.id) as Uint8Array;
    const file = join(temporaryDirectory(), "locked");
    writeFileSync(file, inner);
    const sealed = await seal(ada.bytes.publicKey, Buffer.from("only with the unlock key"), "small");

    const other = new Gnupg();
    try {
      const imported = other.run(["--import", file], undefined, toBase64url(unlockKey));
      assert.equal(imported.status, 0, imported.stderr);
      const refused = other.decrypt(sealed, toBase64url(randomBytes(32)));
      assert.notEqual(refused.status, 0);
      const { status, stdout, stderr } = other.decrypt(sealed, toBase64url(unlockKey));
      assert.equal(status, 0, stderr);
      assert.equal(Buffer.from(unpad(stdout) as Uint8Array).toString("utf8"), "only with the unlock key");
    } finally {
      other.stop();
    }
  });
});
