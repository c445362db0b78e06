// Wrote the vectors beside this file. They are frozen: run it again only for a new construction, with its name:
//
//   node dist-test/vectors/make.js seal
import { randomBytes, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Part } from "#kith/protocol/bytes.js";
import * as cases from "#kith/protocol/case.js";
import { sealColumn } from "#kith/protocol/column.js";
import { deriveKey, hash, hmac } from "#kith/protocol/derive.js";
import { makeEscrow } from "#kith/protocol/escrow.js";
import { makeKeypair, readPrivateKey } from "#kith/protocol/keypair.js";
import { encloseInvitee, NO_INVITER, spentLetterHash, writeLetter } from "#kith/protocol/letter.js";
import { lockPrivateKey } from "#kith/protocol/lock.js";
import { makeNobody } from "#kith/protocol/nobody.js";
import { decoySalt, deriveUnlockKey, formatParameters } from "#kith/protocol/password.js";
import { wrapNotice } from "#kith/protocol/queued.js";
import { regenerate } from "#kith/protocol/relation.js";
import * as review from "#kith/protocol/review.js";
import { SEAL_CLASSES, type SealClass, seal } from "#kith/protocol/seal.js";
import { newSelfRecord, sealSelfRecord } from "#kith/protocol/self-record.js";
import {
  leftMark,
  newSessionCookie,
  sessionId,
  tagSession,
  tagVisit,
  wrapNote,
  wrapOpened,
  wrapSession,
} from "#kith/protocol/session.js";
import { tagRow } from "#kith/protocol/tag.js";
import { makeToken, tokenHash } from "#kith/protocol/token.js";
import { caseWords } from "#kith/protocol/words.js";
import { bodyOf, type Expectation, formatVector } from "./format.js";

const only = process.argv[2];
const folder = fileURLToPath(new URL("../../test/vectors/", import.meta.url));
const month = new Date(Date.UTC(2026, 0, 1));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

type Header = [string, string][];
let construction = "";

function write(name: string, expect: Expectation, comment: string, header: Header, body: Uint8Array | string): void {
  if (only !== undefined && only !== construction) return;
  const head: Header = [["construction", construction], ["expect", expect], ["comment", comment], ...header];
  const text = typeof body === "string" ? body : bodyOf(body);
  writeFileSync(`${folder}${construction}-${name}.txt`, formatVector(head, text));
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at < 0 ? copy.length + at : at]! ^= 1;
  return copy;
}

const partText = (part: Part) =>
  part === null ? "absent" : part instanceof Uint8Array ? `hex ${hex(part)}` : `${typeof part} ${part}`;

const secret = randomBytes(32);
const account = randomUUID();
const pair = await makeKeypair(account, month);
const other = await makeKeypair(randomUUID(), month);
const key = await readPrivateKey(pair.privateKey);
const PRIVATE: [string, string] = ["private-key", hex(pair.privateKey)];
const OTHER: [string, string] = ["private-key", hex(other.privateKey)];

construction = "derive-key";
write(
  "server-secret",
  "success",
  "HKDF-SHA-256 without salt, the label as info",
  [
    ["root", hex(secret)],
    ["label", "kith/v1/tag"],
  ],
  deriveKey(secret, "kith/v1/tag"),
);
write(
  "nonce",
  "success",
  "a root of 16 bytes",
  [
    ["root", hex(secret.subarray(0, 16))],
    ["label", "kith/v1/invitee"],
  ],
  deriveKey(secret.subarray(0, 16), "kith/v1/invitee"),
);
write(
  "other-label",
  "hash mismatch",
  "the key of another label",
  [
    ["root", hex(secret)],
    ["label", "kith/v1/tag"],
  ],
  deriveKey(secret, "kith/v1/letter"),
);

