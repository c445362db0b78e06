import type { Command } from "commander";
import { type Name, parseName } from "../accounts/username.js";
import { loadConfig } from "../config.js";
import { UsageFailure } from "../failure.js";
import { withContext } from "./with-database.js";

const CHANGES = {
  suspend: {
    kind: "suspended",
    now: "suspended",
    about: "bars a member: no sign-in, no helping, all sessions and resets over; nothing else is deleted",
  },
  reinstate: { kind: "reinstated", now: "active", about: "lets a suspended member in again" },
  freeze: {
    kind: "frozen-sign-in",
    now: "frozen",
    about: "closes signing in, for a member whose password a thief knows; trusted people can still let them back in",
  },
  unfreeze: { kind: "unfrozen-sign-in", now: "open for signing in", about: "opens signing in again" },
} as const;

export function addAccount(program: Command): void {
  const account = program.command("account").description("one member's account");
  for (const [verb, { kind, now, about }] of Object.entries(CHANGES)) {
    account
      .command(verb)
      .description(about)
      .argument("<name>", "such as ada or ada@example.org")
      .option("--json", "prints JSON")
      .action(async (typed: string, options: { json?: boolean }) => {
        const name = readName(typed);
        await withContext(async (context) => {
          const { actByOperator } = await import("../review/operator.js");
          const changed = await actByOperator(context, name, kind);
          const full = `${name.username}@${name.domain}`;
          if (options.json) console.log(JSON.stringify({ name: full, status: now, changed }));
          else console.log(`${full} is ${now}${changed ? "" : " already"}.`);
        });
      });
  }
}

/** @throws ConfigError, UsageFailure */
export function readName(typed: string): Name {
  const name = parseName(typed, loadConfig().domains);
  if (name === undefined)
    throw new UsageFailure("no member can have that name: write ada, or ada@ and one of KITH_DOMAINS");
  return name;
}
