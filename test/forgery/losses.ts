import { type Edit, keyOf, type Row, type Rows } from "./tables.js";

/**
 * Changes that nobody notices, since what is left looks as it would without them; each with the reason why the loss is
 * harmless. Whatever else goes unnoticed fails the suite.
 */
export const HARMLESS = {
  "a session is gone": "its owner signs in again",
  "a session that no cookie opens": "nobody holds its cookie, and a made-up one lacks Kith's tag",
  "a session's day of sweeping": "when it ends stands inside",
  "an open session as it was": "it was open then, too, and the times inside end it and what it had opened",
  "the mark of a session that was left":
    "who has the cookie, too, is in again until its hours are over; seen while this process lives, or at the next password",
  "a mark of no session": "only a member's private key makes one that counts",
  "numbers of a week": "they alarm admins, and decide nothing",
  "an older setting":
    "how many invites everybody was given: what members took already is in their own records, with the change it was of",
  "a spent letter that nobody wrote": "there is no letter that it could spend",
  "a message is gone": "the act it told of stands in the admins' log, and in the account's state",
  "a message of earlier": "it is told once, with its day",
  "a reset is gone": "it is begun anew; nothing of it had come about",
  "an approval is gone": "it is given anew",
  "a reset or approval of an earlier generation": "it never counts again, like one that was left behind",
  "a reset of this generation that was begun anew":
    "k of one's people proved their tokens and compared these very words",
  "an older version of a person":
    "only the newest is read, and the first for the month of joining; leaving drops the others as well",
  "a grant is gone": "its admin is told that the tree does not open; each sign-in of an admin seals anew",
  "a grant of earlier": "it opens nothing but to who is an admin with that very key, and is swept",
  "the recovery phrase": "admins are told that there is none",
  "what was read of the tree": "it is read again",
  "whom an act was about": "the act itself stays; taking back that one, or one before it, is refused",
  "an account's whole earlier state": "nothing else of it differs; the last sign-in and change of the list are shown",
} as const;
export type Loss = keyof typeof HARMLESS;

export interface Known {
  base: Map<string, Rows>;
  earlier: { tables: Map<string, Rows> }[];
}

const rowsOf = (tables: Map<string, Rows>, table: string) => (tables.get(table) as Rows).rows;

function stoodEarlier({ earlier }: Known, table: string, row: Row): boolean {
  const text = JSON.stringify(row);
  return earlier.some(({ tables }) => rowsOf(tables, table).some((old) => JSON.stringify(old) === text));
}

function differing(before: Row, after: Row): string[] {
  return Object.keys(before).filter((name) => before[name] !== after[name]);
}

/** @returns why nobody needs to notice this edit, or undefined: then somebody must */
export function lossOf(known: Known, { table, before, after }: Edit): Loss | undefined {
  const accountOf = (id: string | null | undefined) => rowsOf(known.base, "accounts").find((row) => row.id === id);
  switch (table) {
    case "sessions":
      if (!after) return "a session is gone";
      if (!before || before.id !== after.id) return "a session that no cookie opens";
      if (stoodEarlier(known, table, after)) return "an open session as it was";
      return differing(before, after).join() === "expiry_day" ? "a session's day of sweeping" : undefined;
    case "left_sessions":
      return before ? "the mark of a session that was left" : "a mark of no session";
    case "settings":
      return after && stoodEarlier(known, table, after) ? "an older setting" : undefined;
    case "case_weeks":
      return "numbers of a week";
    case "spent_invites":
      return before ? undefined : "a spent letter that nobody wrote";
    case "events":
      if (!after) return "a message is gone";
      return stoodEarlier(known, table, after) ? "a message of earlier" : undefined;
    case "reset_cases":
      if (!after) return "a reset is gone";
      if (!stoodEarlier(known, table, after)) return undefined;
      if (accountOf(after.trusting_id)?.generation !== after.generation)
        return "a reset or approval of an earlier generation";
      return "a reset of this generation that was begun anew";
    case "approvals": {
      if (!after) return "an approval is gone";
      if (!stoodEarlier(known, table, after)) return undefined;
      const present = rowsOf(known.base, "accounts").some((row) => row.generation === after.generation);
      return present
        ? "a reset of this generation that was begun anew"
        : "a reset or approval of an earlier generation";
    }
    case "people": {
      const versions = rowsOf(known.base, table).filter((row) => row.account_id === before?.account_id);
      const isNewest = versions.every((row) => Number(row.version) <= Number(before?.version));
      return !after && !isNewest && before?.version !== "1" ? "an older version of a person" : undefined;
    }
    case "review_grants":
      if (!after) return "a grant is gone";
      return stoodEarlier(known, table, after) ? "a grant of earlier" : undefined;
    case "review_recovery":
      return after ? undefined : "the recovery phrase";
    case "review_notes":
      return !after || stoodEarlier(known, table, after) ? "what was read of the tree" : undefined;
    case "admin_act_persons":
      return after ? undefined : "whom an act was about";
    case "accounts": {
      if (!before || !after || keyOf(table, before) !== keyOf(table, after) || !stoodEarlier(known, table, after))
        return undefined;
      const alike = before.generation === after.generation && before.people_version === after.people_version;
      return alike ? "an account's whole earlier state" : undefined;
    }
    default:
      return undefined;
  }
}
