import type { Command } from "commander";
import { loadConfig } from "../config.js";
import { Failure } from "../failure.js";
import { zone } from "../onion/config/zone.js";
import { type OwnOnionOptions, ownOnion, withOwnOnion } from "./own-onion.js";

export function addOnionZone(onion: Command): void {
  withOwnOnion(
    onion.command("zone").description("prints the DNS records that tell other providers about the own onion MX"),
  ).action(async (options: OwnOnionOptions) => {
    const address = await ownOnion(options);
    if (address === undefined) throw new Failure(`no onion address in ${options.hostnameFile}: give one with --onion`);
    process.stdout.write(zone(loadConfig().domains, address));
  });
}
