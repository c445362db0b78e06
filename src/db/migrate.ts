import { type Kysely, type MigrationResultSet, Migrator, NO_MIGRATIONS } from "kysely";
import { migrations } from "#kith/migrations/index.js";
import { Failure, UsageFailure } from "../failure.js";
import { nearest } from "../nearest.js";
import { isDatabaseDown } from "./connect.js";
import { hasTable } from "./has-table.js";

export interface MigrationState {
  name: string;
  /** When it was applied; undefined: not yet. */
  appliedAt: Date | undefined;
}

const ORDER = Object.keys(migrations);

// biome-ignore lint/suspicious/noExplicitAny: migrations don't know today's schema
type AnyDatabase = Kysely<any>;

/** The list's order counts, not the alphabet's. Names that this Kith does not know (a newer one wrote them) come last. */
function byPlace(a: string, b: string): number {
  const [placeA, placeB] = [ORDER.indexOf(a), ORDER.indexOf(b)];
  if (placeA < 0 || placeB < 0) return placeA === placeB ? a.localeCompare(b) : placeA < 0 ? 1 : -1;
  return placeA - placeB;
}

function migrator(db: AnyDatabase): Migrator {
  return new Migrator({ db, nameComparator: byPlace, provider: { getMigrations: async () => migrations } });
}

/**
 * Applies what is missing, all in one transaction, under a lock: instances that start together wait for each other.
 *
 * @param db without a statement timeout
 * @returns the names applied now
 * @throws Failure if a migration fails; nothing is changed then
 */
export async function migrateToLatest(db: AnyDatabase): Promise<string[]> {
  const applied = await appliedNames(db);
  if (ORDER.every((name) => applied.has(name))) return [];
  return outcome(await migrator(db).migrateToLatest());
}

/** @throws UsageFailure if there is no such migration, and it is not `none` */
export function expectMigration(name: string): void {
  if (name === "none" || ORDER.includes(name)) return;
  throw new UsageFailure(`there is no migration ${name}; did you mean ${nearest(name, ORDER)}?`);
}

/**
 * Goes up or down until `name` is the last one applied; `none` takes everything down. One transaction.
 *
 * @returns the names applied or taken back now
 * @throws Failure for an unknown name, or if a migration fails
 */
export async function migrateTo(db: AnyDatabase, name: string): Promise<string[]> {
  expectMigration(name);
  await appliedNames(db);
  return outcome(await migrator(db).migrateTo(name === "none" ? NO_MIGRATIONS : name));
}

/** All migrations in their order; changes nothing. */
export async function migrationStates(db: AnyDatabase): Promise<MigrationState[]> {
  const states = await migrator(db).getMigrations();
  return states.map(({ name, executedAt }) => ({ name, appliedAt: executedAt }));
}

/** The newest migration that a newer Kith applied, and this one does not know. */
export async function newerMigration(db: AnyDatabase): Promise<string | undefined> {
  return newestUnknown(await storedNames(db));
}

/** @throws Failure for a database of a newer Kith: this one would misread it */
export async function expectNoNewer(db: AnyDatabase): Promise<void> {
  expectKnown(await storedNames(db));
}

/** @throws Failure for a database of a newer Kith */
async function appliedNames(db: AnyDatabase): Promise<Set<string>> {
  const names = await storedNames(db);
  expectKnown(names);
  return new Set(names);
}

function expectKnown(names: readonly string[]): void {
  const newer = newestUnknown(names);
  if (newer !== undefined) throw new Failure(`the database was migrated by a newer Kith (${newer}): use that one`);
}

function newestUnknown(names: readonly string[]): string | undefined {
  return names
    .filter((name) => !ORDER.includes(name))
    .sort()
    .at(-1);
}

/** The names that the database says are applied. Kysely's own look at it reads the whole catalogue, and every start asks. */
async function storedNames(db: AnyDatabase): Promise<string[]> {
  if (!(await hasTable(db, "kysely_migration"))) return [];
  return (await db.selectFrom("kysely_migration").select("name").execute()).map(({ name }) => name);
}

/** Kysely's migrator returns its error; it does not throw it. */
function outcome({ error, results = [] }: MigrationResultSet): string[] {
  if (error !== undefined) {
    if (isDatabaseDown(error)) throw error;
    const failed = results.find(({ status }) => status === "Error")?.migrationName;
    const text = error instanceof Error ? error.message : String(error);
    throw new Failure(`${failed === undefined ? "migrating" : `the migration ${failed}`} failed: ${text}`, {
      cause: error,
    });
  }
  return results.filter(({ status }) => status === "Success").map(({ migrationName }) => migrationName);
}
