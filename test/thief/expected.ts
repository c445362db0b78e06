// Who opens what after the story of story.ts, worked out from who trusts, invited, helped and reviewed whom. Anything
// that is not listed is not there.

const MEMBERS = [
  ...["ada", "bea", "cem", "dora", "emil", "fay", "gil", "hana", "ivo", "juna"],
  ...["kaja", "lou", "malu", "nils", "nour", "olga", "pia", "rosa", "sami"],
];
/** Those whose first key is not their present one. */
const PRESENT_KEY: Record<string, string> = { dora: "dora 2", gil: "gil 2" };
const keyOf = (name: string) => PRESENT_KEY[name] ?? `${name} 1`;

/** The tokens of everybody who trusts somebody; all other slots are for nobody. */
const TOKENS: Record<string, string> = {
  // Dora has a new key, and ada has not signed in since: what she sealed is for the one that is gone.
  ada: "bea 1, cem 1, dora 1, nobody",
  gil: "ada 1, bea 1, 2 nobody",
  ivo: "hana 1, juna 1, 2 nobody",
  juna: "fay 1, 3 nobody",
  kaja: "emil 1, fay 1, gil 1, nobody",
  lou: "bea 1, 3 nobody",
  malu: "cem 1, 3 nobody",
  nils: "ada 1, cem 1, 2 nobody",
  olga: "nour 1, 3 nobody",
  pia: "bea 1, 3 nobody",
};

export const EARLIER: Record<string, string> = {
  ...Object.fromEntries(
    MEMBERS.flatMap((name) => [
      [`accounts.self_record of ${name}`, keyOf(name)],
      // The second review key took over when rosa left; only sami came after that.
      [`accounts.edge of ${name}`, name === "sami" ? "review 2" : "review 1"],
      [`relations.sealed_trusted of ${name}`, `4 ${keyOf(name)}`],
      [`relations.sealed_token of ${name}`, TOKENS[name] ?? "4 nobody"],
    ]),
  ),
  "accounts.self_record of the decoy": "nobody",
  "accounts.edge of the decoy": "nobody",
  "relations.sealed_trusted of the decoy": "4 nobody",
  "relations.sealed_token of the decoy": "4 nobody",

  // Before the choice only the link opens the rules, afterwards only the new password.
  "reset_cases.rules of lou": "nobody",
  "reset_cases.rules of malu": "pending malu",
  "reset_cases.rules of nils": "pending nils",
  "reset_cases.rules of olga": "pending olga",
  "approvals.sealed of nils": "pending nils",
  "approvals.sealed of olga": "pending olga",

  "review_keys.previous of key 1": "nobody",
  "review_keys.previous of key 2": "review 2",
  "review_grants.sealed of nour, key 1": "nour 1",
  "review_grants.sealed of nour, key 2": "nour 1",
  "review_grants.sealed of bea, key 1": "bea 1",
  "review_grants.sealed of bea, key 2": "bea 1",
  "review_grants.sealed of the recovery key, key 1": "recovery",
  "review_grants.sealed of the recovery key, key 2": "recovery",
  "review_notes.sealed_key of key 2": "review 2",

  "admin_acts.sealed of act 1, made-admin": "review 1",
  "admin_acts.sealed of act 2, confirmed": "review 1",
  "admin_acts.sealed of act 3, made-admin": "review 1",
  "admin_acts.sealed of act 4, confirmed": "review 1",
  "admin_acts.sealed of act 5, recovery-phrase": "review 1",
  "admin_acts.sealed of act 6, unmade-admin": "review 1",
  "admin_acts.sealed of act 7, suspended": "review 2",
  "admin_acts.sealed of act 8, invites": "review 2",
  "admin_acts.sealed of act 9, tree-opened": "review 2",
  "admin_act_persons.sealed of act 1, made-admin": "review 1",
  "admin_act_persons.sealed of act 2, confirmed": "review 1",
  "admin_act_persons.sealed of act 3, made-admin": "review 1",
  "admin_act_persons.sealed of act 4, confirmed": "review 1",
  "admin_act_persons.sealed of act 6, unmade-admin": "review 1",
  "admin_act_persons.sealed of act 7, suspended": "review 2",
  "admin_act_persons.sealed of act 8, invites": "review 2",

  // Made an admin, confirmed, and no admin any more; bea has read hers.
  "events.sealed of rosa": "3 rosa 1",
  "events.sealed of hana": "hana 1",
  "events.sealed of sami": "sami 1",
};

/** Once ada, ivo, kaja and sami have signed in: who has a new key, or is suspended, is held. */
export const LATER: Record<string, string> = {
  ...EARLIER,
  "relations.sealed_token of ada": "bea 1, cem 1, 2 nobody",
  "relations.sealed_token of ivo": "juna 1, 3 nobody",
  "relations.sealed_token of kaja": "emil 1, fay 1, 2 nobody",
};
delete LATER["events.sealed of sami"];

/** Whom each of them has on the list; held ones included. */
export const LISTS: Record<string, string[]> = {
  ada: ["bea", "cem", "dora"],
  gil: ["ada", "bea"],
  ivo: ["hana", "juna"],
  juna: ["fay"],
  kaja: ["emil", "fay", "gil"],
  lou: ["bea"],
  malu: ["cem"],
  nils: ["ada", "cem"],
  olga: ["nour"],
  pia: ["bea"],
};
