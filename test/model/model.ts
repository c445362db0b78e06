// Who can reset whom, as plain facts in memory: what Kith has to amount to, whatever it seals and hashes.
// Nothing in here knows of keys but as numbers, and nothing is shared with src/ but the constants of the protocol.

export const SLOTS = 4;
const CASE_DAYS = 44;
const LOST_SECOND_STEP_DAYS = 3;

export interface Rules {
  threshold: number;
  waitDays: number;
  keepsKey: boolean;
}

export type Standing = "usable" | "new-key" | "suspended";

/** One person on somebody's list. */
export interface Entry {
  name: string;
  /** The key that the owner last said yes to. */
  confirmedKey: number;
}

export interface Case {
  id: string | undefined;
  helper: string;
  openedOn: number;
  link: string;
  /** `lost`: it was said that the second step is lost. */
  chosen: { password: string; on: number; lost: boolean } | undefined;
  approvals: Set<string>;
}

export interface Member {
  name: string;
  password: string;
  /** Passwords that once were right, or were chosen in a reset that ended. */
  stale: string[];
  active: boolean;
  key: number;
  resets: number;
  list: Entry[];
  rules: Rules;
  /** Who holds a token of the present generation, by the key it was made for. */
  tokens: Map<string, number>;
  /** Whether k tokens of the present generation give the key back. */
  keyIsKept: boolean;
  cases: Case[];
  /** Whether the one session that the tests hold is still good. */
  signedIn: boolean;
}

export class Model {
  readonly members = new Map<string, Member>();
  day = 0;
  #keys = 0;

  constructor(readonly hold: boolean) {}

  get names(): string[] {
    return [...this.members.keys()];
  }

  of(name: string): Member {
    return this.members.get(name) as Member;
  }

  newKey(): number {
    this.#keys += 1;
    return this.#keys;
  }

  join(name: string, password: string, inviter: string | undefined): void {
    const member: Member = {
      name,
      password,
      stale: [],
      active: true,
      key: this.newKey(),
      resets: 0,
      list: inviter ? [{ name: inviter, confirmedKey: this.of(inviter).key }] : [],
      rules: { threshold: 1, waitDays: 0, keepsKey: false },
      tokens: new Map(),
      keyIsKept: false,
      cases: [],
      signedIn: true,
    };
    this.members.set(name, member);
    this.regenerate(member);
  }

  standing(entry: Entry): Standing {
    const person = this.of(entry.name);
    if (!person.active) return "suspended";
    return this.hold && person.key !== entry.confirmedKey ? "new-key" : "usable";
  }

  usable(list: readonly Entry[]): Entry[] {
    return list.filter((entry) => this.standing(entry) === "usable");
  }

  /** Every change of a member's own state: new tokens for whoever counts now, and the end of every case. */
  regenerate(member: Member): void {
    const usable = this.usable(member.list);
    for (const entry of usable) entry.confirmedKey = this.of(entry.name).key;
    member.tokens = new Map(usable.map((entry) => [entry.name, this.of(entry.name).key]));
    const { keepsKey, threshold } = member.rules;
    member.keyIsKept = keepsKey && threshold >= 2 && usable.length >= threshold;
    this.endCases(member);
  }

  endCases(member: Member): void {
    for (const one of member.cases) if (one.chosen) member.stale.push(one.chosen.password);
    member.cases = [];
  }

  /** Whether a helper who is signed in can prove a token of a member. */
  canHelp(helper: string, name: string): boolean {
    const member = this.members.get(name);
    if (!member?.active || helper === name) return false;
    return member.tokens.get(helper) === this.of(helper).key;
  }

  openCases(member: Member): Case[] {
    return member.cases.filter((one) => one.openedOn + CASE_DAYS >= this.day);
  }

  /** The last day of a link: a password chosen later could not take effect before the case is over. */
  lastDay(member: Member, one: Case, lost = false): number {
    return one.openedOn + CASE_DAYS - this.waitDays(member, lost);
  }

  /** Also where nobody has a second step: whether there is one is nobody's affair. */
  waitDays(member: Member, lost: boolean): number {
    return Math.max(member.rules.waitDays, lost ? LOST_SECOND_STEP_DAYS : 0);
  }

  linkIsAlive(member: Member, one: Case, lost: boolean): boolean {
    return member.active && !one.chosen && member.cases.includes(one) && this.day <= this.lastDay(member, one, lost);
  }

  ripe(member: Member, one: Case): boolean {
    return this.daysLeft(member, one) === 0 && one.approvals.size >= member.rules.threshold;
  }

  daysLeft(member: Member, one: Case): number {
    const { on = 0, lost = false } = one.chosen ?? {};
    return Math.max(0, on + this.waitDays(member, lost) - this.day);
  }

  /** The password of a ripe case was used. @returns whether the key was kept */
  complete(member: Member, one: Case): boolean {
    const kept = member.keyIsKept;
    member.stale.push(member.password);
    member.password = one.chosen?.password as string;
    if (one.chosen) one.chosen = undefined;
    member.resets += 1;
    if (!kept) {
      member.key = this.newKey();
      member.list = [];
      member.rules = { threshold: 1, waitDays: 0, keepsKey: false };
    }
    this.regenerate(member);
    return kept;
  }

  /** The same list under a new key. */
  rekey(member: Member): void {
    member.key = this.newKey();
    this.regenerate(member);
  }
}
