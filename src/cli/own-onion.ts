import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { Failure } from "../failure.js";
import { HIDDEN_SERVICE_DIR } from "../onion/config/torrc.js";
import { explainOnionProblem, type OnionAddress, parseOnion } from "../onion/onion-address.js";

export const DEFAULT_FILE = `${HIDDEN_SERVICE_DIR}/hostname`;

export interface OwnOnionOptions {
  onion?: OnionAddress;
  hostnameFile: string;
}

/** Adds the two ways to say which onion is one's own. */
export function withOwnOnion(command: Command): Command {
  return command
    .option("--onion <address>", "the own onion MX", onionArgument)
    .option("--hostname-file <file>", "or the file in which Tor keeps its name", DEFAULT_FILE);
}

/**
 * The own onion: as given, or as Tor wrote it; undefined if Tor wrote none where it does by default.
 *
 * @throws Failure if there is a file that can't be read, or holds something else, or not the file that was named
 */
export async function ownOnion({ onion, hostnameFile }: OwnOnionOptions): Promise<OnionAddress | undefined> {
  if (onion !== undefined) return onion;
  let text: string;
  try {
    text = await readFile(hostnameFile, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && hostnameFile === DEFAULT_FILE) return undefined;
    throw new Failure(`${hostnameFile} can't be read (${code}): name the onion with --onion, or run this as root`);
  }
  const read = parseOnion(text);
  if ("problem" in read)
    throw new Failure(`${hostnameFile} holds no onion address: ${explainOnionProblem(read.problem)}`);
  return read.onion;
}

function onionArgument(text: string): OnionAddress {
  const read = parseOnion(text);
  if ("problem" in read) throw new InvalidArgumentError(explainOnionProblem(read.problem));
  return read.onion;
}
