import type { Command } from "commander";
import { backUp, checkFile, restore } from "../backup/backup.js";
import { loadConfig } from "../config.js";
import { openDatabase } from "../db/open.js";
import { Failure } from "../failure.js";
import { expectAlone } from "../rotation/rotate.js";
import { isRotationUnfinished, nextSecretFile } from "../secret.js";
import { withDatabase } from "./with-database.js";

export function addBackup(program: Command): void {
  program
    .command("backup")
    .description("writes the whole database to one file, also while Kith runs; the server secret is not in it")
    .argument("<file>", "is written whole or not at all")
    .option("--json", "prints JSON")
    .action(async (file: string, options: { json?: boolean }) => {
      await withDatabase(async ({ unhurried }, { secretFile, dataDir }) => {
        const rows = await unhurried((db) =>
          backUp(db, file, { secretFile, dataDir, onForeign: sayForeign("not in the backup") }),
        );
        if (options.json) return console.log(JSON.stringify({ file, rows }));
        console.log(
          `${file}: ${total(rows)} rows. Keep the server secret somewhere else: without it nobody can sign in.`,
        );
      });
    });
  program
    .command("restore")
    .description("reads a backup into an empty database")
    .argument("<file>", "written by kith backup")
    .option("--json", "prints JSON")
    .action(async (file: string, options: { json?: boolean }) => {
      const config = loadConfig();
      const { secretFile } = config;
      if (await isRotationUnfinished(secretFile)) {
        // Finished in an empty database, it would leave an older backup without its secret.
        throw new Failure(
          `the server secret is being rotated: run kith secret rotate to the end, or move ${nextSecretFile(secretFile)} away if the database is lost`,
        );
      }
      // Before anything is opened or made.
      const checked = await checkFile(file);
      // As kith start would: so that none begins on the embedded database meanwhile.
      const database = await openDatabase(config, "start");
      try {
        const watch = { checked, expectAlone, onForeign: sayForeign("not restored") };
        const rows = await database.unhurried((db) => restore(db, file, watch));
        if (options.json) return console.log(JSON.stringify({ file, rows }));
        console.log(
          `${total(rows)} rows are restored. Put the server secret that belongs to them in place, then start.`,
        );
      } finally {
        await database.close();
      }
    });
}

function sayForeign(what: string): (tables: string[]) => void {
  return (tables) => console.error(`kith: ${what}, since they are not Kith's: ${tables.join(", ")}`);
}

function total(rows: Record<string, number>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}
