import type { Patch } from "./variant.js";

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: compiled code
/**
 * A Kith that writes the account first, and its rows afterwards.
 *
 * @param pauseMilliseconds between the two
 */
export const twoStatements = (pauseMilliseconds = 0): Patch[] => [
  {
    file: "accounts/queries.js",
    from: "const { rows } = await sql `\n    with changed as (\n      update accounts",
    to: `await sql\`update accounts set \${sql.join(assignments)} where id = \${id} and tag = \${change.readTag}\`.execute(db);
    await new Promise((resolve) => setTimeout(resolve, ${pauseMilliseconds}));
    const { rows } = await sql \`\n    with changed as (\n      update accounts`,
  },
  {
    file: "accounts/queries.js",
    from: "tag = ${change.readTag} returning id",
    to: "tag = ${columns.tag} returning id",
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: compiled code
