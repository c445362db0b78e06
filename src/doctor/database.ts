import { stat } from "node:fs/promises";
import { type Kysely, sql } from "kysely";
import { hasMembers } from "../accounts/account.js";
import { anchorFile, isAsNewAsServed } from "../anchor.js";
import type { Config } from "../config.js";
import { isDatabaseDown } from "../db/connect.js";
import { hasAccounts } from "../db/has-accounts.js";
import { migrationStates, newerMigration } from "../db/migrate.js";
import { openDatabase } from "../db/open.js";
import type { Database } from "../db/schema.js";
import { Failure } from "../failure.js";
import type { Finding } from "./findings.js";
import { checkServer } from "./server.js";
import { checkWay } from "./way.js";

const about = "database" as const;

/** Reachable, recent, migrated, and not writing down what it must not. */
export async function checkDatabase(config: Config): Promise<Finding[]> {
  // Nothing is made on a machine where Kith has not run yet.
  if (
    config.databaseUrl === undefined &&
    (await stat(`${config.dataDir}/postgres`).catch(() => undefined)) === undefined
  ) {
    return [{ level: "note", about, text: "there is no embedded database yet", todo: "kith start makes it" }];
  }
  try {
    const database = await openDatabase(config, "command");
    try {
      const server = [
        await checkVersion(database.db),
        ...(await checkServer(database.db)),
        ...(await checkWay(config, database.db)),
        await checkMigrations(database.db),
      ];
      // This Kith would misread what is in it.
      if ((await newerMigration(database.db)) !== undefined) return server;
      return [
        ...server,
        ...(await checkSecretIsThere(config, database.db)),
        ...(await checkAnchor(config, database.db)),
      ];
    } finally {
      await database.close();
    }
  } catch (error) {
    return [cannotReach(error)];
  }
}

function cannotReach(error: unknown): Finding {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = error instanceof Failure ? message : `it can't be reached (${code ?? message})`;
  const todo = isDatabaseDown(error) ? "start the server, or correct DATABASE_URL" : "see the server's log";
  return { level: "wrong", about, text, todo };
}

async function setting(db: Kysely<Database>, name: string): Promise<string | undefined> {
  const { rows } = await sql<{ value: string | null }>`select current_setting(${name}, true) as value`.execute(db);
  return rows[0]?.value ?? undefined;
}

async function checkVersion(db: Kysely<Database>): Promise<Finding> {
  const version = (await setting(db, "server_version")) ?? "?";
  if (Number.parseInt(version, 10) >= 15) return { level: "good", about, text: `PostgreSQL ${version} answers` };
  return { level: "wrong", about, text: `PostgreSQL ${version} is too old`, todo: "use 15 or newer" };
}

async function checkMigrations(db: Kysely<Database>): Promise<Finding> {
  const newer = await newerMigration(db);
  if (newer !== undefined) {
    return { level: "wrong", about, text: `it was migrated by a newer Kith (${newer})`, todo: "use that one" };
  }
  const missing = (await migrationStates(db)).filter(({ appliedAt }) => appliedAt === undefined);
  if (missing.length === 0) return { level: "good", about, text: "the tables are those of this version" };
  return {
    level: "note",
    about,
    text: `${missing.length} migrations are missing`,
    todo: "kith start or kith migrate applies them",
  };
}

/** Whether an earlier state was put in place of the one that Kith served last. */
async function checkAnchor(config: Config, db: Kysely<Database>): Promise<Finding[]> {
  if (!(await hasAccounts(db)) || !(await hasMembers(db))) return [];
  const isNew = await isAsNewAsServed(db, config.secretFile);
  if (isNew === undefined) {
    const text = `there is no ${anchorFile(config.secretFile)}: an earlier database would not be noticed`;
    return [{ level: "note", about, text, todo: "kith start writes it, if it may" }];
  }
  if (isNew) return [{ level: "good", about, text: "it is as new as the one that was served last" }];
  return [
    {
      level: "wrong",
      about,
      text: "it is older than the one that was served last",
      todo: "if you put it there, start Kith: members are told; if not, somebody writes to your database",
    },
  ];
}

async function checkSecretIsThere(config: Config, db: Kysely<Database>): Promise<Finding[]> {
  if ((await stat(config.secretFile).catch(() => undefined)) !== undefined || !(await hasAccounts(db))) return [];
  return [
    {
      level: "wrong",
      about,
      text: `there are accounts, but their server secret ${config.secretFile} is missing`,
      todo: "put it back; without it nobody can sign in",
    },
  ];
}
