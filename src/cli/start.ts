import type { Command } from "commander";
import { loadConfig } from "../config.js";
import { findOddities } from "../db/shape.js";
import { openContext } from "./with-database.js";

export function addStart(program: Command): void {
  program
    .command("start")
    .description("migrates the database and serves the pages, until Ctrl-C")
    .action(async () => {
      // From here on a signal is remembered, so that nothing is left running when it comes early.
      const stopped = stopSignal();
      const config = loadConfig();
      const opening = openContext(config, "start");
      // The pages' code loads while the database starts.
      const loading = Promise.all([import("../web/server.js"), import("../invites/first-admin.js")]);
      loading.catch(() => undefined);
      const { context, close } = await opening;
      try {
        for (const warning of config.warnings) context.log.warn(warning);
        for (const { name, what } of await findOddities(context.db)) {
          context.log.error(`${name} ${what}: somebody else made it so, see \`kith doctor\``);
        }
        const [{ startWeb }, { firstAdminLink, hasLostAdmins }] = await loading;
        const web = await startWeb(context);
        try {
          // Asked before anything is said: from "listens" on, a lost database does not end Kith.
          const link = await firstAdminLink(context);
          const hasLost = await hasLostAdmins(context);
          console.log(`Kith listens on ${web.url}`);
          if (link !== undefined && context.seen.foundedBefore) {
            context.log.warn("nobody has joined, though somebody was an admin before: a place that begins anew");
          }
          if (hasLost) context.log.error("nobody is an admin, though somebody was: see `kith admin grant`");
          if (link !== undefined) console.log(`Nobody is an admin yet. This link makes the first one: ${link}`);
          await stopped;
        } finally {
          await web.close();
        }
      } finally {
        await close();
      }
    });
}

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once; the next start puts things in order. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
        asked = true;
        resolve();
      });
    }
  });
}
