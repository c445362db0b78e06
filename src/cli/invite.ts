import { type Command, InvalidArgumentError } from "commander";
import { loadConfig } from "../config.js";
import type { Context } from "../context.js";
import { addDays, dayOf } from "../days.js";
import { UsageFailure } from "../failure.js";
import { letterLink, operatorLetter } from "../invites/letters.js";
import { BEGINS_WHERE_TOLD, withContext } from "./with-database.js";

/** Nobody hands out more at once. */
const MAX_COUNT = 1000;

export interface LetterOptions {
  count: number;
  domain?: string;
  json?: boolean;
}

export function addInvite(program: Command): void {
  program
    .command("invite")
    .description("prints invite links for new members, one a line; no member answers for them")
    .option("--count <number>", "how many", wholeNumber, 1)
    .option("--domain <domain>", "of the new accounts (default: the first of KITH_DOMAINS)")
    .option("--json", "prints JSON")
    .action(async (options: LetterOptions) => await printLetters("operator", options));
}

/** Writes letters and prints their links. */
export async function printLetters(kind: "operator" | "admin", { count, domain, json }: LetterOptions): Promise<void> {
  expectDomain(domain);
  await withContext(async (context) => {
    const links = writeLinks(context, kind, count, domain);
    if (json) console.log(JSON.stringify({ links, expires: lastDay(context) }));
    else for (const link of links) console.log(link);
  }, BEGINS_WHERE_TOLD);
}

/** @throws UsageFailure, before anything is opened or made */
function expectDomain(domain: string | undefined): void {
  const { domains } = loadConfig();
  if (domain === undefined || domains.includes(domain.toLowerCase())) return;
  throw new UsageFailure(`${domain} is not one of KITH_DOMAINS (${domains.join(", ")})`);
}

function writeLinks(context: Context, kind: "operator" | "admin", count: number, domain: string | undefined): string[] {
  const { domains, origin } = context.config;
  const asked = domain?.toLowerCase() ?? domains[0];
  return Array.from({ length: count }, () => letterLink(origin, operatorLetter(context, kind, asked)));
}

/** The last day on which letters written today are good. */
function lastDay(context: Context): string {
  return addDays(dayOf(context.clock()), context.config.inviteDays);
}

function wholeNumber(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > MAX_COUNT) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_COUNT}.`);
  }
  return count;
}
