import type { Migration } from "kysely";
import * as createAccounts from "./2026-11-24-create-accounts.js";
import * as createOnionMap from "./2026-11-24-create-onion-map.js";
import * as createPeople from "./2026-11-24-create-people.js";
import * as createResets from "./2026-11-24-create-resets.js";
import * as createReview from "./2026-11-24-create-review.js";
import * as createSessions from "./2026-11-24-create-sessions.js";
import * as extendReview from "./2026-11-24-extend-review.js";
import * as keepSessionsInLine from "./2026-11-24-keep-sessions-in-line.js";
import * as beginSessionsAnew from "./2026-11-26-begin-sessions-anew.js";
import * as findNamesByVersion from "./2026-11-26-find-names-by-version.js";
import * as wrapSessionsAnew from "./2026-11-26-wrap-sessions-anew.js";
import * as writeMarksOfLeftSessions from "./2026-11-26-write-marks-of-left-sessions.js";
import * as writeRecordsOnOwnPages from "./2026-11-26-write-records-on-own-pages.js";

/**
 * Every migration, in the order in which they are applied. New ones go to the end, of the alphabet as well:
 * Kysely sorts them, and calls a database corrupted in which another one than its last is missing. Landed ones are frozen.
 */
export const migrations: Record<string, Migration> = {
  "2026-11-24-create-accounts": createAccounts,
  "2026-11-24-create-onion-map": createOnionMap,
  "2026-11-24-create-people": createPeople,
  "2026-11-24-create-resets": createResets,
  "2026-11-24-create-review": createReview,
  "2026-11-24-create-sessions": createSessions,
  "2026-11-24-extend-review": extendReview,
  "2026-11-24-keep-sessions-in-line": keepSessionsInLine,
  "2026-11-26-begin-sessions-anew": beginSessionsAnew,
  "2026-11-26-find-names-by-version": findNamesByVersion,
  "2026-11-26-wrap-sessions-anew": wrapSessionsAnew,
  "2026-11-26-write-marks-of-left-sessions": writeMarksOfLeftSessions,
  "2026-11-26-write-records-on-own-pages": writeRecordsOnOwnPages,
};
