import { setTimeout as sleep } from "node:timers/promises";
import type { Kysely } from "kysely";
import { expectNoNewer } from "../db/migrate.js";
import { rewriteTables } from "../db/rewrite.js";
import type { Database } from "../db/schema.js";
import { Failure } from "../failure.js";
import { freezeInsertOnlyTables } from "../people/people.js";
import { openColumn, sealColumn } from "../protocol/column.js";
import { rewrapLockedKey } from "../protocol/lock.js";
import { rewrapRecoveryKey } from "../protocol/review.js";
import { hasValidTag, type TaggedColumns, tagRow } from "../protocol/tag.js";
import { expectOwnSecret } from "../settings.js";
import {
  deleteAllSessions,
  otherConnections,
  readTagged,
  replaceTagged,
  TAGGED_TABLES,
  type TaggedRow,
  type TaggedTable,
  WRAPPING_TABLES,
} from "./queries.js";

export { readTagged, TAGGED_TABLES, type TaggedTable } from "./queries.js";

/** How many rows were moved to the new secret, were there already, or bore neither secret's tag. */
export interface Rotation {
  moved: number;
  there: number;
  forged: number;
}

/** Milliseconds that a Kith which was just stopped may still be seen. */
const LEAVING_MS = 3_000;

/**
 * Whoever goes on with the old secret would refuse all rows that were moved, and write such as are refused for ever; and
 * into a database that is restored, what it knows of the empty one. Between losing its connections and its next query a
 * Kith is not seen.
 *
 * @param db on which nothing was asked yet: one connection
 * @throws Failure while anybody else is connected
 */
export async function expectAlone(db: Kysely<Database>): Promise<void> {
  for (const deadline = Date.now() + LEAVING_MS; ; await sleep(200)) {
    if ((await otherConnections(db)) === 0) return;
    if (Date.now() > deadline) {
      throw new Failure("Kith is connected to this database: stop every kith start, and other commands, first");
    }
  }
}

/**
 * Looks whether the database is one that these secrets can rotate; writes nothing. Whatever bears neither's tag would be
 * refused from then on, and the present secret's file be gone.
 *
 * @param newSecret of a rotation that was broken off
 * @throws Failure if the present secret is not the database's, or not the one that the rotation began with, or a newer
 * Kith migrated it
 */
export async function expectSecretsOf(
  db: Kysely<Database>,
  oldSecret: Uint8Array,
  newSecret: Uint8Array | undefined,
): Promise<void> {
  // Its tables may have tags that would not be moved.
  await expectNoNewer(db);
  await expectOwnSecret(db, newSecret === undefined ? [oldSecret] : [oldSecret, newSecret]);
  if (newSecret !== undefined && (await isBegunWithAnother(db, oldSecret, newSecret))) {
    throw new Failure(
      "no row belongs to the present server secret, and some to neither it nor the new one: put the secret that the rotation began with in place; if it was this one, the new one is to take its place as it is",
    );
  }
}

/** Whether some rows bear neither secret's tag, and none the old one's. */
async function isBegunWithAnother(
  db: Kysely<Database>,
  oldSecret: Uint8Array,
  newSecret: Uint8Array,
): Promise<boolean> {
  let strange = false;
  for (const table of Object.keys(TAGGED_TABLES) as TaggedTable[]) {
    for await (const rows of readTagged(db, table)) {
      for (const row of rows) {
        if (hasValidTag(oldSecret, table, row)) return false;
        strange ||= !hasValidTag(newSecret, table, row);
      }
    }
  }
  return strange;
}

/**
 * Moves the whole database from one server secret to another without any password: locked keys and sealed columns are
 * wrapped anew, every tag is made anew. Open letters are void afterwards, and every session is over: its tag is inside.
 *
 * Can be broken off anywhere and run again with the same two secrets. Nobody may write meanwhile. A row that bears
 * neither secret's tag is not Kith's; it stays as it is and counts as absent, as before.
 *
 * @param db without a statement timeout
 */
export async function rotateSecret(
  db: Kysely<Database>,
  oldSecret: Uint8Array,
  newSecret: Uint8Array,
): Promise<Rotation> {
  const rotation: Rotation = { moved: 0, there: 0, forged: 0 };
  for (const table of Object.keys(TAGGED_TABLES) as TaggedTable[]) {
    for await (const rows of readTagged(db, table)) {
      for (const row of rows) {
        if (hasValidTag(newSecret, table, row)) rotation.there += 1;
        else if (!hasValidTag(oldSecret, table, row)) rotation.forged += 1;
        else {
          await replaceTagged(db, table, row, rewrapped(table, row, oldSecret, newSecret));
          rotation.moved += 1;
        }
      }
    }
  }
  await deleteAllSessions(db);
  await freezeInsertOnlyTables(db);
  return rotation;
}

/**
 * Rids the database's files of what was wrapped in the secret before: PostgreSQL keeps replaced rows until their place is
 * needed, and whoever had the old secret could guess passwords on them for years.
 *
 * @param db without a statement timeout; nobody else uses it
 * @throws Failure that says what is left to do, for example because the disk has no room for a second copy
 */
export async function forgetOldWrappings(db: Kysely<Database>): Promise<void> {
  try {
    await rewriteTables(db, WRAPPING_TABLES);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(
      `all rows belong to the new secret, but the database's files may still hold keys locked with the old one (${why}): run VACUUM FULL accounts, reset_cases, review_recovery`,
      { cause: error },
    );
  }
}

function rewrapped(table: TaggedTable, row: TaggedRow, oldSecret: Uint8Array, newSecret: Uint8Array): TaggedRow {
  const { tag: _old, ...columns } = { ...row, ...wrappedColumns(table, row, oldSecret, newSecret) };
  return { ...columns, tag: tagRow(newSecret, table, columns) };
}

function wrappedColumns(
  table: TaggedTable,
  row: TaggedRow,
  oldSecret: Uint8Array,
  newSecret: Uint8Array,
): TaggedColumns {
  if (table === "reset_cases") {
    const locked = row.pending_locked_key as Uint8Array | null;
    const id = row.trusting_id as string;
    if (!locked) return {};
    return { pending_locked_key: must(rewrapLockedKey(locked, oldSecret, newSecret, id)) };
  }
  if (table === "review_recovery") {
    const locked = row.locked_key as Uint8Array;
    return { locked_key: must(rewrapRecoveryKey(locked, oldSecret, newSecret, row.id as string)) };
  }
  if (table !== "accounts") return {};
  const id = row.id as string;
  const column = (name: "contact" | "second step", sealed: Uint8Array) =>
    sealColumn(newSecret, name, id, must(openColumn(oldSecret, name, id, sealed)));
  return {
    locked_key: must(rewrapLockedKey(row.locked_key as Uint8Array, oldSecret, newSecret, id)),
    contact: column("contact", row.contact as Uint8Array),
    second_step: column("second step", row.second_step as Uint8Array),
  };
}

/** A row with a valid tag holds what Kith put there; anything else is a broken world. */
function must<T>(value: T | undefined): T {
  if (value === undefined)
    throw new Failure("a row bears Kith's tag and can't be opened with the old secret: stop here");
  return value;
}
