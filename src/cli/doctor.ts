import type { Command } from "commander";

export function addDoctor(program: Command): void {
  program.command("doctor").description("checks this installation and says what to do");
}
