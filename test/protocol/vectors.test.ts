import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { equalBytes, type Part } from "#kith/protocol/bytes.js";
import * as cases from "#kith/protocol/case.js";
import { openColumn, type SealedColumn, sealedColumnBytes } from "#kith/protocol/column.js";
import { deriveKey, hash, hmac, type Label } from "#kith/protocol/derive.js";
import { ESCROW_BYTES, openEscrow } from "#kith/protocol/escrow.js";
import { readPrivateKey } from "#kith/protocol/keypair.js";
import { discloseInvitee, readLetter, spentLetterHash } from "#kith/protocol/letter.js";
import { unlockPrivateKey } from "#kith/protocol/lock.js";
import { type Argon2Parameters, decoySalt, deriveUnlockKey, parseParameters } from "#kith/protocol/password.js";
import { unwrapNotice } from "#kith/protocol/queued.js";
import { openSlots, type RelationRow } from "#kith/protocol/relation.js";
import * as review from "#kith/protocol/review.js";
import { open, SEALED_BYTES, type SealClass } from "#kith/protocol/seal.js";
import { openSelfRecord } from "#kith/protocol/self-record.js";
import {
  leftMark,
  SESSION_BYTES,
  sessionId,
  tagSession,
  tagVisit,
  unwrapNote,
  unwrapOpened,
  unwrapSession,
} from "#kith/protocol/session.js";
import { hasValidTag } from "#kith/protocol/tag.js";
import { proveToken, readToken, type Token, tokenHash } from "#kith/protocol/token.js";
import { caseWords } from "#kith/protocol/words.js";
import { EXPECTATIONS, type Expectation, parseVector } from "../vectors/format.js";

/** The header of one vector; every key must be asked for, and each only as often as it stands there. */
class Header {
  readonly #asked = new Set<string>();
  constructor(
    private readonly lines: Map<string, string[]>,
    private readonly rest: string,
  ) {}

