/**
 * What a check of one onion service came to.
 *
 * `tor-down` says nothing about the onion: our own Tor did not answer.
 */
export const OUTCOMES = [
  "reachable",
  "bad-address",
  "no-descriptor",
  "descriptor-unusable",
  "introduction-failed",
  "rendezvous-failed",
  "needs-authorization",
  "port-closed",
  "timeout",
  "no-smtp",
  "failed",
  "tor-down",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Whether the outcome means that mail can't get there now; undefined if it tells nothing. */
export function isUnreachable(outcome: Outcome): boolean | undefined {
  return outcome === "tor-down" ? undefined : outcome !== "reachable";
}
