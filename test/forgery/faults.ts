import type { Patch } from "../support/variant.js";

export const TAGS_NOT_LOOKED_AT: Patch[] = [
  {
    file: "protocol/tag.js",
    from: "return equalBytes(tag, tagRow(serverSecret, table, columns));",
    to: "return true;",
  },
];

export const ROLE_NOT_TAGGED: Patch[] = [
  {
    file: "protocol/tag.js",
    from: "for (const name of Object.keys(columns).sort())",
    to: 'for (const name of Object.keys(columns).filter((name) => name !== "role").sort())',
  },
];

const report = (table: string) =>
  `{ context.forgedRows.set("${table}", 1); context.log.error({ table: "${table}" }, "a forged row was met"); }`;

/** A spoilt row in people, or one that spent a letter, is reported by whoever meets it. */
export const OTHERS_REPORTED: Patch[] = [
  {
    file: "people/people.js",
    from: "    return hasValidTag(context.secret",
    to: `    const isGood = hasValidTag(context.secret, "people", { ...row }) && !cameBack(context, row.account_id, row.version, asked);\n    if (!isGood) ${report("people")}\n    return hasValidTag(context.secret`,
  },
  {
    file: "invites/settle-letters.js",
    from: "found.set(letter.nonce, discloseInvitee(nonce, row.invitee));",
    to: `{ found.set(letter.nonce, discloseInvitee(nonce, row.invitee)); if (!found.get(letter.nonce)) ${report("spent_invites")} }`,
  },
];

/** Whoever helps reports the rows of the one who is helped. */
export const HELPED_REPORTED: Patch[] = [
  {
    file: "resets/help.js",
    from: "const complete = genuine.length",
    to: `if (genuine.length < relations.length) ${report("relations")}\n    const complete = genuine.length`,
  },
];

/** The inspection looks at no row's tag. */
export const NOTHING_INSPECTED: Patch[] = [
  { file: "inspection/inspect.js", from: "of Object.keys(TAGGED_TABLES)", to: "of []" },
];