construction = "hash";
const parts: Part[] = ["ä", null, "", Uint8Array.of(0, 255), 12, true];
const partLines = (list: Part[]): Header => list.map((part) => ["part", partText(part)]);
write(
  "parts",
  "success",
  "every kind of part",
  [["label", "kith/v1/words"], ...partLines(parts)],
  hash("kith/v1/words", ...parts),
);
write("none", "success", "no part at all", [["label", "kith/v1/words"]], hash("kith/v1/words"));
write(
  "moved-boundary",
  "hash mismatch",
  "the same bytes, divided elsewhere",
  [["label", "kith/v1/words"], ...partLines(["ab", "c"])],
  hash("kith/v1/words", "a", "bc"),
);
write(
  "absent-or-empty",
  "hash mismatch",
  "absent differs from empty",
  [["label", "kith/v1/words"], ...partLines([null])],
  hash("kith/v1/words", ""),
);

construction = "hmac";
write(
  "parts",
  "success",
  "under HKDF(root, label)",
  [["root", hex(secret)], ["label", "kith/v1/limit"], ...partLines(parts)],
  hmac(secret, "kith/v1/limit", ...parts),
);
write(
  "other-root",
  "hash mismatch",
  "another server secret",
  [["root", hex(flipped(secret, 31))], ["label", "kith/v1/limit"], ...partLines(parts)],
  hmac(secret, "kith/v1/limit", ...parts),
);

construction = "tag";
const row = {
  id: account,
  generation: secret.subarray(0, 16),
  count: 3,
  lost_second_step: false,
  choice_day: null,
  text: "",
};
const columnLines = (columns: Record<string, Part>): Header =>
  Object.entries(columns).map(([name, part]) => ["column", `${name} ${partText(part)}`]);
write(
  "row",
  "success",
  "every kind of column",
  [["secret", hex(secret)], ["table", "reset_cases"], ...columnLines(row)],
  tagRow(secret, "reset_cases", row),
);
write(
  "order",
  "success",
  "the order of columns does not matter",
  [["secret", hex(secret)], ["table", "reset_cases"], ...columnLines(row).reverse()],
  tagRow(secret, "reset_cases", row),
);
write(
  "changed-column",
  "hash mismatch",
  "one column is another",
  [["secret", hex(secret)], ["table", "reset_cases"], ...columnLines({ ...row, count: 4 })],
  tagRow(secret, "reset_cases", row),
);
write(
  "missing-column",
  "hash mismatch",
  "a column is missing",
  [["secret", hex(secret)], ["table", "reset_cases"], ...columnLines(row).slice(1)],
  tagRow(secret, "reset_cases", row),
);
write(
  "other-table",
  "hash mismatch",
  "moved to another table",
  [["secret", hex(secret)], ["table", "approvals"], ...columnLines(row)],
  tagRow(secret, "reset_cases", row),
);
write(
  "other-secret",
  "hash mismatch",
  "another server secret",
  [["secret", hex(flipped(secret, 0))], ["table", "reset_cases"], ...columnLines(row)],
  tagRow(secret, "reset_cases", row),
);

construction = "unlock-key";
const salt = randomBytes(16);
const real = { memoryKiB: 65_536, timeCost: 3, parallelism: 4 };
const quick = { memoryKiB: 64, timeCost: 2, parallelism: 2 };
const password = "correct horse battery staple";
const unlockHeader = (text: string, parameters = quick, given: Uint8Array = salt): Header => [
  ["password", JSON.stringify(text)],
  ["salt", hex(given)],
  ["parameters", formatParameters(parameters)],
];
write(
  "default-cost",
  "success",
  "RFC 9106's second recommended setting",
  unlockHeader(password, real),
  await deriveUnlockKey(password, salt, real),
);
write(
  "small-cost",
  "success",
  "small parameters, for quick tests",
  unlockHeader(password),
  await deriveUnlockKey(password, salt, quick),
);
write(
  "composed",
  "success",
  "normalisation form C: typed as e and a combining accent",
  unlockHeader("cafe\u0301 garden window"),
  await deriveUnlockKey("caf\u00e9 garden window", salt, quick),
);
write(
  "not-compatible",
  "hash mismatch",
  "form C, not KC: full-width letters differ",
  unlockHeader("\uff41bc garden window"),
  await deriveUnlockKey("abc garden window", salt, quick),
);
write(
  "other-salt",
  "hash mismatch",
  "another salt",
  unlockHeader(password, quick, flipped(salt, 0)),
  await deriveUnlockKey(password, salt, quick),
);

