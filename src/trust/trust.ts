import { nameOf } from "../accounts/account.js";
import type { Session } from "../accounts/sessions.js";
import { addEntry, hasRoom, type PrivateState, type TrustedPerson } from "../accounts/state.js";
import { parseName } from "../accounts/username.js";
import type { Context } from "../context.js";
import { dayOf, monthOf } from "../days.js";
import { toHex } from "../protocol/bytes.js";
import { changeAlike } from "./alike.js";
import { type Rekeyed, rekey } from "./rekey.js";

/** Days that a reset can be made to wait. */
export const MAX_WAIT_DAYS = 30;

export type AddOutcome = "added" | "known" | "self" | "unknown" | "full" | "no-room";

/** Adds a trusted person by username. That person is neither asked nor told. */
export async function addTrusted(context: Context, session: Session, username: string): Promise<AddOutcome> {
  return await changeAlike<AddOutcome>(context, session, { username }, async (state, { person }) => {
    const refuse = (outcome: AddOutcome) => ({ store: false, outcome });
    if (person?.id === state.account.id) return refuse("self");
    if (state.trusted.some((trusted) => trusted.trustedId === person?.id)) return refuse("known");
    if (person?.status !== "active") return refuse("unknown");
    if (!addEntry(state, person, monthOf(context.clock()))) return refuse("full");
    if (!hasRoom(state)) return refuse("no-room");
    noteListChange(context, state, "person-added", person.name);
    return { store: true, outcome: "added" };
  });
}

function noteListChange(context: Context, state: PrivateState, kind: string, name: string): void {
  const day = dayOf(context.clock());
  state.record.events.push({ kind, day, values: { name } });
  state.record.lastListChange = day;
  state.record.listConfirmed = day;
}

function findEntry(context: Context, state: PrivateState, typedName: string): TrustedPerson | undefined {
  const name = parseName(typedName, context.config.domains);
  return name && state.trusted.find((trusted) => trusted.name === nameOf(name));
}

export type RemoveOutcome =
  | { outcome: "removed"; rekeyed?: Rekeyed }
  | { outcome: "unknown" }
  /** Fewer than k would be left, and `confirm` was not given. */
  | { outcome: "confirm"; left: number; needsPassword: boolean }
  | { outcome: "wrong-password"; left: number; below: boolean };

/**
 * Removes a trusted person. Where the key is kept this makes a new keypair, since an old backup together with former
 * helpers would otherwise open later ones; that needs the password.
 */
export async function removeTrusted(
  context: Context,
  session: Session,
  input: { username: string; confirmed: boolean; password: string | undefined },
): Promise<RemoveOutcome> {
  return await changeAlike<RemoveOutcome>(context, session, input, async (state, { newKey }) => {
    const refuse = (outcome: RemoveOutcome) => ({ store: false, outcome });
    const entry = findEntry(context, state, input.username);
    if (!entry) return refuse({ outcome: "unknown" });
    const { rules } = state.record;
    const others = state.trusted.filter((trusted) => trusted !== entry);
    const left = usablePeople(others).length;
    // Below k people on the list, or below k who can help now where this one could.
    const below = others.length < rules.threshold || (left < rules.threshold && usablePeople([entry]).length > 0);
    if (!input.confirmed && below) return refuse({ outcome: "confirm", left, needsPassword: rules.keepsKey });
    state.trusted = others;
    noteListChange(context, state, "person-removed", entry.name);
    if (!rules.keepsKey) return { store: true, outcome: { outcome: "removed" } };
    if (!newKey) return refuse({ outcome: "wrong-password", left, below });
    const rekeyed = await rekey(context, session, state, newKey);
    return { store: true, outcome: { outcome: "removed", rekeyed }, extras: rekeyed.extras };
  });
}

export type RulesInput = {
  threshold: number;
  waitDays: number;
  keepsKey: boolean;
  password: string | undefined;
};

export type RulesOutcome =
  | { outcome: "saved"; rekeyed?: Rekeyed }
  | { outcome: "fault"; field: "threshold" | "wait_days" | "keep_key"; code: RulesFault; max: number }
  | { outcome: "wrong-password" };
