import { text } from "node:stream/consumers";
import type { Command } from "commander";
import type { Name } from "../accounts/username.js";
import { readName } from "./account.js";
import { type LetterOptions, printLetters } from "./invite.js";
import { withContext } from "./with-database.js";

export function addAdmin(program: Command): void {
  const admin = program.command("admin").description("the people who review and suspend");
  admin
    .command("invite")
    .description("prints an invite link that makes an admin")
    .option("--domain <domain>", "of the new account (default: the first of KITH_DOMAINS)")
    .option("--json", "prints JSON")
    .action(async (options: Omit<LetterOptions, "count">) => await printLetters("admin", { ...options, count: 1 }));
  admin
    .command("grant")
    .description("makes a member an admin; the invite tree only opens once another admin has confirmed the key")
    .argument("<name>", NAME)
    .option("--json", "prints JSON")
    .action(async (typed: string, options: Options) => await changeRole(typed, options, "admin"));
  admin
    .command("revoke")
    .description("takes the role away; new invitations are sealed to a new key as soon as an admin signs in")
    .argument("<name>", NAME)
    .option("--json", "prints JSON")
    .action(async (typed: string, options: Options) => await changeRole(typed, options, "member"));
  admin
    .command("confirm")
    .description("gives the role back to an admin who was reset, when there is no other one to confirm the new key")
    .argument("<name>", NAME)
    .option("--json", "prints JSON")
    .action(async (typed: string, options: Options) => {
      const name = readName(typed);
      await withContext(async (context) => {
        const { confirmByOperator } = await import("../review/operator.js");
        const { changed, reads } = await confirmByOperator(context, name);
        tell(options, name, { role: "admin", changed, reads }, changed ? "is an admin again" : "is an admin already");
      });
    });
  admin
    .command("recover-review-key")
    .description("opens the invite tree for an admin with the recovery phrase, which is read from standard input")
    .option("--for <name>", "which admin (default: the only one)")
    .option("--json", "prints JSON")
    .action(async (options: Options & { for?: string }) => {
      const name = options.for === undefined ? undefined : readName(options.for);
      if (process.stdin.isTTY) console.error("Type the twelve words, then Enter and Ctrl-D:");
      const phrase = await text(process.stdin);
      await withContext(async (context) => {
        const { recoverByOperator } = await import("../review/operator.js");
        const full = await recoverByOperator(context, name, phrase);
        if (options.json) console.log(JSON.stringify({ name: full, recovered: true }));
        else console.log(`${full} can open the invite tree again.`);
      });
    });
}

const NAME = "such as ada or ada@example.org";

interface Options {
  json?: boolean;
}

async function changeRole(typed: string, options: Options, role: "admin" | "member"): Promise<void> {
  const name = readName(typed);
  await withContext(async (context) => {
    const { setRoleByOperator } = await import("../review/operator.js");
    const { changed, reads } = await setRoleByOperator(context, name, role);
    const now = role === "admin" ? "an admin" : "no admin";
    tell(options, name, { role, changed, reads }, `is ${now}${changed ? " now" : " already"}`);
  });
}

function tell(
  { json }: Options,
  name: Name,
  outcome: { role: string; changed: boolean; reads: boolean },
  sentence: string,
): void {
  const full = `${name.username}@${name.domain}`;
  if (json) console.log(JSON.stringify({ name: full, ...outcome }));
  else
    console.log(
      `${full} ${sentence}.${outcome.reads ? " Nobody else could open the invite tree: a new key for it was made." : ""}`,
    );
}
