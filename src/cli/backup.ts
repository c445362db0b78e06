import type { Command } from "commander";
import { backUp, restore } from "../backup/backup.js";
import { loadConfig } from "../config.js";
import { Failure } from "../failure.js";
import { isRotationUnfinished, nextSecretFile } from "../secret.js";
import { BEGINS, withDatabase } from "./with-database.js";

export function addBackup(program: Command): void {
  program
    .command("backup")
    .description("writes the whole database to one file, also while Kith runs; the server secret is not in it")
    .argument("<file>", "is written whole or not at all")
    .option("--json", "prints JSON")
    .action(async (file: string, options: { json?: boolean }) => {
      await withDatabase(async ({ unhurried }, { secretFile }) => {
        const rows = await unhurried((db) => backUp(db, file, secretFile));
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
      const { secretFile } = loadConfig();
      if (await isRotationUnfinished(secretFile)) {
        // Finished in an empty database, it would leave an older backup without its secret.
        throw new Failure(
          `the server secret is being rotated: run kith secret rotate to the end, or move ${nextSecretFile(secretFile)} away if the database is lost`,
        );
      }
      await withDatabase(async ({ unhurried }) => {
        const rows = await unhurried((db) => restore(db, file));
        if (options.json) return console.log(JSON.stringify({ file, rows }));
        console.log(
          `${total(rows)} rows are restored. Put the server secret that belongs to them in place, then start.`,
        );
      }, BEGINS);
    });
}

function total(rows: Record<string, number>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}
