import { makeDecoys } from "./accounts/decoys.js";
import { makeHashing } from "./accounts/hashing.js";
import { makeOpenedRecords } from "./accounts/opened-records.js";
import { makeShown } from "./accounts/told.js";
import type { Context } from "./context.js";
import { monthStart } from "./days.js";
import { rememberLetters } from "./invites/spent-letters.js";
import { ensureDecoyPersons } from "./people/people.js";
import { makeNobody } from "./protocol/nobody.js";
import { rememberEndedSessions } from "./seen.js";
import { fixTrustSlots } from "./settings.js";

/** What a context is made of; the database is migrated. */
export type Parts = Pick<Context, "config" | "db" | "pool" | "secret" | "clock" | "log">;

/** Adds what is made anew in each process: the queue for hashing, the records opened lately, "nobody", and the decoys. */
export async function makeContext(given: Parts): Promise<Context> {
  const parts = { ...given, forgedRows: new Map<string, number>() };
  const slots = parts.config.trustSlots;
  const month = monthStart(parts.clock());
  await fixTrustSlots(parts.db, parts.secret, slots);
  const [nobody, personIds] = await Promise.all([makeNobody(month), ensureDecoyPersons(parts, slots)]);
  const decoys = await makeDecoys(parts, nobody, personIds);
  return {
    ...parts,
    hashing: makeHashing(),
    openedRecords: makeOpenedRecords(),
    shown: makeShown(),
    leftMarks: { marks: new Set(), readAt: Number.NEGATIVE_INFINITY, pause: 0, reading: undefined },
    nobody,
    decoys,
    seen: nothingSeen(),
  };
}

/** What a process knows that has just begun. */
export function nothingSeen(): Context["seen"] {
  return {
    versions: new Map(),
    moment: 0,
    acts: 0,
    reviewKeys: 0,
    letters: rememberLetters(),
    endedSessions: rememberEndedSessions(),
    putBack: undefined,
    founded: false,
    foundedBefore: false,
    settings: new Set(),
    inspected: { versions: new Map(), accounts: new Set(), spent: new Set() },
  };
}
