import type { OnionAddress } from "../onion-address.js";

const TTL_SECONDS = 3600;

/** The name under which a domain announces its onion MX. */
export function srvName(domain: string): string {
  return `_onion-mx._tcp.${domain}`;
}

/** The records that tell other providers about the own onion MX, for the zone of each own domain. */
export function zone(domains: readonly string[], onion: OnionAddress): string {
  return domains.map((domain) => `${srvName(domain)}. ${TTL_SECONDS} IN SRV 0 5 25 ${onion}.\n`).join("");
}
