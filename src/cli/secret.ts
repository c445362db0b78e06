import type { Command } from "commander";
import { loadConfig } from "../config.js";
import { openDatabase } from "../db/open.js";
import { expectAlone, expectSecretsOf, forgetOldWrappings, rotateSecret } from "../rotation/rotate.js";
import { beginRotation, finishRotation } from "../secret.js";
import { expectDatabase } from "./with-database.js";

export function addSecret(program: Command): void {
  const secret = program.command("secret").description("the server secret");
  secret
    .command("rotate")
    .description("makes a new server secret and moves everything to it; stop every kith start first")
    .option("--json", "prints JSON")
    .action(async (options: { json?: boolean }) => {
      const config = loadConfig();
      await expectDatabase(config);
      // As kith start would: so that none begins on the embedded database meanwhile.
      const database = await openDatabase(config, "start");
      try {
        await expectAlone(database.db);
        const { oldSecret, newSecret } = await beginRotation(config.secretFile, (present, begun) =>
          expectSecretsOf(database.db, present, begun),
        );
        const rotation = await database.unhurried((db) => rotateSecret(db, oldSecret, newSecret));
        await finishRotation(config.secretFile);
        await database.unhurried(forgetOldWrappings);
        if (options.json) return console.log(JSON.stringify(rotation));
        console.log(`${rotation.moved + rotation.there} rows belong to the new secret. Open letters are void.`);
        if (rotation.forged > 0) console.log(`${rotation.forged} rows were not written by Kith, and stay refused.`);
        console.log("Keep a copy of the new secret apart from your backups. Older backups still need the old one.");
      } finally {
        await database.close();
      }
    });
}
