import { type Config, ConfigError, loadConfig } from "../config.js";
import { checkClock } from "./clock.js";
import { checkDatabase } from "./database.js";
import { checkFiles } from "./files.js";
import { checkMachine } from "./machine.js";
import { checkReachable } from "./reachable.js";

export interface Finding {
  /** `note`: works, but could be better. `wrong`: does not work, or tells what it must not. */
  level: "good" | "note" | "wrong";
  about: "configuration" | "files" | "database" | "clock" | "mail" | "tor" | "machine";
  text: string;
  /** What to do about it. */
  todo?: string;
}

/** Looks at everything; changes nothing, except that an embedded database that does not run is started meanwhile. */
export async function findings(): Promise<Finding[]> {
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map((text) => ({
      level: "wrong",
      about: "configuration",
      text,
      todo: "correct it in the environment or in .env",
    }));
  }
  const parts = await Promise.all([
    checkConfiguration(config),
    checkFiles(config),
    checkDatabase(config),
    checkReachable(config),
    checkMachine(),
  ]);
  return [...parts.flat(), ...checkClock(config)];
}

function checkConfiguration(config: Config): Finding[] {
  if (config.warnings.length === 0) return [{ level: "good", about: "configuration", text: "can be read" }];
  return config.warnings.map((text) => ({ level: "note", about: "configuration", text }));
}
