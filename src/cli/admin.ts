import type { Command } from "commander";
import { type LetterOptions, printLetters } from "./invite.js";

export function addAdmin(program: Command): void {
  const admin = program.command("admin").description("the people who review and suspend");
  admin
    .command("invite")
    .description("prints an invite link that makes an admin")
    .option("--domain <domain>", "of the new account (default: the first of KITH_DOMAINS)")
    .option("--json", "prints JSON")
    .action(async (options: Omit<LetterOptions, "count">) => await printLetters("admin", { ...options, count: 1 }));
}
