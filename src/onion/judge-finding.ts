import { describeTargets, type Entry } from "./entry.js";
import type { Finding } from "./find-onion.js";

/** What to do with the map after the DNS has been asked. */
export type Verdict =
  /** the entry stays as it is; `contradiction`: what the DNS says instead, for an admin to look at */
  | { kind: "keep"; contradiction: string | undefined }
  | { kind: "take"; source: "dnssec" | "plain"; event: "discovered" | "changed" | undefined }
  | { kind: "withdraw" }
  | { kind: "nothing" };

/**
 * Compares what the DNS says with what the map has.
 *
 * Trust never falls by itself: a pin is never touched, and what once came with a valid signature is changed or taken
 * away only by an answer with a valid signature. Otherwise whoever can forge DNS could lead the mail elsewhere, or
 * into the clear, by leaving the signature out.
 */
export function judgeFinding(
  entry: Pick<Entry, "source" | "targets"> | undefined,
  finding: Exclude<Finding, { kind: "failed" }>,
): Verdict {
  const said = finding.kind === "found" ? describeTargets(finding.targets) : "";
  if (entry === undefined) {
    if (finding.kind === "none") return { kind: "nothing" };
    return { kind: "take", source: finding.validated ? "dnssec" : "plain", event: "discovered" };
  }
  const same = said === describeTargets(entry.targets);
  if (entry.source === "pinned") {
    // Most domains that are pinned announce nothing: that contradicts nothing.
    return { kind: "keep", contradiction: same || finding.kind === "none" ? undefined : said };
  }
  if (entry.source === "dnssec" && !finding.validated) return { kind: "keep", contradiction: same ? undefined : said };
  if (finding.kind === "none") return { kind: "withdraw" };
  return { kind: "take", source: finding.validated ? "dnssec" : "plain", event: same ? undefined : "changed" };
}
