import type { Command } from "commander";
import { EXIM_RECEIVE } from "../onion/config/settings.js";
import { HIDDEN_SERVICE_DIR, torrc } from "../onion/config/torrc.js";
import { readVirtualAddresses } from "../onion/read-map.js";
import { receiveOption } from "./onion-config.js";
import { withContext } from "./with-database.js";

export function addOnionTorrc(onion: Command): void {
  onion
    .command("torrc")
    .description("prints Tor's part: a file to %include in torrc, to be renewed when the map has changed")
    .addOption(receiveOption(EXIM_RECEIVE))
    .option("--hidden-service-dir <directory>", "the own onion MX", HIDDEN_SERVICE_DIR)
    .action(async (options: { receive: { host: string; port: number }; hiddenServiceDir: string }) => {
      const text = await withContext(async ({ config, db }) =>
        torrc({ ...options, torSocks: config.torSocks, mapped: await readVirtualAddresses(db) }),
      );
      process.stdout.write(text);
    });
}
