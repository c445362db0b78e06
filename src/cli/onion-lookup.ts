import type { Command } from "commander";
import { domainOfKey } from "../onion/domain.js";
import { readEntries } from "../onion/read-map.js";
import { withContext } from "./with-database.js";

export function addOnionLookup(onion: Command): void {
  onion
    .command("lookup <domain>")
    .description("says what the map has for a domain or an address; exits with 1 when it is absent")
    .option("--json", "print JSON")
    .action(async (text: string, options: { json?: boolean }) => {
      const domain = domainOfKey(text);
      const [entry] = domain === undefined ? [] : await withContext(({ db }) => readEntries(db, { domains: [domain] }));
      if (entry === undefined) {
        if (options.json) console.log("null");
        else console.error("not in the map");
        process.exitCode = 1;
        return;
      }
      if (options.json) console.log(JSON.stringify(entry));
      else for (const target of entry.targets) console.log(`${target.onion}:${target.port} ${entry.source}`);
    });
}
