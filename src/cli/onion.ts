import type { Command } from "commander";
import { addOnionCheck } from "./onion-check.js";
import { addOnionConfig } from "./onion-config.js";
import { addOnionDiscover } from "./onion-discover.js";
import { addOnionExport } from "./onion-export.js";
import { addOnionImport } from "./onion-import.js";
import { addOnionLookup } from "./onion-lookup.js";
import { addOnionServe } from "./onion-serve.js";
import { addOnionTorrc } from "./onion-torrc.js";
import { addOnionZone } from "./onion-zone.js";

/** `kith onion …`: mail between providers over Tor. */
export function onionCommands(program: Command): void {
  const onion = program
    .command("onion")
    .description("mail between providers over Tor (docs/onion-mx.md)")
    .exitOverride();
  addOnionImport(onion);
  addOnionExport(onion);
  addOnionLookup(onion);
  addOnionDiscover(onion);
  addOnionServe(onion);
  addOnionConfig(onion);
  addOnionTorrc(onion);
  addOnionZone(onion);
  addOnionCheck(onion);
}