construction = "decoy-salt";
write(
  "unknown",
  "success",
  "the salt of a name that nobody has",
  [
    ["secret", hex(secret)],
    ["domain", "example.org"],
    ["username", "ada"],
  ],
  decoySalt(secret, "example.org", "ada"),
);
write(
  "other-name",
  "hash mismatch",
  "another name",
  [
    ["secret", hex(secret)],
    ["domain", "example.org"],
    ["username", "adb"],
  ],
  decoySalt(secret, "example.org", "ada"),
);

construction = "locked-key";
const unlockKey = randomBytes(32);
const locked = await lockPrivateKey(key, unlockKey, secret, account);
const lockHeader = (changes: { unlockKey?: Uint8Array; secret?: Uint8Array; account?: string } = {}): Header => [
  ["unlock-key", hex(changes.unlockKey ?? unlockKey)],
  ["secret", hex(changes.secret ?? secret)],
  ["account", changes.account ?? account],
  PRIVATE,
];
write("right", "success", "opens to the private key", lockHeader(), locked);
write("wrong-password", "open failure", "another unlock key", lockHeader({ unlockKey: flipped(unlockKey, 5) }), locked);
write("wrong-secret", "open failure", "another server secret", lockHeader({ secret: flipped(secret, 5) }), locked);
write("wrong-account", "open failure", "another account", lockHeader({ account: randomUUID() }), locked);
write("altered", "open failure", "one bit of the ciphertext", lockHeader(), flipped(locked, 200));
write("altered-nonce", "open failure", "one bit of the nonce", lockHeader(), flipped(locked, 0));
write("truncated", "open failure", "the last byte is missing", lockHeader(), locked.subarray(0, -1));

construction = "seal";
for (const name of Object.keys(SEAL_CLASSES) as SealClass[]) {
  const plaintext = randomBytes(name === "large" ? 300 : 100);
  write(
    name,
    "success",
    `the ${name} class`,
    [PRIVATE, ["class", name], ["plaintext", hex(plaintext)]],
    await seal(pair.publicKey, plaintext, name),
  );
}
const plaintext = Buffer.from("for ada alone");
const sealed = await seal(pair.publicKey, plaintext, "small");
const sealHeader = (privateKey = PRIVATE): Header => [privateKey, ["class", "small"], ["plaintext", hex(plaintext)]];
write(
  "empty",
  "success",
  "an empty plaintext is padded like any other",
  [PRIVATE, ["class", "small"], ["plaintext", ""]],
  await seal(pair.publicKey, new Uint8Array(0), "small"),
);
write(
  "longest",
  "success",
  "252 bytes, the most that fits",
  [PRIVATE, ["class", "small"], ["plaintext", hex(Buffer.alloc(252, 7))]],
  await seal(pair.publicKey, Buffer.alloc(252, 7), "small"),
);
write("other-key", "open failure", "sealed to somebody else", sealHeader(OTHER), sealed);
write("altered", "open failure", "one bit of the ciphertext", sealHeader(), flipped(sealed, -5));
write("truncated", "open failure", "the last byte is missing", sealHeader(), sealed.subarray(0, -1));
write("trailing", "open failure", "a byte after the message", sealHeader(), Buffer.concat([sealed, Buffer.alloc(1)]));

