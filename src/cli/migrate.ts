import type { Command } from "commander";
import { expectMigration, migrateTo, migrateToLatest, migrationStates } from "../db/migrate.js";
import { withDatabase } from "./with-database.js";

export function addMigrate(program: Command): void {
  program
    .command("migrate")
    .description("brings the database's tables to this version (kith start does so too)")
    .option("--to <name>", "up or down to this migration; none takes all down, with everything in them")
    .option("--status", "only lists the migrations")
    .option("--json", "prints JSON")
    .action(async (options: { to?: string; status?: boolean; json?: boolean }) => {
      if (options.to !== undefined) expectMigration(options.to);
      const beginning = { mayBegin: options.status !== true };
      await withDatabase(async (database) => {
        const { to } = options;
        const changed = options.status
          ? []
          : await database.unhurried((db) => (to === undefined ? migrateToLatest(db) : migrateTo(db, to)));
        const states = await migrationStates(database.db);
        if (options.json) {
          console.log(JSON.stringify({ changed, migrations: states }));
          return;
        }
        if (options.status) {
          for (const { name, appliedAt } of states)
            console.log(`${appliedAt === undefined ? "missing" : "applied"}  ${name}`);
        } else if (changed.length === 0) console.log("Nothing to do.");
        else for (const name of changed) console.log(`${to === undefined ? "applied" : "changed"}  ${name}`);
      }, beginning);
    });
}
