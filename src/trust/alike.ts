import type { Session } from "../accounts/sessions.js";
import { type ChangeExtras, changeState, type OwnState, openOwnState, type PrivateState } from "../accounts/state.js";
import { parseName } from "../accounts/username.js";
import type { Context } from "../context.js";
import { settleLetters } from "../invites/settle-letters.js";
import { findPersonByName, type Person } from "../people/people.js";
import type { OpenLetter, PastLetter } from "../protocol/self-record.js";
import { type NewKey, prepareRekey } from "./rekey.js";

// List, rules and letters are about others. Who reads Kith's log and numbers, or what the database wrote and counted,
// finds that somebody looked at one of them or changed one; not which.

/** What every change has at hand, needed or not. */
interface AtHand {
  /** Who bears the typed name now. */
  person: Person | undefined;
  /** A keypair to be taken; undefined if the password is wrong or missing. */
  newKey: NewKey | undefined;
  /** Letters that were open until now, and are not any more. */
  became: Map<OpenLetter, PastLetter["outcome"]>;
}

/**
 * The way of every change of the list, its rules and letters. All look up a person, find out what became of letters and
 * make a keypair ready under the password, also where that is not needed: neither the time taken, as Kith's log and
 * numbers have it, nor what the database counts may tell which kind of change it was, or whether the key is kept.
 *
 * @param decide alters the state
 */
export async function changeAlike<Outcome>(
  context: Context,
  session: Session,
  typed: { username?: string; password?: string | undefined },
  decide: (state: PrivateState, atHand: AtHand) => Promise<{ store: boolean; outcome: Outcome; extras?: ChangeExtras }>,
): Promise<Outcome> {
  const name = parseName(typed.username ?? "", context.config.domains);
  // Where none is typed the own one: the database counts rows that are found.
  const { domain, username } = name ?? session.account;
  const found = await findPersonByName(context, domain, username);
  const person = name && found;
  const { outcome, account } = await changeState(context, session, async (state) => {
    const became = await settleLetters(context, state);
    return await decide(state, { person, newKey: await prepareRekey(context, state.account, typed.password), became });
  });
  session.account = account;
  return outcome;
}

/** What the pages of list, rules and letters read, needed or not; what became of letters is not stored. */
export async function readAlike(context: Context, session: Session): Promise<OwnState> {
  const state = await openOwnState(context, session);
  await settleLetters(context, state);
  return state;
}
