import type { Patch } from "../support/variant.js";
import type { Fact } from "./story.js";

export interface Leak {
  /** What it tells. */
  fact: Fact;
  patches: readonly Patch[];
  /** How the difference begins by which two plays with the same dice tell it. */
  seenIn: string;
}

const PRIVATE_STATE = "accounts/state.js";
const STATEMENTS = "accounts/queries.js";

/** After a change was stored: the accounts that are trusted are at hand there. */
const STORED = `    if (!cases)
        return undefined;
`;

/** Leaks put in on purpose, to see that the adversary finds them. Each is what a database is usually built like. */
// biome-ignore-start lint/suspicious/noTemplateCurlyInString: compiled code
export const LEAKS: Record<string, Leak> = {
  "seals name their recipient's key": {
    fact: "trusted",
    seenIn: "mentions: ",
    patches: [{ file: "protocol/seal.js", from: "wildcard: true", to: "wildcard: false" }],
  },
  "seals are as long as what is in them": {
    fact: "trusted",
    seenIn: "dump 1 relations: ",
    patches: [
      {
        file: "protocol/seal.js",
        from: "pad(plaintext, SEAL_CLASSES[sealClass])",
        to: "pad(plaintext, plaintext.length + 4)",
      },
      { file: "protocol/seal.js", from: "sealed.length === SEALED_BYTES[sealClass]", to: "true" },
    ],
  },
  "a foreign key leads to the one who is trusted": {
    fact: "trusted",
    seenIn: "wal: ",
    patches: [
      {
        file: PRIVATE_STATE,
        from: STORED,
        to: `${STORED}    for (const { trustedId } of state.trusted)
        await context.pool.query("select from people where account_id = $1 for key share", [trustedId]);
`,
      },
    ],
  },
  "the id of the one who is trusted stands in a row for a moment": {
    fact: "trusted",
    seenIn: "mentions: ",
    patches: [
      {
        file: PRIVATE_STATE,
        from: STORED,
        to: `${STORED}    for (const { trustedId } of state.trusted) {
        const set = "update accounts set generation = $1 where id = $2";
        const { rows: [{ generation }] } = await context.pool.query("select generation from accounts where id = $1", [account.id]);
        await context.pool.query(set, [Buffer.from(trustedId.replaceAll("-", ""), "hex"), account.id]);
        await context.pool.query(set, [generation, account.id]);
    }
`,
      },
    ],
  },
  "only slots in use have a row": {
    fact: "count",
    seenIn: "dump 1 relations: ",
    patches: [
      {
        file: PRIVATE_STATE,
        from: STORED,
        to: `${STORED}    await context.pool.query("delete from relations where trusting_id = $1 and id <> all($2)", [
        account.id,
        state.trusted.map((entry) => entry.rowId),
    ]);
`,
      },
    ],
  },
  "only rows that changed are written": {
    fact: "count",
    seenIn: "decoded: ",
    patches: [
      // Every row then is of the account's first generation.
      { file: PRIVATE_STATE, from: "equalBytes(row.generation, account.generation)", to: "true" },
      { file: "accounts/account.js", from: "stored.mixed ?", to: "false ?" },
      {
        file: STATEMENTS,
        from: "where relations.trusting_id = excluded.trusting_id",
        to: "where relations.trusting_id = excluded.trusting_id and relations.id = any(${change.changedRows}::uuid[])",
      },
      {
        file: PRIVATE_STATE,
        from: "session: extras.session,\n    }",
        to: "session: extras.session, changedRows: changedRows(state) }",
      },
      {
        file: PRIVATE_STATE,
        from: "/** How often a change begins anew",
        to: `const known = new Map();
function changedRows({ account, trusted, record }) {
    const rows = new Map(trusted.map((one) => [one.rowId, [one.trustedId, one.held, record.rules].map(String).join()]));
    const before = known.get(account.id) ?? new Map();
    known.set(account.id, rows);
    return [...new Set([...before.keys(), ...rows.keys()])].filter((id) => before.get(id) !== rows.get(id));
}
/** How often a change begins anew`,
      },
    ],
  },
  "a name stands in an address that is logged": {
    fact: "trusted",
    seenIn: "kith log: ",
    patches: [
      {
        file: "trust/routes.js",
        from: 'return await goTo(visit, "/trust", { kind: "good", key: "flash.person-added", vars: { name } });',
        to: "return await goTo(visit, `/trust?added=${name}`);",
      },
      {
        file: "web/app.js",
        from: "log.info({ method: request.method, route,",
        to: "log.info({ method: request.method, route: request.url,",
      },
    ],
  },
};
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: compiled code
