import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Patch, testsOfVariant } from "../support/variant.js";

// The suite of the writer, run against a Kith that is broken on purpose: it must say so within few changes.

function runAgainst(patches: readonly Patch[], changes: number, kinds = ""): string {
  return failing(patches, "writer", ["--changes", String(changes), "--seed", "3", "--kinds", kinds]);
}

function failing(patches: readonly Patch[], suite: string, args: readonly string[] = []): string {
  const file = join(testsOfVariant(patches), `forgery/${suite}.test.js`);
  const { stdout, status } = spawnSync(process.execPath, [file, ...args], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
  });
  assert.notEqual(status, 0, "the suite fails");
  return stdout;
}

describe("the suite of the writer", () => {
  it("fails when tags are not looked at", () => {
    const output = runAgainst(
      [
        {
          file: "protocol/tag.js",
          from: "return equalBytes(tag, tagRow(serverSecret, table, columns));",
          to: "return true;",
        },
      ],
      30,
    );
    assert.match(output, /# accepted: [1-9]/);
  });

  it("fails when tags leave out one column", () => {
    const output = runAgainst(
      [
        {
          file: "protocol/tag.js",
          from: "for (const name of Object.keys(columns).sort())",
          to: 'for (const name of Object.keys(columns).filter((name) => name !== "role").sort())',
        },
      ],
      60,
      "a role, a state or a right is given",
    );
    assert.match(output, /# accepted: [1-9]/);
  });
});

describe("the suite of what is met of others", () => {
  const report = (table: string) =>
    `{ context.forgedRows.set("${table}", 1); context.log.error({ table: "${table}" }, "a forged row was met"); }`;

  it("fails when a spoilt row in people, or one that spent a letter, is reported by whoever meets it", () => {
    const output = failing(
      [
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
      ],
      "others",
    );
    for (const what of ["who trusts her", "who wrote it", "who invited"]) {
      assert.match(output, new RegExp(`not ok \\d+ - .*${what}`));
    }
  });

  it("fails when whoever helps reports the rows of the one who is helped", () => {
    const output = failing(
      [
        {
          file: "resets/help.js",
          from: "const complete = genuine.length",
          to: `if (genuine.length < relations.length) ${report("relations")}\n    const complete = genuine.length`,
        },
      ],
      "others",
    );
    assert.match(output, /not ok \d+ - .*who is about to help/);
  });
});
