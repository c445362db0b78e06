import type { Context } from "../context.js";
import type { Resolver } from "./dns.js";
import type { Domain } from "./domain.js";
import { describeTargets } from "./entry.js";
import { type Finding, findOnion } from "./find-onion.js";
import { judgeFinding, type Verdict } from "./judge-finding.js";
import { policyAtRisk } from "./mta-sts.js";
import {
  addHistory,
  countDiscoveredBelow,
  deleteEntry,
  notifyChanged,
  readEntries,
  updateEntry,
  writeEntries,
} from "./queries.js";

/** What changes come from that no admin made. */
const ACTOR = "dns";
/**
 * So many entries may the DNS bring below one name of two labels, or of three where two are a registry's (`co.uk`): a zone that answers for every name below it must not fill
 * the map, nor use up the virtual addresses.
 */
const MAX_BELOW = 1_000;
/** Names of strangers stand beside each other there. */
const REGISTRY = /(^|\.)(ac|co|com|edu|gov|ne|net|or|org)\.[a-z]{2}$/;

export interface Discovery {
  finding: Finding;
  /** undefined if nothing could be found out: the map is as it was */
  verdict: Verdict | undefined;
}

/**
 * Asks the DNS about one domain and brings the map up to date with it.
 *
 * @throws the database's error; what the DNS said is lost then, and the caller must not take it for "absent"
 */
export async function discoverDomain(
  context: Pick<Context, "db" | "clock" | "config">,
  resolver: Resolver,
  domain: Domain,
): Promise<Discovery> {
  const found = await findOnion(resolver, domain);
  const isTooMany = found.kind === "found" && (await isOneTooMany(context, domain));
  const finding: Finding = isTooMany ? { kind: "failed", why: `there are ${MAX_BELOW} below its name already` } : found;
  if (finding.kind === "failed") return { finding, verdict: undefined };
  const at = context.clock();
  const expiresAt = new Date(at.getTime() + finding.ttlSeconds * 1000);
  const verdict = await context.db.transaction().execute(async (trx): Promise<Verdict> => {
    const [entry] = await readEntries(trx, { domains: [domain] });
    const judged = judgeFinding(entry, finding);
    const write = (event: "discovered" | "changed" | "withdrawn" | "contradicted", detail: string) =>
      addHistory(trx, { actor: ACTOR, at }, [{ domain, event, detail }]);
    const before = entry === undefined ? "" : describeTargets(entry.targets);
    switch (judged.kind) {
      case "nothing":
        break;
      case "keep": {
        const { contradiction } = judged;
        if (contradiction !== undefined && contradiction !== entry?.contradiction) {
          await write("contradicted", `${before} ≠ ${contradiction === "" ? "nothing" : contradiction}`);
        }
        await updateEntry(trx, domain, {
          contradiction: contradiction ?? null,
          ...(entry?.source === "pinned" ? {} : { expires_at: expiresAt }),
        });
        break;
      }
      case "withdraw":
        await deleteEntry(trx, domain);
        await write("withdrawn", before);
        await notifyChanged(trx, domain);
        break;
      case "take": {
        if (finding.kind !== "found") break;
        if (judged.event === undefined) {
          await updateEntry(trx, domain, { source: judged.source, expires_at: expiresAt, contradiction: null });
        } else {
          const after = describeTargets(finding.targets);
          await writeEntries(trx, { actor: ACTOR, at }, [
            {
              domain,
              source: judged.source,
              targets: finding.targets,
              fallback: entry?.fallback ?? false,
              note: entry?.note ?? "",
              expiresAt,
            },
          ]);
          await write(judged.event, judged.event === "changed" ? `${before} → ${after}` : after);
        }
        await notifyChanged(trx, domain);
      }
    }
    return judged;
  });
  return { finding, verdict };
}

async function isOneTooMany({ db }: Pick<Context, "db">, domain: Domain): Promise<boolean> {
  const labels = domain.split(".");
  const owned = REGISTRY.test(domain) ? 3 : 2;
  if (labels.length <= owned || (await readEntries(db, { domains: [domain] })).length > 0) return false;
  return (await countDiscoveredBelow(db, labels.slice(-owned).join("."))) >= MAX_BELOW;
}

/**
 * Looks after a plain entry was taken whether the domain's MTA-STS policy should have been what decides, and keeps the
 * answer as a warning. Takes seconds: no look-up waits for it.
 */
export async function warnAboutPolicy(
  context: Pick<Context, "db" | "config">,
  resolver: Resolver,
  domain: Domain,
  { verdict }: Discovery,
): Promise<void> {
  if (verdict?.kind !== "take") return;
  // Signed records can't be forged, so there is nothing to warn about.
  const risk = verdict.source === "plain" ? await policyAtRisk(resolver, context.config.torSocks, domain) : "none";
  await updateEntry(context.db, domain, { mta_sts: risk === "none" ? null : risk });
}
