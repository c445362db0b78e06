import type { Command } from "commander";
import { setStatus } from "../accounts/suspend.js";
import { type Name, parseName } from "../accounts/username.js";
import type { Context } from "../context.js";
import { Failure } from "../failure.js";
import { withContext } from "./with-database.js";

const CHANGES = {
  suspend: {
    status: "suspended",
    about: "bars a member: no sign-in, no helping, all sessions over; nothing is deleted",
  },
  reinstate: { status: "active", about: "lets a suspended member in again" },
} as const;

export function addAccount(program: Command): void {
  const account = program.command("account").description("one member's account");
  for (const [verb, { status, about }] of Object.entries(CHANGES)) {
    account
      .command(verb)
      .description(about)
      .argument("<name>", "such as ada or ada@example.org")
      .option("--json", "prints JSON")
      .action(async (typed: string, options: { json?: boolean }) => {
        await withContext(async (context) => {
          const name = readName(context, typed);
          const outcome = await setStatus(context, name, status);
          if (outcome === "unknown") throw new Failure(`there is no member ${name.username}@${name.domain}`);
          const full = `${name.username}@${name.domain}`;
          if (options.json) console.log(JSON.stringify({ name: full, status, changed: outcome === "done" }));
          else console.log(`${full} is ${status}${outcome === "same" ? " already" : ""}.`);
        });
      });
  }
}

function readName(context: Context, typed: string): Name {
  const name = parseName(typed, context.config.domains);
  if (name === undefined) throw new Failure("no member can have that name: write ada, or ada@ and one of KITH_DOMAINS");
  return name;
}