construction = "token";
const token = makeToken({ threshold: 2, waitDays: 3, keepsKey: true });
const place = { trustingId: account, rowId: randomUUID(), generation: randomBytes(16) };
const tokenHeader = (changes: Partial<typeof place> = {}, bytes = token.bytes): Header => {
  const at = { ...place, ...changes };
  return [
    ["token", hex(bytes)],
    ["trusting", at.trustingId],
    ["row", at.rowId],
    ["generation", hex(at.generation)],
    ["threshold", "2"],
    ["wait-days", "3"],
    ["keeps-key", "true"],
    ["share", hex(token.share)],
  ];
};
const tokenDigest = tokenHash(token.bytes, place);
write("right", "success", "version, k, wait, keeps key, 32 random bytes, share; its hash", tokenHeader(), tokenDigest);
write("other-account", "hash mismatch", "bound to the account", tokenHeader({ trustingId: randomUUID() }), tokenDigest);
write("other-row", "hash mismatch", "bound to the row", tokenHeader({ rowId: randomUUID() }), tokenDigest);
write(
  "other-generation",
  "hash mismatch",
  "bound to the generation",
  tokenHeader({ generation: randomBytes(16) }),
  tokenDigest,
);
write(
  "unknown-version",
  "open failure",
  "a version that this protocol does not know",
  tokenHeader({}, flipped(token.bytes, 0)),
  tokenHash(flipped(token.bytes, 0), place),
);
write(
  "truncated",
  "open failure",
  "a share that ends too early",
  tokenHeader({}, token.bytes.subarray(0, 60)),
  tokenHash(token.bytes.subarray(0, 60), place),
);

construction = "proof";
const sealedToken = await seal(pair.publicKey, token.bytes, "small");
const proofHeader = (privateKey = PRIVATE, generation = place.generation, digest = tokenDigest): Header => [
  privateKey,
  ["trusting", account],
  ["row", place.rowId],
  ["generation", hex(generation)],
  ["token-hash", hex(digest)],
];
write("right", "success", "the key opens the row's token, and its hash is the row's", proofHeader(), sealedToken);
write("other-key", "no match", "the row is for somebody else", proofHeader(OTHER), sealedToken);
write(
  "old-generation",
  "hash mismatch",
  "a token of an older generation",
  proofHeader(PRIVATE, randomBytes(16)),
  sealedToken,
);
write(
  "other-hash",
  "hash mismatch",
  "another token's hash",
  proofHeader(PRIVATE, place.generation, randomBytes(32)),
  sealedToken,
);
write("altered", "no match", "one bit of the seal", proofHeader(), flipped(sealedToken, 300));

construction = "entry";
const rowId: string = randomUUID();
const bea = randomUUID();
const nobody = await makeNobody(month);
const entry = {
  rowId,
  trustedId: bea,
  name: "bea@example.org",
  fingerprint: other.fingerprint,
  resetMark: 2,
  held: true,
  month: "2026-11",
  trustedKey: other.publicKey,
};
const { rows } = await regenerate({
  serverSecret: secret,
  accountId: account,
  publicKey: pair.publicKey,
  privateKey: pair.privateKey,
  generation: randomBytes(16),
  rowIds: [rowId, randomUUID()],
  rules: token.rules,
  entries: [entry],
  nobody,
});
const used = rows.find(({ id }) => id === rowId)!;
const empty = rows.find(({ id }) => id !== rowId)!;
const entryHeader = (privateKey = PRIVATE, id: string = rowId): Header => [
  privateKey,
  ["row", id],
  ["trusted", bea],
  ["name", entry.name],
  ["fingerprint", hex(entry.fingerprint)],
  ["reset-mark", "2"],
  ["held", "true"],
  ["month", entry.month],
];
write("used", "success", "one entry of the list of trusted people", entryHeader(), used.sealed_trusted);
write("empty", "no match", "an empty slot", entryHeader(PRIVATE, empty.id), empty.sealed_trusted);
write("other-row", "open failure", "moved to another slot", entryHeader(PRIVATE, randomUUID()), used.sealed_trusted);
write("other-key", "open failure", "for its owner alone", entryHeader(OTHER), used.sealed_trusted);

