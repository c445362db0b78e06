#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { isBrokenOff } from "../db/open.js";
import { addAccount } from "./account.js";
import { addAdmin } from "./admin.js";
import { addBackup } from "./backup.js";
import { addDemo } from "./demo.js";
import { addDoctor } from "./doctor.js";
import { fail } from "./fail.js";
import { addInvite } from "./invite.js";
import { addMigrate } from "./migrate.js";
import { onionCommands } from "./onion.js";
import { watchOutput } from "./output.js";
import { addSecret } from "./secret.js";
import { endAtSignals } from "./signals.js";
import { addStart } from "./start.js";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Commands that run until they are told to end, and know how. */
const SERVICES = new Set(["start", "serve"]);

const program = new Command("kith")
  .description("Members of a collective look after their own accounts.")
  .version(version)
  .showHelpAfterError("(try --help)")
  // Inherited by the commands added below.
  .exitOverride();

// One file a command.
addStart(program);
addMigrate(program);
addAdmin(program);
addInvite(program);
addAccount(program);
addDemo(program);
addBackup(program);
addSecret(program);
addDoctor(program);
onionCommands(program);

watchOutput();
program.hook("preAction", (_program, command) => {
  if (!SERVICES.has(command.name())) endAtSignals(() => ended);
});
const ended = program.parseAsync().then(
  () => undefined,
  (error: unknown) => {
    // commander has already said what is wrong; it would exit with 1, which is for failures.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    // Who ends a command knows why it fails.
    else if (!isBrokenOff()) fail(error);
  },
);
await ended;
