import { type Config, loadConfig } from "../config.js";
import type { Context } from "../context.js";
import { prepareDataDir } from "../db/embedded-place.js";
import { hasAccounts } from "../db/has-accounts.js";
import { migrateToLatest } from "../db/migrate.js";
import { type OpenDatabase, openDatabase } from "../db/open.js";
import { expectNoRotation, loadServerSecret } from "../secret.js";

/**
 * Runs a command's work with everything it needs, and closes all of it afterwards, also when the work fails: reads the
 * configuration, opens the database (the running embedded server, or one started for this command), migrates it, reads
 * the server secret.
 *
 * @throws ConfigError, Failure, and whatever `work` throws
 */
export async function withContext<T>(work: (context: Context) => Promise<T>): Promise<T> {
  const { context, close } = await openContext(loadConfig(), "command");
  try {
    return await work(context);
  } finally {
    await close();
  }
}

/** Runs work that needs the database only, without migrating it or asking for the secret. */
export async function withDatabase<T>(work: (database: OpenDatabase, config: Config) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const database = await openDatabase(config, "command");
  try {
    return await work(database, config);
  } finally {
    await database.close();
  }
}

export async function openContext(
  config: Config,
  role: "start" | "command",
): Promise<{ context: Context; close(): Promise<void> }> {
  await prepareDataDir(config.dataDir);
  // The cryptography's code loads while the database starts.
  const loading = Promise.all([import("../make-context.js"), import("../log.js")]);
  loading.catch(() => undefined);
  const database = await openDatabase(config, role);
  try {
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
