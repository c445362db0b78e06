import { type Config, loadConfig } from "../config.js";
import type { Context } from "../context.js";
import { hasEmbedded, prepareDataDir } from "../db/embedded-place.js";
import { hasAccounts } from "../db/has-accounts.js";
import { hasTable } from "../db/has-table.js";
import { migrateToLatest } from "../db/migrate.js";
import { type OpenDatabase, openDatabase } from "../db/open.js";
import { Failure } from "../failure.js";
import { expectNoRotation, loadServerSecret } from "../secret.js";

/** Whether a command makes the embedded database if there is none; `"told"`: only where `KITH_DATA_DIR` says where. */
interface Beginning {
  mayBegin: boolean | "told";
}

/** Of a command that a place may begin with. */
export const BEGINS: Beginning = { mayBegin: true };
/**
 * Of one that puts something in, or prints a link, before the first start. What only reads does not begin a place: it would
 * tell that there is nothing, where it is in the wrong one.
 */
export const BEGINS_WHERE_TOLD: Beginning = { mayBegin: "told" };

/**
 * Runs a command's work with everything it needs, and closes all of it afterwards, also when the work fails: reads the
 * configuration, opens the database (the running embedded server, or one started for this command), migrates it, reads
 * the server secret.
 *
 * @throws ConfigError, Failure, and whatever `work` throws
 */
export async function withContext<T>(
  work: (context: Context) => Promise<T>,
  { mayBegin }: Beginning = { mayBegin: false },
): Promise<T> {
  const config = loadConfig();
  if (mayBegin !== true) await expectDatabase(config, mayBegin);
  const { context, close } = await openContext(config, "command", mayBegin === false);
  try {
    return await work(context);
  } finally {
    await close();
  }
}

/** Runs work that needs the database only, without migrating it or asking for the secret. */
export async function withDatabase<T>(
  work: (database: OpenDatabase, config: Config) => Promise<T>,
  { mayBegin }: Beginning = { mayBegin: false },
): Promise<T> {
  const config = loadConfig();
  if (mayBegin !== true) await expectDatabase(config, mayBegin);
  const database = await openDatabase(config, "command");
  try {
    return await work(database, config);
  } finally {
    await database.close();
  }
}

/**
 * Else a command of another user, or in another directory, would make a new place and work on that.
 *
 * @throws Failure where the embedded server was never started
 */
export async function expectDatabase(
  { databaseUrl, dataDir, isDataDirGiven }: Pick<Config, "databaseUrl" | "dataDir" | "isDataDirGiven">,
  mayBegin: false | "told" = false,
): Promise<void> {
  if (mayBegin === "told" && isDataDirGiven) return;
  if (databaseUrl !== undefined || (await hasEmbedded(dataDir))) return;
  throw new Failure(
    `there is no database in ${dataDir}: run this as the user and in the directory of kith start, or set KITH_DATA_DIR`,
  );
}

/** @param isExpected whether Kith has been here: else nothing is made in the database, and a command that reads does not take that for "none" */
export async function openContext(
  config: Config,
  role: "start" | "command",
  isExpected = false,
): Promise<{ context: Context; close(): Promise<void> }> {
  await prepareDataDir(config.dataDir, config.databaseUrl === undefined);
  // The cryptography's code loads while the database starts.
  const loading = Promise.all([import("../make-context.js"), import("../log.js")]);
  loading.catch(() => undefined);
  const database = await openDatabase(config, role);
  try {
    if (isExpected && !(await hasTable(database.db, "accounts"))) {
      throw new Failure(
        "there is nothing of Kith in this database: is DATABASE_URL right? kith start or kith restore begins",
      );
    }
    await database.unhurried(migrateToLatest);
    await expectNoRotation(config.secretFile);
    const secret = await loadServerSecret(config.secretFile, () => hasAccounts(database.db));
    const { db, pool } = database;
    const [{ makeContext }, { createLog }] = await loading;
    const context = await makeContext({ config, db, pool, secret, clock: () => new Date(), log: createLog() });
    return { context, close: () => database.close() };
  } catch (error) {
    await database.close();
    throw error;
  }
}
