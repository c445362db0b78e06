import { type AccountRow, findAccountByName } from "#kith/accounts/account.js";
import { selectRelations } from "#kith/accounts/queries.js";
import { secondStepOf } from "#kith/accounts/second-step.js";
import { openSession, type Session } from "#kith/accounts/sessions.js";
import { signIn } from "#kith/accounts/sign-in.js";
import { openOwnState } from "#kith/accounts/state.js";
import { grantedToEverybody } from "#kith/invites/granted.js";
import { findLetter } from "#kith/invites/redeem.js";
import { findPersonByName } from "#kith/people/people.js";
import { toHex } from "#kith/protocol/bytes.js";
import { openColumn } from "#kith/protocol/column.js";
import { type PrivateKey, readPrivateKey } from "#kith/protocol/keypair.js";
import { open } from "#kith/protocol/seal.js";
import { findHandover } from "#kith/resets/handover.js";
import { help } from "#kith/resets/help.js";
import { ownCases } from "#kith/resets/stop.js";
import { actsOnOwnAccount } from "#kith/review/events.js";
import { currentReviewKey, openReview, presentAdmins, readerIds } from "#kith/review/keys.js";
import { lastOpening } from "#kith/review/page-data.js";
import type { Community } from "./community.js";
import type { Random } from "./random.js";

/**
 * What is possible and what is believed, by a name for each: `"no"` is a refusal. Whatever else than a refusal or what
 * is true comes out after a change, was let in.
 */
export type Facts = Map<string, string>;

const NO = "no";

/** What anybody can do without signing in anew, or who is on everybody's pages; nothing is changed. */
async function lookAround({ place, letters, links }: Community, facts: Facts): Promise<void> {
  const { context } = place;
  for (const [label, text] of letters) {
    const letter = await findLetter(context, text);
    facts.set(`letter ${label} is good`, letter ? `by ${letter.inviter?.name}` : NO);
  }
  for (const [label, text] of links) {
    const handover = await findHandover(context, text);
    facts.set(`link of ${label} is alive`, handover ? handover.name : NO);
  }
  const names = (rows: AccountRow[]) => rows.map(({ username }) => username);
  const admins = await presentAdmins(context);
  for (const name of names(admins)) facts.set(`${name} is an admin`, "yes");
  const readers = await readerIds(context);
  for (const admin of admins) facts.set(`${admin.username} reads the tree`, readers.has(admin.id) ? "yes" : NO);
  const key = await currentReviewKey(context);
  facts.set("the review key", key ? toHex(key.fingerprint) : NO);
  const granted = await grantedToEverybody(context);
  facts.set("invites for everybody", granted.count === 0 ? NO : String(granted.count));
  const opening = await lastOpening(context);
  facts.set("the tree was opened", opening ? `${opening.day} ${opening.by}` : NO);
}

/** What a browser with this cookie may do. */
async function lookWithCookie(
  { place }: Community,
  label: string,
  cookie: string,
  facts: Facts,
): Promise<Session | undefined> {
  const { context } = place;
  const session = await openSession(context, cookie);
  facts.set(`session of ${label}`, session ? `${session.account.username}, ${session.account.role}` : NO);
  if (!session) return undefined;
  if (session.account.role === "admin" || ["mal", "rana"].includes(label)) {
    const review = await openReview(context, session.account, await session.privateKey());
    facts.set(`${label} opens the tree`, review ? toHex(review.current.fingerprint) : NO);
  }
  for (const { chosen, agreed } of await ownCases(context, session)) {
    const what = `a reset of ${label}, ${chosen ? "chosen" : "not chosen"}`;
    facts.set(what, "yes");
    for (let count = 1; count <= agreed; count++) facts.set(`${what}, ${count} agreed`, "yes");
  }
  return session;
}

async function lookAtName({ place }: Community, name: string, facts: Facts): Promise<void> {
  const { context } = place;
  const person = await findPersonByName(context, "localhost", name);
  facts.set(`others see ${name}`, person ? `${person.id} ${toHex(person.fingerprint)} ${person.status}` : NO);
  const account = await findAccountByName(context, "localhost", name);
  facts.set(`${name} is a`, account ? `${account.id} ${account.role} ${account.status} ${account.frozen}` : NO);
  if (!account) return;
  facts.set(`second step of ${name}`, secondStepOf(context, account) ? "on" : "off");
  const contact = openColumn(context.secret, "contact", account.id, account.contact);
  facts.set(`contact of ${name}`, contact || NO);
}

