import type { Kysely } from "kysely";
import { reportForgery } from "./accounts/account.js";
import type { Context } from "./context.js";
import { hasAccounts } from "./db/has-accounts.js";
import { hasTable } from "./db/has-table.js";
import type { Database } from "./db/schema.js";
import { Failure } from "./failure.js";
import { hasValidTag, tagRow } from "./protocol/tag.js";

const TRUST_SLOTS = "trust-slots";

function settingRow(secret: Uint8Array, name: string, value: string) {
  const columns = { name, value };
  return { ...columns, tag: tagRow(secret, "settings", columns) };
}

function madeWithAnother(): Failure {
  return new Failure("The database was made with another server secret. Put the one that belongs to it in place.");
}

/**
 * Looks as a start does whether one of these secrets is the database's, and writes nothing.
 *
 * @throws Failure if none is, or nothing tells
 */
export async function expectOwnSecret(db: Kysely<Database>, secrets: readonly Uint8Array[]): Promise<void> {
  const fixed = (await hasTable(db, "settings")) ? await readTrustSlots(db, ...secrets) : undefined;
  if (fixed?.isOurs) return;
  if (fixed) throw madeWithAnother();
  throw new Failure(
    (await hasAccounts(db))
      ? "nothing in the database tells whether the server secret is its own: run kith start once before"
      : "no Kith ever used this database: is it the right one?",
  );
}

/**
 * The number of slots is fixed at the first start: every account has exactly so many rows.
 *
 * @throws Failure if another number is configured now, or the stored one is not Kith's
 */
export async function fixTrustSlots(db: Kysely<Database>, secret: Uint8Array, slots: number): Promise<void> {
  await db
    .insertInto("settings")
    .values(settingRow(secret, TRUST_SLOTS, String(slots)))
    .onConflict((conflict) => conflict.column("name").doNothing())
    .execute();
  const fixed = await readTrustSlots(db, secret);
  if (!fixed?.isOurs) throw madeWithAnother();
  if (fixed.slots !== String(slots)) {
    throw new Failure(`KITH_TRUST_SLOTS is ${slots}, but this database was begun with ${fixed.slots}, for good.`);
  }
}

/** The number that was fixed at the first start, and whether under one of these secrets; undefined before that start. */
export async function readTrustSlots(
  db: Kysely<Database>,
  ...secrets: readonly Uint8Array[]
): Promise<{ slots: string; isOurs: boolean } | undefined> {
  const row = await db.selectFrom("settings").selectAll().where("name", "=", TRUST_SLOTS).executeTakeFirst();
  return row && { slots: row.value, isOurs: secrets.some((secret) => hasValidTag(secret, "settings", { ...row })) };
}

type Settings = Pick<Context, "secret" | "log" | "forgedRows" | "seen">;

/** A number or a month that is kept beside the tables; undefined if it was never written. */
export async function readSetting(context: Settings, name: string, db: Kysely<Database>): Promise<string | undefined> {
  const row = await db.selectFrom("settings").selectAll().where("name", "=", name).executeTakeFirst();
  const known = context.seen.settings.has(name);
  if (row) context.seen.settings.add(name);
  if (!row && !known) return undefined;
  // Settings are never taken away.
  if (row && hasValidTag(context.secret, "settings", { ...row })) return row.value;
  reportForgery(context, "settings");
  return undefined;
}

/** What stands there, for whoever lacks the secret and can't tell whether Kith wrote it. */
export async function readUnproven(db: Kysely<Database>, name: string): Promise<string | undefined> {
  return (await db.selectFrom("settings").select("value").where("name", "=", name).executeTakeFirst())?.value;
}

export async function writeSetting(
  context: Pick<Settings, "secret">,
  name: string,
  value: string,
  db: Kysely<Database>,
): Promise<void> {
  const row = settingRow(context.secret, name, value);
  await db
    .insertInto("settings")
    .values(row)
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ value, tag: row.tag }))
    .execute();
}

/**
 * Raises a number that only grows, above itself and above `least`. Of several at once one does it, and the others get
 * what it made. A row that is not Kith's counts as none, and is replaced.
 *
 * @returns the number that stands there now
 */
export async function raiseSetting(
  context: Settings,
  name: string,
  least: number,
  db: Kysely<Database>,
): Promise<number> {
  const stored = await db.selectFrom("settings").selectAll().where("name", "=", name).executeTakeFirst();
  const before = Number((await readSetting(context, name, db)) ?? 0);
  const row = settingRow(context.secret, name, String(Math.max(before, least) + 1));
  await (stored === undefined
    ? db
        .insertInto("settings")
        .values(row)
        .onConflict((conflict) => conflict.column("name").doNothing())
    : db.updateTable("settings").set(row).where("name", "=", name).where("tag", "=", stored.tag)
  ).execute();
  return Number((await readSetting(context, name, db)) ?? 0);
}