export type RulesFault = "threshold" | "nobody" | "wait" | "keep-needs-two" | "kept-needs-two" | "keep-admin";

/** Sets how many must agree, how long to wait and whether the key is kept. */
export async function setRules(context: Context, session: Session, input: RulesInput): Promise<RulesOutcome> {
  return await changeAlike<RulesOutcome>(context, session, { password: input.password }, async (state, { newKey }) => {
    const refuse = (outcome: RulesOutcome) => ({ store: false, outcome });
    const count = state.trusted.length;
    const { threshold, waitDays } = input;
    const before = state.record.rules;
    const isMember = state.account.role === "member";
    // Whoever has become an admin is not asked: the key is kept until the next sign-in makes a new one.
    const keepsKey = isMember ? input.keepsKey : before.keepsKey;
    const fault = (field: "threshold" | "wait_days" | "keep_key", code: RulesFault, max: number) =>
      refuse({ outcome: "fault", field, code, max });
    if (!Number.isInteger(threshold) || threshold < 1) return fault("threshold", "threshold", Math.max(count, 1));
    if (threshold > count && threshold !== 1) return fault("threshold", "threshold", Math.max(count, 1));
    if (!Number.isInteger(waitDays) || waitDays < 0 || waitDays > MAX_WAIT_DAYS) {
      return fault("wait_days", "wait", MAX_WAIT_DAYS);
    }
    // Admins have no box for the key: what is wrong with it is said at the first thing they can choose.
    if (input.keepsKey && !isMember) return fault("threshold", "keep-admin", 0);
    if (keepsKey && threshold < 2) {
      return isMember ? fault("keep_key", "keep-needs-two", 2) : fault("threshold", "kept-needs-two", 2);
    }
    state.record.rules = { threshold, waitDays, keepsKey };
    const day = dayOf(context.clock());
    state.record.events.push({ kind: "rules-changed", day, values: { threshold, days: waitDays } });
    if (keepsKey === before.keepsKey) return { store: true, outcome: { outcome: "saved" } };
    // Turning it on asks for the password too: it gives k people together what only the password opened.
    if (!newKey) return refuse({ outcome: "wrong-password" });
    // Turning it off makes a new keypair: an old backup and k former helpers must not open what comes later.
    if (keepsKey) return { store: true, outcome: { outcome: "saved" } };
    const rekeyed = await rekey(context, session, state, newKey);
    return { store: true, outcome: { outcome: "saved", rekeyed }, extras: rekeyed.extras };
  });
}

export type ConfirmOutcome = "confirmed" | "unknown" | "counts" | "other-key";

/**
 * "I asked: keep trusting bea": takes the new key of a held person for hers.
 *
 * @param asked the fingerprint that the page showed the question for, in hexadecimal; empty: not said. Whoever was reset
 * once more while the owner rang is to be asked about again
 */
export async function confirmTrusted(
  context: Context,
  session: Session,
  username: string,
  asked = "",
): Promise<ConfirmOutcome> {
  return await changeAlike<ConfirmOutcome>(context, session, { username }, async (state) => {
    const entry = findEntry(context, state, username);
    if (entry?.standing === "usable") return { store: false, outcome: "counts" };
    if (entry?.standing !== "new-key" || !entry.person) return { store: false, outcome: "unknown" };
    if (asked !== "" && asked !== toHex(entry.person.fingerprint)) return { store: false, outcome: "other-key" };
    Object.assign(entry, {
      fingerprint: entry.person.fingerprint,
      resetMark: entry.person.resetMark,
      held: false,
      standing: "usable",
    });
    noteListChange(context, state, "person-confirmed", entry.name);
    return { store: true, outcome: "confirmed" };
  });
}

/** Who can help right now, and whether they are enough. */
export function usablePeople(trusted: readonly TrustedPerson[]): TrustedPerson[] {
  return trusted.filter((person) => person.standing === "usable" && !person.held);
}
