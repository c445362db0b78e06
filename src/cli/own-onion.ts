import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { HIDDEN_SERVICE_DIR } from "../onion/config/torrc.js";
import { explainOnionProblem, type OnionAddress, parseOnion } from "../onion/onion-address.js";

export interface OwnOnionOptions {
  onion?: OnionAddress;
  hostnameFile: string;
}

/** Adds the two ways to say which onion is one's own. */
export function withOwnOnion(command: Command): Command {
  return command
    .option("--onion <address>", "the own onion MX", onionArgument)
    .option("--hostname-file <file>", "or the file in which Tor keeps its name", `${HIDDEN_SERVICE_DIR}/hostname`);
}

/** The own onion: as given, or as Tor wrote it; undefined if there is no such file (or it may not be read). */
export async function ownOnion(options: OwnOnionOptions): Promise<OnionAddress | undefined> {
  if (options.onion !== undefined) return options.onion;
  const text = await readFile(options.hostnameFile, "utf8").catch(() => undefined);
  const read = text === undefined ? undefined : parseOnion(text);
  return read !== undefined && "onion" in read ? read.onion : undefined;
}

function onionArgument(text: string): OnionAddress {
  const read = parseOnion(text);
  if ("problem" in read) throw new InvalidArgumentError(explainOnionProblem(read.problem));
  return read.onion;
}
