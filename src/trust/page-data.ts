import type { TrustedPerson as Entry } from "../accounts/state.js";
import { labelOfFull } from "../accounts/username.js";
import type { Context } from "../context.js";
import { monthOf } from "../days.js";
import { equalBytes, toHex } from "../protocol/bytes.js";
import { keyMonth } from "../protocol/keypair.js";
import type { RecordedEvent } from "../protocol/self-record.js";
import type { Rules as TokenRules } from "../protocol/token.js";
import type { Rules, Standing, TrustedPerson } from "./statement.js";

const STANDINGS: Record<Entry["standing"], Standing> = {
  usable: "counts",
  "new-key": "new-key",
  suspended: "suspended",
  gone: "gone",
  forged: "unverified",
};

/** The list as the pages show it, in the order of the names. */
export async function peopleFor(
  context: Context,
  trusted: readonly Entry[],
  told: readonly RecordedEvent[],
): Promise<TrustedPerson[]> {
  const people = await Promise.all(
    trusted.map(async (entry) => {
      const username = labelOfFull(context, entry.name);
      const keptKey = told.find((event) => event.kind === "person-reset-kept-key" && event.values?.name === entry.name);
      const newKey = entry.standing === "new-key" && entry.person;
      return {
        username,
        standing: isSealedTo(entry) ? STANDINGS[entry.standing] : "again",
        since: entry.month,
        wasReset: newKey ? newKey.resetMark !== entry.resetMark : keptKey !== undefined,
        newKey: newKey ? toHex(newKey.fingerprint) : null,
        reset: newKey ? monthOf(await keyMonth(newKey.publicKey)) : (keptKey?.day.slice(0, 7) ?? null),
      };
    }),
  );
  return people.sort((a, b) => (a.username < b.username ? -1 : 1));
}

/** Whoever could help again, or has a key that nobody is asked about, can do so once the row is made anew. */
function isSealedTo({ standing, held, person, fingerprint }: Entry): boolean {
  return standing !== "usable" || (!held && person !== undefined && equalBytes(person.fingerprint, fingerprint));
}

export function rulesFor(rules: TokenRules): Rules {
  return { threshold: rules.threshold, waitDays: rules.waitDays, keepKey: rules.keepsKey };
}