/** What one password opens, and what stands in the account then. A sign-in that succeeds changes the account. */
async function lookWithPassword(
  community: Community,
  [name, label, password]: Community["passwords"][number],
  facts: Facts,
): Promise<boolean> {
  const { context } = community.place;
  const what = `${name} signs in with the password: ${label}`;
  const grantsBefore = new Set((await sealedGrants(community)).map(toHex));
  const answer = await signIn(context, { username: name, password, client: "probe" });
  facts.set(what, ["wrong", "suspended", "frozen"].includes(answer.outcome) ? NO : answer.outcome);
  if (answer.outcome === "waiting") {
    for (let agreed = 1; agreed <= answer.standing.agreed; agreed++) facts.set(`${what}, ${agreed} agreed`, "yes");
    facts.set(`${what}, needs`, `${answer.standing.threshold} after ${answer.standing.waitDays} days`);
  }
  if (answer.outcome !== "signed-in") return false;
  facts.set(`${what}: a reset`, answer.reset);
  const session = await openSession(context, answer.cookie);
  if (!session) return true;
  const { record, trusted } = await openOwnState(context, session);
  const { threshold, waitDays, keepsKey } = record.rules;
  facts.set(`rules of ${name}`, `${threshold} after ${waitDays} days, kept ${keepsKey}`);
  for (const entry of trusted) {
    const counts = entry.standing === "usable" && !entry.held;
    facts.set(`${name} counts on ${entry.name}`, counts ? toHex(entry.fingerprint) : NO);
  }
  facts.set(`invites of ${name}`, String(record.invitesLeft));
  for (const one of await actsOnOwnAccount(context, session.account.id, await session.privateKey(), record)) {
    facts.set(`${name} was told: ${one.kind} by ${one.by} at ${one.at}`, one.reason);
  }
  await lookWhatKeysOpen(community, session.account, grantsBefore, facts);
  return true;
}

async function sealedGrants({ place }: Community): Promise<Uint8Array[]> {
  const rows = await place.context.db.selectFrom("review_grants").select("sealed").execute();
  return rows.map(({ sealed }) => sealed);
}

/**
 * What was sealed just now, and opens to the keys of those who write to the database. What they sealed, or put back from
 * the time when it was sealed to them, is no news to them.
 */
async function lookWhatKeysOpen(
  community: Community,
  account: AccountRow,
  grantsBefore: ReadonlySet<string>,
  facts: Facts,
): Promise<void> {
  const { place, keys } = community;
  const tokens = (await selectRelations(place.context.db, account.id)).map((row) => row.sealed_token);
  const grants = (await sealedGrants(community)).filter((sealed) => !grantsBefore.has(toHex(sealed)));
  for (const [whose, bytes] of keys) {
    const key = await cachedKey(bytes);
    for (const sealed of tokens)
      if (await open(key, sealed)) facts.set(`a token of ${account.username} for ${whose}`, "yes");
    for (const sealed of grants) if (await open(key, sealed)) facts.set(`the review key for ${whose}`, "yes");
  }
}

const parsed = new Map<Uint8Array, Promise<PrivateKey>>();
function cachedKey(bytes: Uint8Array): Promise<PrivateKey> {
  const key = parsed.get(bytes) ?? readPrivateKey(bytes);
  parsed.set(bytes, key);
  return key;
}

async function lookWhomHelps(
  { place }: Community,
  [helper, session]: [string, Session],
  name: string,
  facts: Facts,
): Promise<void> {
  const answer = await help(place.context, session, name, false);
  facts.set(`${helper} can help ${name}`, answer.outcome === "none" ? NO : "yes");
  if (answer.outcome !== "compare") return;
  for (const one of answer.cases) {
    facts.set(`${helper} sees the words for ${name}: ${one.words.join(" ")}`, `mine ${one.approvedByMe}`);
    for (let agreed = 1; agreed <= one.agreed; agreed++) {
      facts.set(`${helper} sees for ${name}: ${one.words.join(" ")}, ${agreed} agreed`, "yes");
    }
  }
}

/** Whom a look is about, and how thorough it is. */
export interface Scope {
  names: readonly string[];
  /** Whether everything is tried, or a sample of what costs much. */
  everything: boolean;
  /** Which of the right passwords is taken, where there are two; default: any. */
  right?: string;
  /** Whose sessions are tried in any case. */
  sessions?: readonly string[];
}

/** Whether a password signs in, as things stand. */
export function isOpening(label: string): boolean {
  return label === "present" || label === "ripe";
}

/**
 * Tries what is in reach of everybody, of whoever writes to the database, and of these members.
 *
 * Whoever signs in does so at the end, and only once: that changes the account.
 */
export async function look(community: Community, scope: Scope, random: Random): Promise<Facts> {
  const facts: Facts = new Map();
  await lookAround(community, facts);
  const sessions = new Map<string, Session>();
  const near = new Set([...scope.names, "mal", "rana", "nour"]);
  const browsers = new Set([...near, ...(scope.sessions ?? [])]);
  for (const [label, cookie] of community.cookies) {
    if (!scope.everything && !browsers.has(label) && random.below(8) > 0) continue;
    const session = await lookWithCookie(community, label, cookie, facts);
    if (session) sessions.set(label, session);
  }
  for (const name of near) await lookAtName(community, name, facts);
  for (const name of scope.names) {
    for (const [label, session] of sessions) {
      if (label === name || (!scope.everything && label !== "mal" && random.below(4) > 0)) continue;
      await lookWhomHelps(community, [label, session], name, facts);
    }
  }
  for (const name of scope.names) {
    const own = random.shuffled(community.passwords.filter(([of]) => of === name));
    const tried = scope.everything ? own : own.slice(0, 1);
    for (const one of tried.filter(([, label]) => !isOpening(label))) await lookWithPassword(community, one, facts);
    const right = own.filter(([, label]) => isOpening(label) && (scope.right === undefined || scope.right === label));
    for (const one of right.slice(0, 1)) await lookWithPassword(community, one, facts);
  }
  return facts;
}