construction = "words";
const wordsHeader = (id: string): Header => [
  ["case", id],
  ["fingerprint", hex(pair.fingerprint)],
];
const caseId = randomUUID();
write("right", "success", "44 bits, four words", wordsHeader(caseId), caseWords(caseId, pair.fingerprint).join(" "));
write(
  "other-case",
  "hash mismatch",
  "another case has other words",
  wordsHeader(randomUUID()),
  caseWords(caseId, pair.fingerprint).join(" "),
);

construction = "letter";
for (const kind of ["member", "operator", "admin", "first-admin"] as const) {
  const letter = {
    kind,
    nonce: randomBytes(16),
    inviterId: kind === "member" ? account : NO_INVITER,
    expiryDay: 20_800,
    domainNumber: kind === "operator" ? 1 : 0,
  };
  const header: Header = [
    ["secret", hex(secret)],
    ["kind", kind],
    ["nonce", hex(letter.nonce)],
    ["inviter", letter.inviterId],
    ["expiry-day", "20800"],
    ["domain-number", String(letter.domainNumber)],
  ];
  const text = writeLetter(secret, letter);
  write(kind, "success", `a letter of kind ${kind}`, header, text);
  if (kind !== "member") continue;
  write(
    "other-secret",
    "open failure",
    "another server secret",
    [["secret", hex(flipped(secret, 9))], ...header.slice(1)],
    text,
  );
  write(
    "altered",
    "open failure",
    "one character is another",
    header,
    `${text.slice(0, 40)}${text[40] === "A" ? "B" : "A"}${text.slice(41)}`,
  );
  write("padding", "open failure", "base64 padding is not part of it", header, `${text}=`);
}

construction = "spent-letter";
const nonce = randomBytes(16);
const spentHeader = (given: Uint8Array, digest: Uint8Array, invitee = account): Header => [
  ["nonce", hex(given)],
  ["hash", hex(digest)],
  ["invitee", invitee],
];
write(
  "used",
  "success",
  "who came, for whoever keeps the nonce",
  spentHeader(nonce, spentLetterHash(nonce)),
  encloseInvitee(nonce, account),
);
write(
  "revoked",
  "success",
  "taken back: nobody came",
  spentHeader(nonce, spentLetterHash(nonce), NO_INVITER),
  encloseInvitee(nonce, NO_INVITER),
);
write(
  "other-nonce",
  "open failure",
  "another nonce",
  spentHeader(flipped(nonce, 3), spentLetterHash(flipped(nonce, 3))),
  encloseInvitee(nonce, account),
);
write(
  "other-hash",
  "hash mismatch",
  "the row of another letter",
  spentHeader(nonce, spentLetterHash(flipped(nonce, 3))),
  encloseInvitee(nonce, account),
);

construction = "session";
const cookie = newSessionCookie();
const payload = { accountId: account, stage: "full", begun: 1_800_000_000_000 };
const sessionSecret = randomBytes(32);
const sessionHeader = (given: Uint8Array, id: Uint8Array): Header => [
  ["server-secret", hex(sessionSecret)],
  ["cookie", hex(given)],
  ["id", hex(id)],
  ["payload", JSON.stringify(payload)],
];
const wrapped = wrapSession(sessionSecret, cookie, payload);
write("right", "success", "opens with its cookie", sessionHeader(cookie, sessionId(cookie)), wrapped);
write(
  "other-cookie",
  "open failure",
  "another cookie",
  sessionHeader(flipped(cookie, 0), sessionId(flipped(cookie, 0))),
  wrapped,
);
write("other-id", "hash mismatch", "another row", sessionHeader(cookie, randomBytes(32)), wrapped);
write(
  "altered",
  "open failure",
  "one bit of the ciphertext",
  sessionHeader(cookie, sessionId(cookie)),
  flipped(wrapped, 2_000),
);

