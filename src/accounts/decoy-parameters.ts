import type { Context } from "../context.js";
import {
  type Argon2Parameters,
  decoyParameters,
  formatParameters,
  type ParameterShare,
  parseParameters,
} from "../protocol/password.js";
import { hasValidTag } from "../protocol/tag.js";
import { readTagged } from "../rotation/rotate.js";
import { hasOtherParameters } from "./queries.js";

/**
 * Learns with which Argon2id parameters accounts are stored, where they are not all the configured ones. Done at start
 * and hourly, never at a sign-in.
 */
export async function learnParameters(context: Context): Promise<void> {
  const { db, config, secret, decoys } = context;
  const counts = new Map<string, number>();
  if (await hasOtherParameters(db, formatParameters(config.argon2))) {
    for await (const rows of readTagged(db, "accounts")) {
      for (const row of rows) {
        const text = row.parameters as string;
        // Only Kith's own rows: a writer could have every unknown name cost gigabytes.
        if (row.username !== "" && hasValidTag(secret, "accounts", row)) counts.set(text, (counts.get(text) ?? 0) + 1);
      }
    }
  }
  // In an order that stays: as accounts go over to new parameters, so do names that nobody has, each once.
  decoys.parameters = [...counts].sort(byText).flatMap(([text, accounts]): ParameterShare[] => {
    const parameters = parseParameters(text);
    return parameters ? [{ parameters, accounts }] : [];
  });
}

function byText([one]: readonly [string, number], [other]: readonly [string, number]): number {
  return one < other ? -1 : 1;
}

/**
 * What a failed sign-in with a name that nobody has costs. Else its time would tell such names from those of members
 * whose keys are still locked as `KITH_ARGON2` was before.
 *
 * @param domain empty where no member can have the name
 */
export function parametersOfNobody(context: Context, domain: string, username: string): Argon2Parameters {
  return decoyParameters(context.secret, domain, username, context.decoys.parameters) ?? context.config.argon2;
}
