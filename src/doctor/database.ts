import { stat } from "node:fs/promises";
import { type Kysely, sql } from "kysely";
import { hasMembers } from "../accounts/account.js";
import { anchorFile, anchorProblem, isAsNewAsServed } from "../anchor.js";
import type { Config } from "../config.js";
import { isDatabaseDown } from "../db/connect.js";
import { hasAccounts } from "../db/has-accounts.js";
import { hasTable } from "../db/has-table.js";
import { migrationStates, newerMigration } from "../db/migrate.js";
import { isBrokenOff, openDatabase } from "../db/open.js";
import type { Database } from "../db/schema.js";
import { findOddities } from "../db/shape.js";
import { Failure } from "../failure.js";
import { isRotationUnfinished, readSecret } from "../secret.js";
import { readTrustSlots } from "../settings.js";
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
        ...(await checkShape(database.db)),
        ...(await checkSecretIsThere(config, database.db)),
        ...(await checkBelonging(config, database.db)),
        ...(await checkAnchor(config, database.db)),
      ];
    } finally {
      await database.close();
    }
  } catch (error) {
    if (isBrokenOff()) throw error;
    return [cannotReach(error)];
  }
}

/** What a server that was reached says, by its code. */
const REFUSED: Record<string, { text: string; todo: string }> = {
  "28P01": {
    text: "the server refuses the password of DATABASE_URL (28P01)",
    todo: "correct user and password there; characters such as # / ? @ : % are percent-encoded",
  },
  "28000": {
    text: "the server does not let the user of DATABASE_URL in (28000)",
    todo: "correct DATABASE_URL, or make the role and let it in by pg_hba.conf",
  },
  "3D000": {
    text: "the server has no database of the name in DATABASE_URL (3D000)",
    todo: "correct DATABASE_URL, or make the database, owned by Kith's role",
  },
};

function cannotReach(error: unknown): Finding {
  const { code, message } = error as NodeJS.ErrnoException;
  const refused = REFUSED[code ?? ""];
  if (refused !== undefined) return { level: "wrong", about, ...refused };
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
  const text = `${missing.length} migrations are missing`;
  const { rows } = await sql<{ role: string; schema: string | null; may: boolean }>`
    select current_user as role, current_schema() as schema,
      coalesce(has_schema_privilege(current_schema(), 'create'), false) as may`.execute(db);
  const { role, schema, may } = rows[0]!;
  if (may) return { level: "note", about, text, todo: "kith start or kith migrate applies them" };
  return {
    level: "wrong",
    about,
    text: `${text}, and the role ${role} may not create tables`,
    todo: `as a superuser, in this database: grant create on schema ${schema ?? "public"} to ${role}`,
  };
}

/** Whether somebody who owns the tables put something in front of them. */
async function checkShape(db: Kysely<Database>): Promise<Finding[]> {
  // Else they are those of an earlier Kith.
  if ((await migrationStates(db)).some(({ appliedAt }) => appliedAt === undefined)) return [];
  const odd = await findOddities(db);
  if (odd.length === 0) return [{ level: "good", about, text: "nothing stands between Kith and its tables" }];
  return odd.map(({ name, what }) => ({
    level: "wrong",
    about,
    text: `${name} ${what}: no Kith made it so, and it may note or change what Kith reads and writes`,
    todo: "if it was not you, somebody else owns the tables: restore a backup into a new database, under a role of another password",
  }));
}

/** Whether an earlier state was put in place of the one that Kith served last. */
async function checkAnchor(config: Config, db: Kysely<Database>): Promise<Finding[]> {
  const file = anchorFile(config.secretFile);
  const problem = await anchorProblem(config.secretFile);
  if (problem !== undefined) {
    const isDamaged = problem === "ERR_ANCHOR";
    return [
      {
        level: "wrong",
        about,
        text: `${file} ${isDamaged ? "is damaged" : `can't be read (${problem})`}: an earlier database would not be noticed, nor that there was an admin`,
        todo: isDamaged
          ? "put a copy back; without one, and if nobody but you can have changed it, remove it: kith start writes it anew"
          : "run as Kith's user; the file is Kith's own",
      },
    ];
  }
  if (!(await hasAccounts(db)) || !(await hasMembers(db))) return [];
  const isNew = await isAsNewAsServed(db, config.secretFile);
  if (isNew === undefined) {
    const text = `there is no ${file}: an earlier database would not be noticed`;
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

/** Whether secret and settings are those that the database was begun with. */
async function checkBelonging({ secretFile, trustSlots }: Config, db: Kysely<Database>): Promise<Finding[]> {
  // During a rotation some rows belong to the next one.
  if (await isRotationUnfinished(secretFile)) return [];
  // One that can't be read is said with the files.
  const secret = await readSecret(secretFile).catch(() => undefined);
  if (secret === undefined || !(await hasTable(db, "settings"))) return [];
  const fixed = await readTrustSlots(db, secret);
  if (fixed === undefined) return [];
  if (!fixed.isOurs) {
    return [
      {
        level: "wrong",
        about,
        text: `it was made with another server secret than ${secretFile}: kith start refuses`,
        todo: "put the one that belongs to it in place, or set KITH_SECRET_FILE or DATABASE_URL to what belongs together",
      },
    ];
  }
  if (fixed.slots !== String(trustSlots)) {
    return [
      {
        level: "wrong",
        about,
        text: `KITH_TRUST_SLOTS is ${trustSlots}, but it was begun with ${fixed.slots}, for good: kith start refuses`,
        todo: `set KITH_TRUST_SLOTS=${fixed.slots}`,
      },
    ];
  }
  return [{ level: "good", about, text: "the server secret is the one that belongs to it" }];
}
