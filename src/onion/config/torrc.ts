import type { OnionAddress } from "../onion-address.js";
import { NOWHERE } from "../virtual-address.js";
import { writeListen } from "./settings.js";

export interface TorrcSettings {
  torSocks: { host: string; port: number };
  /** Where Tor hands over what comes in for the own onion MX. */
  receive: { host: string; port: number };
  hiddenServiceDir: string;
  /** Each onion of the map with its virtual address. */
  mapped: Iterable<{ onion: OnionAddress; virtual: string }>;
}

/** Where Debian's tor may write, and where the commands look for the own onion address. */
export const HIDDEN_SERVICE_DIR = "/var/lib/tor/kith-onion-mx";

/** Tor's part of sending and receiving: a file to `%include` in torrc. */
export function torrc(settings: TorrcSettings): string {
  const lines = [
    '# Onion MX. Made by "kith onion torrc"; make it again and reload Tor when the map has changed.',
    "",
    "# Where mail servers and Kith reach onions. ExtendedErrors lets the check say what is wrong with one.",
    `SocksPort ${writeListen(settings.torSocks)} ExtendedErrors`,
    "",
    "# The own onion MX. The mail server must not trust what arrives at this address: kith onion config exim|postfix.",
    `HiddenServiceDir ${settings.hiddenServiceDir}`,
    `HiddenServicePort 25 ${writeListen(settings.receive)}`,
    "",
    "# Exim hands over IP addresses only. These stand for the onions of the map, for good: none is ever reused.",
  ];
  for (const { onion, virtual } of settings.mapped)
    if (virtual !== NOWHERE) lines.push(`MapAddress ${virtual} ${onion}`);
  return `${lines.join("\n")}\n`;
}
