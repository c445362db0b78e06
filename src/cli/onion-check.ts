import type { Command } from "commander";
import pLimit from "p-limit";
import type { Config } from "../config.js";
import { Failure, UsageFailure } from "../failure.js";
import { checkEntry } from "../onion/check-entry.js";
import { checkOnion, type OnionCheck } from "../onion/check-onion.js";
import { parseDomain } from "../onion/domain.js";
import type { OnionAddress } from "../onion/onion-address.js";
import { checkOpenRelay, type RelayCheck } from "../onion/open-relay.js";
import { readEntries } from "../onion/read-map.js";
import { fail } from "./fail.js";
import { DEFAULT_FILE, type OwnOnionOptions, ownOnion, withOwnOnion } from "./own-onion.js";
import { withContext } from "./with-database.js";

const AT_ONCE = 8;

interface Options extends OwnOnionOptions {
  relayTo: string[];
  json?: boolean;
}

export function addOnionCheck(onion: Command): void {
  withOwnOnion(
    onion
      .command("check [domains...]")
      .description(
        "checks through Tor: that the own onion MX answers and is no open relay, and that the map's onions can be reached; with domains only those",
      ),
  )
    .option("--relay-to <domains...>", "further domains that the own server must not relay to", [])
    .option("--json", "print JSON")
    .action(async (domains: string[], options: Options) => {
      const wanted = domains.map((text) => {
        const domain = parseDomain(text);
        if (domain === undefined) throw new UsageFailure(`${text} is not a domain that mail can go to`);
        return domain;
      });
      const address = domains.length > 0 ? undefined : await ownOnion(options).catch(sayUnlessNamed(options));
      await withContext(async (context) => {
        const own = address === undefined ? undefined : await checkOwn(context.config, address, options.relayTo);
        const entries = await readEntries(context.db, domains.length > 0 ? { domains: wanted } : {});
        const missing = wanted.filter((domain) => !entries.some((entry) => entry.domain === domain));
        const limit = pLimit(AT_ONCE);
        const checks = await Promise.all(
          entries.map((entry) =>
            limit(async () => ({ domain: entry.domain as string, ...(await checkEntry(context, entry)) })),
          ),
        );
        const good =
          (own === undefined || own.relay?.verdict === "closed") &&
          missing.length === 0 &&
          checks.every((check) => check.outcome === "reachable");
        if (!good) process.exitCode = 1;
        if (options.json) {
          console.log(JSON.stringify({ own: own ?? null, entries: checks, missing }));
          return;
        }
        if (own !== undefined) printOwn(own);
        else if (domains.length === 0) {
          console.log(`own onion MX: none known here (no --onion, nothing to read in ${options.hostnameFile})`);
        }
        for (const { domain, ...check } of checks) console.log(`${domain}: ${describe(check)}`);
        for (const domain of missing) console.log(`${domain}: not in the map`);
      });
    });
}

/** Where Tor's own file can't be read, the map is checked all the same. */
function sayUnlessNamed({ hostnameFile }: OwnOnionOptions) {
  return (error: unknown): undefined => {
    if (!(error instanceof Failure) || hostnameFile !== DEFAULT_FILE) throw error;
    fail(error);
  };
}

interface OwnCheck {
  onion: OnionAddress;
  smtp: OnionCheck;
  relay: RelayCheck | undefined;
}

async function checkOwn(config: Config, onion: OnionAddress, relayTo: readonly string[]): Promise<OwnCheck> {
  const target = { onion, port: 25 };
  const smtp = await checkOnion(config.torSocks, target);
  if (smtp.outcome !== "reachable") return { onion, smtp, relay: undefined };
  const relay = await checkOpenRelay(config.torSocks, target, config.domains[0], relayTo).catch(
    (error: Error): RelayCheck => ({
      verdict: "unclear",
      probes: [{ from: "", to: "", accepted: false, reachedRecipient: false, reply: error.message }],
    }),
  );
  return { onion, smtp, relay };
}

function printOwn({ onion, smtp, relay }: OwnCheck): void {
  console.log(`own onion MX ${onion}: ${describe(smtp)}`);
  if (relay === undefined) return;
  if (relay.verdict === "closed") console.log(`no open relay: ${relay.probes.length} attempts were refused`);
  if (relay.verdict === "open") {
    console.log("OPEN RELAY: everybody who has Tor can send mail through this server.");
    for (const probe of relay.probes.filter((one) => one.accepted)) {
      console.log(`  from <${probe.from}> to <${probe.to}>: ${probe.reply}`);
    }
    console.log("See kith onion config exim|postfix for what tells strangers from this machine.");
  }
  if (relay.verdict === "unclear") {
    console.log("Not proven: the server did not say a final no to every attempt.");
    for (const probe of relay.probes.filter((one) => !one.reply.startsWith("5") || !one.reachedRecipient).slice(0, 5)) {
      console.log(`  from <${probe.from}> to <${probe.to}>: ${probe.reply}`);
    }
  }
}

function describe(check: OnionCheck): string {
  const seconds = `${(check.milliseconds / 1000).toFixed(1)} s`;
  if (check.outcome === "reachable") {
    return `reachable, ${seconds}, STARTTLS ${check.starttls === true ? "offered" : "not offered"}`;
  }
  return `${EXPLAINED[check.outcome]}${check.detail === undefined ? "" : ` (${check.detail})`}, ${seconds}`;
}

const EXPLAINED: Record<Exclude<OnionCheck["outcome"], "reachable">, string> = {
  "bad-address": "not an onion address",
  "no-descriptor": "not found: the service is down, or the address has changed",
  "descriptor-unusable": "its announcement is broken",
  "introduction-failed": "announced, but it does not answer",
  "rendezvous-failed": "announced, but no connection came about",
  "needs-authorization": "lets in only clients it knows",
  "port-closed": "there, but nothing listens on this port",
  timeout: "no connection in time",
  "no-smtp": "connected, but no mail server speaks there",
  failed: "no connection (does Tor's SocksPort have the flag ExtendedErrors?)",
  "tor-down": "Tor's own SOCKS port does not answer: is Tor running, is KITH_TOR_SOCKS right?",
};
