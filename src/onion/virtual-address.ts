/**
 * Exim's SOCKS client sends an IP address only, never a name. So every onion gets a number for life, written as an
 * address in 10.192.0.0/10, and Tor is told by `MapAddress` which onion it stands for.
 */
const FIRST = (10 * 256 + 192) * 65536;
export const MAX_VIRTUAL_NUMBER = 2 ** 22 - 2;

/**
 * Never handed out and never in torrc: Tor refuses to connect to it, so a mail server that is answered this address
 * keeps the mail and tries again later.
 */
export const NOWHERE = "10.192.0.0";

/**
 * @param number 1 …, unique to one onion, never given to another even after a removal; above 4,194,302 there is no address
 * left, and mail to that onion waits
 */
export function virtualAddress(number: number): string {
  if (!Number.isInteger(number) || number < 1) throw new RangeError(`no virtual address for number ${number}`);
  if (number > MAX_VIRTUAL_NUMBER) return NOWHERE;
  const address = FIRST + number;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
