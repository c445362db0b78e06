import { createAccount } from "../accounts/join.js";
import { checkPassword, type PasswordFault } from "../accounts/password-policy.js";
import { checkUsername, labelOf, normaliseUsername } from "../accounts/username.js";
import type { Context } from "../context.js";
import { dayFromNumber, dayNumber, dayOf } from "../days.js";
import { findPersons, type Person } from "../people/people.js";
import { toHex } from "../protocol/bytes.js";
import {
  encloseInvitee,
  type Letter,
  type LetterKind,
  NO_INVITER,
  newLetterNonce,
  readLetter,
  spentLetterHash,
} from "../protocol/letter.js";
import { newEdge } from "../review/edges.js";
import { foundReviewKey, storeFounded } from "../review/keys.js";
import { isFounded } from "./first-admin.js";
import * as queries from "./queries.js";

/** A letter that can be redeemed now. */
export interface GoodLetter {
  kind: LetterKind;
  inviter: Person | undefined;
  domain: string;
  expires: string;
  letter: Letter;
}

/**
 * Finds out whether a letter is good. The same look-ups for every letter, good or not.
 *
 * @returns undefined for a letter that is unknown, used, taken back, run out, or whose inviter may not invite: one answer
 */
export async function findLetter(context: Context, text: string): Promise<GoodLetter | undefined> {
  const letter = readLetter(context.secret, text);
  const hash = spentLetterHash(letter?.nonce ?? newLetterNonce());
  const known = context.seen.letters.has(toHex(hash));
  const invitedBy = letter && letter.inviterId !== NO_INVITER ? [letter.inviterId] : [];
  const [spent, persons] = await Promise.all([
    queries.selectSpent(context.db, [hash]),
    findPersons(context, invitedBy),
  ]);
  if (spent.length > 0) context.seen.letters.add(toHex(hash));
  const domain = letter && context.config.domains[letter.domainNumber];
  const isSpent = known || spent.length > 0;
  if (!domain || isSpent || letter.expiryDay < dayNumber(dayOf(context.clock()))) return undefined;
  const inviter = persons.get(letter.inviterId);
  if (letter.kind === "member" ? !inviter?.mayInvite : letter.inviterId !== NO_INVITER) return undefined;
  if (letter.kind === "first-admin" && (await isFounded(context))) return undefined;
  return { kind: letter.kind, inviter, domain, expires: dayFromNumber(letter.expiryDay), letter };
}

export type RedeemOutcome =
  | { outcome: "dead" }
  | { outcome: "joined"; cookie: string; username: string; trusts: string | undefined }
  | {
      outcome: "fault";
      good: GoodLetter;
      username?: "missing" | "shape" | "reserved" | "taken";
      password?: PasswordFault;
    };

export interface Redeeming {
  username: string;
  password: string;
  trustInviter: boolean;
  language: string;
  client: string;
}

/**
 * Redeems a letter: makes the account and spends the letter in one statement; the second of two fails.
 *
 * @throws BusyError if too many are waiting
 */
export async function redeem(context: Context, text: string, input: Redeeming): Promise<RedeemOutcome> {
  const good = await findLetter(context, text);
  if (!good) return { outcome: "dead" };
  const username = normaliseUsername(input.username).replace(new RegExp(`@${escapeRegExp(good.domain)}$`), "");
  const shape = username === "" ? "missing" : checkUsername(username);
  const { passwordMin, domains, name: serviceName } = context.config;
  const password = checkPassword(input.password, passwordMin, { username, domains, serviceName });
  if (shape !== "ok" || password) {
    return { outcome: "fault", good, ...(shape !== "ok" && { username: shape }), ...(password && { password }) };
  }
  const { letter, inviter } = good;
  const hash = spentLetterHash(letter.nonce);
  const founded = good.kind === "first-admin" ? await foundReviewKey(context) : undefined;
  const role = good.kind === "admin" || good.kind === "first-admin" ? "admin" : "member";
  const made = await createAccount(context, {
    username,
    domain: good.domain,
    password: input.password,
    role,
    trusted: input.trustInviter ? inviter : undefined,
    edge: (id) => newEdge(context, id, letter.inviterId, founded?.row),
    isGood: async () => (await findLetter(context, text)) !== undefined,
    spend: (id) => ({ nonce_hash: hash, invitee: encloseInvitee(letter.nonce, id) }),
    language: input.language,
    client: input.client,
    ...(founded && { founding: (db, founder) => storeFounded(context, db, founded, founder) }),
  });
  if (made === "spent" || made === "has-admin") return { outcome: "dead" };
  if (made === "taken") return { outcome: "fault", good, username: "taken" };
  context.seen.letters.add(toHex(hash));
  // Read once by its writer: whoever reads it first leaves a trace in its page, and that would be the inviter.
  await queries.selectSpent(context.db, [hash]);
  if (role === "admin") context.seen.founded = true;
  const trusts = input.trustInviter && inviter ? labelOf(context, inviter) : undefined;
  return { outcome: "joined", cookie: made.cookie, username, trusts };
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