construction = "case-rules";
const link = cases.newLinkSecret();
const ruleLines: Header = [
  ["threshold", "2"],
  ["wait-days", "3"],
  ["keeps-key", "true"],
];
const linkHeader = (given: Uint8Array, id = caseId, digest = cases.linkHash(link)): Header => [
  ["link", cases.formatLinkSecret(given)],
  ["link-hash", hex(digest)],
  ["case", id],
  ...ruleLines,
];
const ofLink = cases.sealRulesToLink(token.rules, link, caseId);
write("link", "success", "before the choice: opens with the link's secret", linkHeader(link), ofLink);
write(
  "other-link",
  "open failure",
  "another link",
  linkHeader(flipped(link, 0), caseId, cases.linkHash(flipped(link, 0))),
  ofLink,
);
write("other-case", "open failure", "another case", linkHeader(link, randomUUID()), ofLink);
write(
  "other-link-hash",
  "hash mismatch",
  "the hash of another link",
  linkHeader(link, caseId, randomBytes(32)),
  ofLink,
);

construction = "pending-rules";
const chosenAt = 1_800_000_123_456;
const pendingHeader = (privateKey = PRIVATE): Header => [privateKey, ...ruleLines, ["chosen-at", String(chosenAt)]];
const pending = await cases.sealRulesToPending({ ...token.rules, chosenAt }, pair.publicKey);
write("right", "success", "after the choice: opens with the pending key", pendingHeader(), pending);
write("other-key", "open failure", "another key", pendingHeader(OTHER), pending);

construction = "approval";
const approvalHeader = (privateKey = PRIVATE): Header => [privateKey, ...ruleLines, ["share", hex(token.share)]];
const approval = await cases.sealApproval(token, pair.publicKey);
write("right", "success", "rules and share, for the pending key", approvalHeader(), approval);
write("other-key", "open failure", "another key", approvalHeader(OTHER), approval);

construction = "self-record";
const record = { ...newSelfRecord("2026-11-24", 5), events: [{ kind: "joined", day: "2026-11-24" }] };
write(
  "right",
  "success",
  "a self record",
  [PRIVATE, ["record", JSON.stringify(record)]],
  await sealSelfRecord(pair.publicKey, record),
);
write(
  "other-key",
  "open failure",
  "for its owner alone",
  [OTHER, ["record", JSON.stringify(record)]],
  await sealSelfRecord(pair.publicKey, record),
);
write(
  "other-version",
  "open failure",
  "of a version that this protocol does not know",
  [PRIVATE, ["record", JSON.stringify(record)]],
  await seal(pair.publicKey, Buffer.from(JSON.stringify({ ...record, version: 2 })), "large"),
);

construction = "column";
const columnHeader = (column: string, id: string, text: string): Header => [
  ["secret", hex(secret)],
  ["column", column],
  ["account", id],
  ["text", JSON.stringify(text)],
];
write(
  "contact",
  "success",
  "an address",
  columnHeader("contact", account, "ada@example.net"),
  sealColumn(secret, "contact", account, "ada@example.net"),
);
write(
  "none",
  "success",
  "nothing, of the same length",
  columnHeader("second step", account, ""),
  sealColumn(secret, "second step", account, ""),
);
write(
  "other-account",
  "open failure",
  "moved to another account",
  columnHeader("contact", randomUUID(), "ada@example.net"),
  sealColumn(secret, "contact", account, "ada@example.net"),
);

