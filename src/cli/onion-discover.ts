import type { Command } from "commander";
import { loadConfig } from "../config.js";
import { Failure, UsageFailure } from "../failure.js";
import { discoverDomain, warnAboutPolicy } from "../onion/discover.js";
import { parseDomain } from "../onion/domain.js";
import { readEntries, wantDomain } from "../onion/read-map.js";
import { BEGINS_WHERE_TOLD, withContext } from "./with-database.js";

export function addOnionDiscover(onion: Command): void {
  onion
    .command("discover <domain>")
    .description("asks the DNS for a domain's onion, takes it into the map, and asks again from then on")
    .option("--json", "print JSON")
    .action(async (text: string, options: { json?: boolean }) => {
      const domain = parseDomain(text);
      if (domain === undefined) throw new UsageFailure(`${text} is not a domain that mail can go to`);
      const { resolver } = loadConfig();
      if (resolver === undefined) throw new Failure("set KITH_RESOLVER to a resolver that validates DNSSEC");
      await withContext(async (context) => {
        const discovery = await discoverDomain(context, resolver, domain);
        const { finding, verdict } = discovery;
        await warnAboutPolicy(context, resolver, domain, discovery);
        const seconds = finding.kind === "failed" ? 300 : finding.ttlSeconds;
        await wantDomain(context.db, domain, new Date(context.clock().getTime() + seconds * 1000));
        const [entry] = await readEntries(context.db, { domains: [domain] });
        if (options.json) console.log(JSON.stringify({ finding, verdict, entry: entry ?? null }));
        else {
          if (finding.kind === "failed") throw new Failure(`the DNS can't tell: ${finding.why}`);
          for (const ignored of finding.ignored) console.error(`ignored: ${ignored}`);
          if (finding.kind === "none") console.log(`${domain} announces no onion`);
          else
            for (const { onion: address, port } of finding.targets) {
              console.log(`${address}:${port} ${finding.validated ? "dnssec" : "plain"}`);
            }
          if (entry?.contradiction !== undefined) {
            console.error(`not taken: the map has a ${entry.source} entry that says otherwise; see /admin/onion`);
          }
          if (entry?.mtaSts !== undefined) {
            console.error(
              "warning: the domain has an MTA-STS policy, and an SRV record without DNSSEC could be forged",
            );
          }
        }
        if (finding.kind !== "found") process.exitCode = 1;
      }, BEGINS_WHERE_TOLD);
    });
}
