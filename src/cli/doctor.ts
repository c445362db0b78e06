import type { Command } from "commander";
import type { Finding } from "../doctor/findings.js";

const SIGN = { good: "ok     ", note: "note   ", wrong: "WRONG  " } as const;

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description(
      "checks configuration, files, database, clock, mail and Tor, and says what to do; exits 1 if something is wrong",
    )
    .option("--json", "prints JSON")
    .action(async (options: { json?: boolean }) => {
      const { findings } = await import("../doctor/findings.js");
      const found = await findings();
      if (options.json) console.log(JSON.stringify({ findings: found }));
      else for (const finding of found) print(finding);
      if (found.some(({ level }) => level === "wrong")) process.exitCode = 1;
    });
}

function print({ level, about, text, todo }: Finding): void {
  console.log(`${SIGN[level]}${about}: ${text}`);
  if (todo !== undefined) console.log(`         → ${todo}`);
}