construction = "escrow";
const generation = randomBytes(16);
const { escrow, shares } = await makeEscrow(pair.privateKey, account, generation, 3, 2);
const escrowHeader = (given: readonly Uint8Array[], at = generation): Header => [
  ["account", account],
  ["generation", hex(at)],
  ...given.map((share): [string, string] => ["share", hex(share)]),
  PRIVATE,
];
write("two-of-three", "success", "any two of three shares", escrowHeader([shares[2]!, shares[0]!]), escrow);
write("all", "success", "all three", escrowHeader(shares), escrow);
write("too-few", "open failure", "one of three", escrowHeader([shares[1]!]), escrow);
write(
  "mixed",
  "open failure",
  "a share of another regeneration",
  escrowHeader([shares[0]!, (await makeEscrow(pair.privateKey, account, generation, 3, 2)).shares[1]!]),
  escrow,
);
write("other-generation", "open failure", "of another generation", escrowHeader(shares, randomBytes(16)), escrow);

construction = "session-tag";
const tagHeader = (given: Uint8Array, id: Uint8Array): Header => [
  ["server-secret", hex(given)],
  ["id", hex(id)],
  ["payload", JSON.stringify(payload)],
];
const began = tagSession(sessionSecret, sessionId(cookie), payload);
write("right", "success", "Kith began this session", tagHeader(sessionSecret, sessionId(cookie)), began);
write("other-id", "hash mismatch", "of another session", tagHeader(sessionSecret, randomBytes(32)), began);
write(
  "other-secret",
  "hash mismatch",
  "of another Kith",
  tagHeader(flipped(sessionSecret, 0), sessionId(cookie)),
  began,
);

construction = "visit-tag";
const moment = 1_800_000_900_000;
const visitHeader = (id: Uint8Array, at: number): Header => [
  ["server-secret", hex(sessionSecret)],
  ["id", hex(id)],
  ["moment", String(at)],
];
const visited = tagVisit(sessionSecret, sessionId(cookie), moment);
write("right", "success", "this session's browser was here then", visitHeader(sessionId(cookie), moment), visited);
write("other-id", "hash mismatch", "another session's", visitHeader(randomBytes(32), moment), visited);
write("later", "hash mismatch", "a later moment", visitHeader(sessionId(cookie), moment + 1), visited);

construction = "left-mark";
const leftHeader = (privateKey = PRIVATE, id = sessionId(cookie)): Header => [privateKey, ["id", hex(id)]];
const left = leftMark(pair.privateKey, sessionId(cookie));
write("right", "success", "the mark of a session that was left", leftHeader(), left);
write("other-key", "hash mismatch", "by the key of somebody else", leftHeader(OTHER), left);
write("other-id", "hash mismatch", "of another session", leftHeader(PRIVATE, randomBytes(32)), left);

construction = "note";
const note = { kind: "good", key: "flash.person-added", vars: { name: "bea@example.org" } };
const noteHeader = (given: Uint8Array): Header => [
  ["server-secret", hex(sessionSecret)],
  ["cookie", hex(given)],
  ["note", JSON.stringify(note)],
];
const carried = wrapNote(sessionSecret, cookie, note);
write("right", "success", "what the browser carries to the next page", noteHeader(cookie), carried);
write("other-cookie", "open failure", "another cookie", noteHeader(flipped(cookie, 1)), carried);
write("altered", "open failure", "one bit of the ciphertext", noteHeader(cookie), flipped(carried, -1));

construction = "opened";
const openedHeader = (given: Uint8Array, at: Uint8Array): Header => [
  ["cookie", hex(given)],
  ["generation", hex(at)],
  ["plaintext", hex(plaintext)],
];
const kept = wrapOpened(cookie, plaintext, generation);
write("right", "success", "what a session opened, in memory", openedHeader(cookie, generation), kept);
write("other-cookie", "open failure", "another cookie", openedHeader(flipped(cookie, 1), generation), kept);
write("other-generation", "open failure", "of an earlier generation", openedHeader(cookie, randomBytes(16)), kept);

construction = "queued-notice";
const notice = { to: "ada@example.net", subject: "Your password", text: "There is something to look at.\n" };
const noticeHeader = (given: Uint8Array): Header => [
  ["secret", hex(given)],
  ["notice", JSON.stringify(notice)],
];
const waiting = wrapNotice(secret, notice);
write("right", "success", "a notice that waits to be mailed: base64url", noticeHeader(secret), waiting);
write("other-secret", "open failure", "another server secret", noticeHeader(flipped(secret, 2)), waiting);