  all(key: string): string[] {
    this.#asked.add(key);
    return this.lines.get(key) ?? [];
  }
  text(key: string): string {
    const values = this.all(key);
    assert.equal(values.length, 1, `one ${key}`);
    return values[0] as string;
  }
  bytes(key: string): Uint8Array {
    const text = this.text(key);
    assert.match(text, /^([0-9a-f]{2})*$/, key);
    return Uint8Array.from(Buffer.from(text, "hex"));
  }
  number(key: string): number {
    assert.match(this.text(key), /^\d+$/, key);
    return Number(this.text(key));
  }
  flag(key: string): boolean {
    assert.match(this.text(key), /^(true|false)$/, key);
    return this.text(key) === "true";
  }
  privateKey() {
    return readPrivateKey(this.bytes("private-key"));
  }
  rules() {
    return {
      threshold: this.number("threshold"),
      waitDays: this.number("wait-days"),
      keepsKey: this.flag("keeps-key"),
    };
  }
  body(): string {
    return this.rest;
  }
  bodyBytes(): Uint8Array {
    const bytes = Buffer.from(this.rest, "base64");
    assert.equal(bytes.toString("base64"), this.rest.replaceAll("\n", ""), "the body is base64");
    return Uint8Array.from(bytes);
  }
  unknownKeys(): string[] {
    return [...this.lines.keys()].filter((key) => !this.#asked.has(key));
  }
}

function part(text: string): Part {
  const [, kind, value] = /^(\w+) ?([\s\S]*)$/.exec(text) as unknown as [string, string, string];
  if (kind === "absent") return null;
  if (kind === "hex") return Buffer.from(value, "hex");
  if (kind === "number") return Number(value);
  if (kind === "boolean") return value === "true";
  assert.equal(kind, "string");
  return value;
}

const matches = (one: Uint8Array, other: Uint8Array): Expectation =>
  equalBytes(one, other) ? "success" : "hash mismatch";
const plain = (value: unknown) =>
  JSON.parse(
    JSON.stringify(value, (_key, one) =>
      one?.type === "Buffer" ? one.data : one instanceof Uint8Array ? [...one] : one,
    ),
  );
/** What was opened must be what the header says; anything else is a fault of the vector or of Kith. */
function same(opened: unknown, expected: unknown): Expectation {
  assert.deepEqual(plain(opened), plain(expected));
  return "success";
}

const CONSTRUCTIONS: Record<string, (header: Header) => Expectation | Promise<Expectation>> = {
  "derive-key": (header) => matches(deriveKey(header.bytes("root"), header.text("label") as Label), header.bodyBytes()),
  hash: (header) => matches(hash(header.text("label") as Label, ...header.all("part").map(part)), header.bodyBytes()),
  hmac: (header) =>
    matches(
      hmac(header.bytes("root"), header.text("label") as Label, ...header.all("part").map(part)),
      header.bodyBytes(),
    ),
  tag: (header) => {
    const columns = header.all("column").map((line) => {
      const [, name, value] = /^(\w+) ([\s\S]*)$/.exec(line) as unknown as [string, string, string];
      return [name, part(value)] as const;
    });
    const row = { ...Object.fromEntries(columns), tag: header.bodyBytes() };
    return hasValidTag(header.bytes("secret"), header.text("table"), row) ? "success" : "hash mismatch";
  },
  "unlock-key": async (header) => {
    const parameters = parseParameters(header.text("parameters")) as Argon2Parameters;
    const key = await deriveUnlockKey(JSON.parse(header.text("password")), header.bytes("salt"), parameters);
    return matches(key, header.bodyBytes());
  },
  "decoy-salt": (header) =>
    matches(decoySalt(header.bytes("secret"), header.text("domain"), header.text("username")), header.bodyBytes()),
  "locked-key": async (header) => {
    const expected = header.bytes("private-key");
    const locked = header.bodyBytes();
    const key = await unlockPrivateKey(
      locked,
      header.bytes("unlock-key"),
      header.bytes("secret"),
      header.text("account"),
    );
    return key ? same(key.write(), expected) : "open failure";
  },
  seal: async (header) => {
    const [plaintext, sealed] = [header.bytes("plaintext"), header.bodyBytes()];
    const sealClass = header.text("class") as SealClass;
    const opened = await open(await header.privateKey(), sealed);
    if (!opened) return "open failure";
    assert.equal(sealed.length, SEALED_BYTES[sealClass]);
    return same(opened, plaintext);
  },
  token: (header) => {
    const bytes = header.bytes("token");
    const place = {
      trustingId: header.text("trusting"),
      rowId: header.text("row"),
      generation: header.bytes("generation"),
    };
    const expected = { rules: header.rules(), share: header.bytes("share") };
    let token: Token;
    try {
      token = readToken(bytes);
    } catch {
      return "open failure";
    }
    same({ rules: token.rules, share: token.share }, expected);
    return matches(tokenHash(bytes, place), header.bodyBytes());
  },
  proof: async (header) => {
    const key = await header.privateKey();
    const row = {
      id: header.text("row"),
      trusting_id: header.text("trusting"),
      generation: header.bytes("generation"),
      sealed_token: header.bodyBytes(),
      token_hash: header.bytes("token-hash"),
    };
    const opened = await open(key, row.sealed_token);
    const place = { trustingId: row.trusting_id, rowId: row.id, generation: row.generation };
    const result = opened ? matches(tokenHash(opened, place), row.token_hash) : "no match";
    assert.equal((await proveToken(key, [row], 1)) !== undefined, result === "success");
    return result;
  },
  entry: async (header) => {
    const expected = {
      rowId: header.text("row"),
      trustedId: header.text("trusted"),
      name: header.text("name"),
      fingerprint: header.bytes("fingerprint"),
      resetMark: header.number("reset-mark"),
      held: header.flag("held"),
      month: header.text("month"),
    };
    const row = { id: expected.rowId, sealed_trusted: header.bodyBytes() } as RelationRow;
    const [slot] = await openSlots(await header.privateKey(), [row]);
    if (slot === "empty") return "no match";
    return slot === "broken" ? "open failure" : same(sorted(slot as object), sorted(expected));
  },
  words: (header) => {
    const words = caseWords(header.text("case"), header.bytes("fingerprint")).join(" ");
    return words === header.body() ? "success" : "hash mismatch";
  },
  letter: (header) => {
    const expected = {
      kind: header.text("kind"),
      nonce: header.bytes("nonce"),
      inviterId: header.text("inviter"),
      expiryDay: header.number("expiry-day"),
      domainNumber: header.number("domain-number"),
    };
    const letter = readLetter(header.bytes("secret"), header.body());
    return letter ? same(sorted(letter), sorted(expected)) : "open failure";
  },
  "spent-letter": (header) => {
    const nonce = header.bytes("nonce");
    const [digest, expected] = [header.bytes("hash"), header.text("invitee")];
    const invitee = discloseInvitee(nonce, header.bodyBytes());
    if (invitee === undefined) return "open failure";
    same(invitee, expected);
    return matches(spentLetterHash(nonce), digest);
  },
  session: (header) => {
    const cookie = header.bytes("cookie");
    const [id, payload, wrapped] = [header.bytes("id"), JSON.parse(header.text("payload")), header.bodyBytes()];
    assert.equal(wrapped.length, SESSION_BYTES);
    const opened = unwrapSession(header.bytes("server-secret"), cookie, wrapped);
    if (opened === undefined) return "open failure";
    same(opened, payload);
    return matches(sessionId(cookie), id);
  },
  "case-rules": (header) => {
    const secret = cases.parseLinkSecret(header.text("link")) as Uint8Array;
    const [digest, expected] = [header.bytes("link-hash"), { ...header.rules(), chosenAt: 0 }];
    const rules = cases.openRulesOfLink(header.bodyBytes(), secret, header.text("case"));
    if (!rules) return "open failure";
    same(rules, expected);
    return matches(cases.linkHash(secret), digest);
  },
  "pending-rules": async (header) => {
    const expected = { ...header.rules(), chosenAt: header.number("chosen-at") };
    const rules = await cases.openPendingRules(header.bodyBytes(), await header.privateKey());
    return rules ? same(rules, expected) : "open failure";
  },
  approval: async (header) => {
    const expected = { rules: header.rules(), share: header.bytes("share") };
    const approval = await cases.openApproval(header.bodyBytes(), await header.privateKey());
    return approval ? same(approval, expected) : "open failure";
  },
  "self-record": async (header) => {
    const expected = JSON.parse(header.text("record"));
    const record = await openSelfRecord(await header.privateKey(), header.bodyBytes());
    return record ? same(record, expected) : "open failure";
  },
  column: (header) => {
    const column = header.text("column") as SealedColumn;
    const [sealed, expected] = [header.bodyBytes(), JSON.parse(header.text("text"))];
    assert.equal(sealed.length, sealedColumnBytes(column));
    const text = openColumn(header.bytes("secret"), column, header.text("account"), sealed);
    return text === undefined ? "open failure" : same(text, expected);
  },
  escrow: async (header) => {
    const [expected, escrow] = [header.bytes("private-key"), header.bodyBytes()];
    assert.equal(escrow.length, ESCROW_BYTES);
    const shares = header.all("share").map((share) => Uint8Array.from(Buffer.from(share, "hex")));
    const opened = await openEscrow(escrow, shares, header.text("account"), header.bytes("generation"));
    return opened ? same(opened, expected) : "open failure";
  },
  "session-tag": (header) => {
    const tag = tagSession(header.bytes("server-secret"), header.bytes("id"), JSON.parse(header.text("payload")));
    return matches(tag, header.bodyBytes());
  },
  "visit-tag": (header) =>
    matches(tagVisit(header.bytes("server-secret"), header.bytes("id"), header.number("moment")), header.bodyBytes()),
  "left-mark": (header) => matches(leftMark(header.bytes("private-key"), header.bytes("id")), header.bodyBytes()),
  note: (header) => {
    const expected = JSON.parse(header.text("note"));
    const note = unwrapNote(header.bytes("server-secret"), header.bytes("cookie"), header.bodyBytes());
    return note === undefined ? "open failure" : same(note, expected);
  },
  opened: (header) => {
    const expected = header.bytes("plaintext");
    const opened = unwrapOpened(header.bytes("cookie"), header.bodyBytes(), header.bytes("generation"));
    return opened ? same(opened, expected) : "open failure";
  },
  "queued-notice": (header) => {
    const expected = JSON.parse(header.text("notice"));
    const notice = unwrapNotice(header.bytes("secret"), header.body());
    return notice === undefined ? "open failure" : same(notice, expected);
  },
  edge: async (header) => {
    const expected = {
      inviteeId: header.text("invitee"),
      inviterId: header.text("inviter"),
      month: header.text("month"),
    };
    const [sealed, mark] = [header.bodyBytes(), header.bytes("mark")];
    const edge = await review.openEdge(await header.privateKey(), sealed);
    if (!edge) return "open failure";
    same(edge, expected);
    return matches(review.edgeMark(sealed), mark);
  },
  grant: async (header) => {
    const expected = { reviewKey: header.bytes("review-key"), granterFingerprint: header.bytes("granter") };
    const fingerprint = header.bytes("review-fingerprint");
    const grant = await review.openGrant(await header.privateKey(), header.bodyBytes(), fingerprint);
    return grant ? same({ ...grant, reviewKey: grant.reviewKey.write() }, expected) : "open failure";
  },
  "recovery-key": (header) => {
    const [expected, secret, id] = [header.bytes("private-key"), header.bytes("secret"), header.text("id")];
    const phrase = review.readRecoveryPhrase(header.text("phrase"));
    if (!phrase) return "no match";
    const key = review.unlockRecoveryKey(phrase, header.bodyBytes(), secret, id);
    return key ? same(key, expected) : "open failure";
  },
  "review-notes": async (header) => {
    const [expected, row] = [
      header.bytes("plaintext"),
      { sealed_key: header.bytes("sealed-key"), box: header.bodyBytes() },
    ];
    const notes = await review.openNotes(await header.privateKey(), row);
    return notes ? same(notes, expected) : "open failure";
  },
};

/** Each label of the source, and the construction whose vectors hold it. */
const LABELS: Record<string, keyof typeof CONSTRUCTIONS> = {
  "case rules": "case-rules",
  contact: "column",
  "decoy salt": "decoy-salt",
  "handover link": "case-rules",
  invitee: "spent-letter",
  "left session": "left-mark",
  letter: "letter",
  limit: "hmac",
  "limited member": "hmac",
  "locked key": "locked-key",
  "locked recovery key": "recovery-key",
  note: "note",
  "opened for a session": "opened",
  "queued notice": "queued-notice",
  "recovery code": "hash",
  "recovery phrase": "recovery-key",
  "review notes": "review-notes",
  "second step": "column",
  session: "session",
  "session id": "session",
  "spent invite": "spent-letter",
  tag: "tag",
  token: "token",
  words: "words",
};
/** Draws parameters to hash with, for nobody: nothing made of it is stored or sent. */
const UNHELD = ["decoy parameters"];

/** Functions by which the protocol makes what is sealed to a key, which has no label, and their constructions. */
const SEALS: Record<string, keyof typeof CONSTRUCTIONS> = {
  seal: "seal",
  sealApproval: "approval",
  sealColumn: "column",
  sealEdge: "edge",
  sealGrant: "grant",
  sealNotes: "review-notes",
  sealRulesToLink: "case-rules",
  sealRulesToPending: "pending-rules",
  sealSelfRecord: "self-record",
};
/** For nobody to open. */
const UNOPENED = ["sealToNobody"];

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Runs one vector and says what came of it; throws for a key it does not know. */
async function run(text: string): Promise<{ expected: string; found: Expectation }> {
  const { header: lines, body } = parseVector(text);
  const header = new Header(lines, body);
  const [construction, expected] = [header.text("construction"), header.text("expect")];
  assert.ok(header.text("comment").length > 3);
  assert.ok((EXPECTATIONS as readonly string[]).includes(expected), expected);
  const check = CONSTRUCTIONS[construction];
  assert.ok(check, `a construction that this runner does not know: ${construction}`);
  const found = await check(header);
  assert.deepEqual(header.unknownKeys(), [], "keys that this runner does not know");
  return { expected, found };
}

const folder = new URL("../../test/vectors/", import.meta.url);
const source = new URL("../../src/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");

describe("the test vectors", () => {
  for (const name of files) {
    it(`${name} is found to be what it says`, async () => {
      const { expected, found } = await run(read(name));
      assert.equal(found, expected);
    });
  }

  it("hold for every construction one that succeeds and one that does not", () => {
    for (const construction of Object.keys(CONSTRUCTIONS)) {
      const expectations = files
        .map((name) => parseVector(read(name)).header)
        .filter((header) => header.get("construction")?.[0] === construction)
        .map((header) => header.get("expect")?.[0]);
      assert.ok(expectations.includes("success"), `${construction}: success`);
      assert.ok(
        expectations.some((one) => one !== "success"),
        `${construction}: a defect`,
      );
    }
  });

  it("hold every label, and every seal, that stands in the source", () => {
    const found = (pattern: RegExp, folder = "") => {
      const names = readdirSync(new URL(folder, source), { recursive: true, encoding: "utf8" });
      const texts = names
        .filter((name) => name.endsWith(".ts"))
        .map((name) => readFileSync(new URL(`${folder}${name}`, source), "utf8"));
      return [
        ...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name as string))),
      ].sort();
    };
    assert.deepEqual(found(/"kith\/v1\/([^"]+)"/g), [...Object.keys(LABELS), ...UNHELD].sort());
    const seals = found(/^export (?:async )?function (seal(?:[A-Z]\w*)?)\(/gm, "protocol/");
    assert.deepEqual(seals, [...Object.keys(SEALS), ...UNOPENED].sort());
    for (const construction of [...Object.values(LABELS), ...Object.values(SEALS)]) {
      assert.ok(construction in CONSTRUCTIONS, construction);
    }
  });

  it("are refused with a key that the runner does not know, without one that it needs, or with one twice", async () => {
    const good = read("words-right.txt");
    assert.equal((await run(good)).found, "success");
    await assert.rejects(run(good.replace("case: ", "surplus: x\ncase: ")), /keys that this runner does not know/);
    await assert.rejects(run(good.replace(/^case: .*\n/m, "")), /one case/);
    await assert.rejects(run(good.replace(/^(case: .*\n)/m, "$1$1")), /one case/);
    await assert.rejects(run(good.replace("expect: success", "expect: whatever")));
    await assert.rejects(run(good.replace("construction: words", "construction: other")), /does not know/);
  });
});
