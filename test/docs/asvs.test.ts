import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** How many requirements of levels 1 and 2 each chapter of ASVS 5.0.0 has: counted in the standard, not in the page. */
const REQUIREMENTS = [27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7];
const OF_LEVEL = { 1: 70, 2: 183 };

describe("docs/asvs.md", () => {
  const page = read("docs/asvs.md");
  const lines = [...page.matchAll(/^\| (\d+)\.(\d+)\.(\d+) \| ([12]) \| (.+?) \| (.+?) \| (.+) \|$/gm)].map(
    ([, chapter, section, number, level, about, standing, text]) => ({
      chapter: Number(chapter),
      id: [chapter, section, number].map(Number),
      level: Number(level),
      about,
      standing,
      text: text as string,
    }),
  );

  it("has a line for each requirement, in order, each with a reason", () => {
    const counts = REQUIREMENTS.map((_, at) => lines.filter(({ chapter }) => chapter === at + 1).length);
    assert.deepEqual(counts, REQUIREMENTS);
    for (const level of [1, 2] as const)
      assert.equal(lines.filter((line) => line.level === level).length, OF_LEVEL[level], `level ${level}`);
    const order = lines.map(({ id }) => id.reduce((sum, part) => sum * 100 + part, 0));
    assert.deepEqual(
      order,
      [...new Set(order)].sort((a, b) => a - b),
    );
    for (const { id, about, text } of lines) assert.ok(about && text.length >= 4, id.join("."));
  });

  it("says how many are met as its lines do", () => {
    const count = (standing: string) => lines.filter((line) => line.standing === standing).length;
    const [met, none, not] = [count("met"), count("n/a"), count("**not met**")];
    assert.equal(met + none + not, lines.length, "a line stands otherwise");
    assert.ok(page.includes(`**${met} met, ${none} not applicable, ${not} not met.**`), `${met}, ${none}, ${not}`);
  });

  it("names a file or a page for whatever is met or not", () => {
    for (const { id, standing, text } of lines) {
      if (standing !== "n/a") assert.match(text, /`[^`]+`|\]\([^)]+\)/, id.join("."));
    }
  });
});

describe("what the documents name is there:", () => {
  const RICH = ["docs/asvs.md", "docs/threat-model.md"];
  const DOCUMENTS = [
    ...["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md"],
    ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ];

  for (const document of DOCUMENTS) {
    it(`files and tests in ${document}`, () => {
      const named = [
        ...read(document).matchAll(/`((?:src|test|bench|views|public|docs|locales|migrations|scripts)\/[^\s`]*)`/g),
      ];
      const files = new Set(named.map((match) => match[1] as string));
      if (RICH.includes(document)) assert.ok(files.size > 20, `${files.size} files`);
      assert.deepEqual(
        [...files].filter((file) => !existsSync(join(root, file))),
        [],
      );
    });

    it(`links and commands in ${document}`, () => {
      const text = read(document);
      for (const [, target = "", anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
        const file = target === "" ? document : normalize(join(dirname(document), target));
        assert.ok(existsSync(join(root, file)), `${document} links to ${target}`);
        if (anchor) assert.ok(anchorsOf(read(file)).has(anchor), `${file} has no heading #${anchor}`);
      }
      const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
      for (const [, name = ""] of text.matchAll(/`npm run (?:--silent )?([\w:-]+)/g)) assert.ok(scripts[name], name);
    });
  }
});

/** Headings as they are linked to. */
function anchorsOf(markdown: string): Set<string> {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map((match) => match[1] as string);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}