construction = "edge";
const edge = { inviteeId: account, inviterId: bea, month: "2026-11" };
const sealedEdge = await review.sealEdge(pair.publicKey, edge);
const edgeHeader = (privateKey: [string, string], of: Uint8Array): Header => [
  privateKey,
  ["invitee", edge.inviteeId],
  ["inviter", edge.inviterId],
  ["month", edge.month],
  ["mark", hex(review.edgeMark(of))],
];
write(
  "right",
  "success",
  "who came by whom, and when, for the review key",
  edgeHeader(PRIVATE, sealedEdge),
  sealedEdge,
);
write("other-key", "open failure", "for another review key", edgeHeader(OTHER, sealedEdge), sealedEdge);
write(
  "other-mark",
  "hash mismatch",
  "the mark of another seal of the same edge",
  edgeHeader(PRIVATE, await review.sealEdge(pair.publicKey, edge)),
  sealedEdge,
);

construction = "grant";
const reviewPair = await makeKeypair(randomUUID(), month);
const grantHeader = (privateKey = PRIVATE, fingerprint = reviewPair.fingerprint): Header => [
  privateKey,
  ["review-fingerprint", hex(fingerprint)],
  ["review-key", hex(reviewPair.privateKey)],
  ["granter", hex(other.fingerprint)],
];
const grant = await review.sealGrant(pair.publicKey, await readPrivateKey(reviewPair.privateKey), other.fingerprint);
write("right", "success", "the private review key, for one admin", grantHeader(), grant);
write("other-key", "open failure", "for another admin", grantHeader(OTHER), grant);
write("other-review-key", "open failure", "of another review key", grantHeader(PRIVATE, pair.fingerprint), grant);

construction = "recovery-key";
const phrase = review.newRecoveryPhrase();
const recoveryHeader = (changes: { phrase?: string; secret?: Uint8Array; id?: string } = {}): Header => [
  ["phrase", changes.phrase ?? phrase],
  ["secret", hex(changes.secret ?? secret)],
  ["id", changes.id ?? rowId],
  PRIVATE,
];
const lockedRecovery = review.lockRecoveryKey(review.readRecoveryPhrase(phrase)!, pair.privateKey, secret, rowId);
write("right", "success", "by the phrase, below the server secret", recoveryHeader(), lockedRecovery);
const otherPhrase = review.newRecoveryPhrase();
write("other-phrase", "open failure", "another phrase", recoveryHeader({ phrase: otherPhrase }), lockedRecovery);
const misheard = phrase.split(" ").reverse().join(" ");
if (review.readRecoveryPhrase(misheard) === undefined) {
  write("no-phrase", "no match", "words that don't fit together", recoveryHeader({ phrase: misheard }), lockedRecovery);
}
write(
  "other-secret",
  "open failure",
  "another server secret",
  recoveryHeader({ secret: flipped(secret, 4) }),
  lockedRecovery,
);
write("other-row", "open failure", "another row", recoveryHeader({ id: randomUUID() }), lockedRecovery);

construction = "review-notes";
const notes = randomBytes(90);
const sealedNotes = await review.sealNotes(pair.publicKey, notes);
const notesHeader = (privateKey = PRIVATE, sealedKey = sealedNotes.sealed_key): Header => [
  privateKey,
  ["sealed-key", hex(sealedKey)],
  ["plaintext", hex(notes)],
];
write("right", "success", "what was read of many edges, as one", notesHeader(), sealedNotes.box);
write("other-key", "open failure", "for another review key", notesHeader(OTHER), sealedNotes.box);
write(
  "other-row",
  "open failure",
  "beside the key of another row",
  notesHeader(PRIVATE, (await review.sealNotes(pair.publicKey, notes)).sealed_key),
  sealedNotes.box,
);
