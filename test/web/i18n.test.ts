import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pickLanguage, translator } from "#kith/web/i18n.js";

type Catalogue = Map<string, string>;

function catalogue(language: string): Catalogue {
  const entries: Catalogue = new Map();
  const walk = (value: object, path: string) => {
    for (const [key, child] of Object.entries(value) as [string, unknown][]) {
      if (typeof child === "string") entries.set(path + key, child);
      else walk(child as object, `${path}${key}.`);
    }
  };
  walk(JSON.parse(readFileSync(new URL(`../../locales/${language}.json`, import.meta.url), "utf8")) as object, "");
  return entries;
}

const en = catalogue("en");
const de = catalogue("de");

const variables = (text: string) => [...text.matchAll(/\{\{\s*(\w+)/g)].map((match) => match[1]!);
const tags = (text: string) => [...text.matchAll(/<[^>]*>/g)].map((match) => match[0]).sort();

/** The variables of a sentence over all its plural forms (one form may leave the number out). */
function variablesOf(entries: Catalogue, key: string): string[] {
  const base = key.replace(/_(one|other)$/, "");
  const forms = [...entries].filter(([other]) => other.replace(/_(one|other)$/, "") === base);
  return [...new Set(forms.flatMap(([, text]) => variables(text)))].sort();
}

test("English and German have the same sentences", () => {
  assert.deepEqual([...de.keys()].sort(), [...en.keys()].sort());
});

test("English and German put the same variables and the same tags into each sentence", () => {
  for (const [key, text] of en) {
    const count = (names: string[]) => names.filter((name) => !key.includes("_") || name !== "count");
    assert.deepEqual(count(variablesOf(de, key)), count(variablesOf(en, key)), key);
    assert.deepEqual(tags(de.get(key) ?? ""), tags(text), key);
  }
});

test("a sentence holds no tag but b, code and a, and no straight quotes", () => {
  for (const text of [...en.values(), ...de.values()]) {
    for (const tag of tags(text)) assert.match(tag, /^<\/?(b|code|a)>$/, text);
    assert.doesNotMatch(text, /["']/, text);
  }
});

test("no sentence shouts, begs or praises itself", () => {
  for (const text of [...en.values(), ...de.values()]) {
    assert.doesNotMatch(text, /!|\bplease\b|\bbitte\b|\bsuccessfully\b|\berfolgreich\b|\boops\b/, text);
  }
  for (const text of en.values()) assert.doesNotMatch(text, /\b(he|she|him|her|his|hers)\b/i, text);
});

test("a missing sentence and a missing variable are refused", () => {
  const t = translator("en", { strict: true });
  assert.throws(() => t("home.nothing"), /no "home\.nothing"/);
  assert.throws(() => t("home.heading", {}), /Nothing given/);
  assert.throws(() => t("steps.chose", {}), /Nothing given/);
});

test("production shows the key of a missing sentence instead of failing", () => {
  assert.equal(translator("en", { strict: false })("home.nothing"), "home.nothing");
});

test("only the catalogue's own tags are emphasis, never those of a name", () => {
  const parts = translator("en", { strict: true }).rich("trust.statement.any", {
    threshold: 2,
    people: ["<b>bea</b>", "<a>", "{{threshold}}", "$t(home.title)"],
  });
  assert.deepEqual(
    parts.filter((part) => part.tag === "b").map((part) => part.text),
    ["<b>bea</b>", "<a>", "{{threshold}}", "$t(home.title)"],
  );
});

test("what begins like a nested sentence is text, however long it goes on", () => {
  const t = translator("en", { strict: true });
  for (const sign of ["$t(", "\u0000", "(?!)", ""]) {
    const username = `${sign}${"a".repeat(10_000)}`;
    assert.ok(t("problem.trust.unknown", { username, name: username, domain: "x" }).includes(username));
  }
});

test("days are told as one would say them", () => {
  const t = translator("en", { today: () => "2025-11-24", strict: true });
  const d = translator("de", { today: () => "2025-11-24", strict: true });
  const began = (day: string) => [t("needs.resetBegan", { day }), d("needs.resetBegan", { day })];
  assert.deepEqual(began("2025-11-24"), ["It began today.", "Begonnen hat es heute."]);
  assert.deepEqual(began("2025-11-23"), ["It began yesterday.", "Begonnen hat es gestern."]);
  assert.deepEqual(began("2025-11-20"), ["It began on Thursday.", "Begonnen hat es am Donnerstag."]);
  assert.deepEqual(began("2025-11-12"), ["It began on 12 November.", "Begonnen hat es am 12. November."]);
  assert.deepEqual(began("2024-11-12"), ["It began on 12 November 2024.", "Begonnen hat es am 12. November 2024."]);
  assert.equal(t("choose.step4Wait", { earliest: "2025-12-04" }), "On Thursday, 4 December at the earliest.");
  assert.equal(d("choose.step4Wait", { earliest: "2025-12-04" }), "Frühestens am Donnerstag, 4. Dezember.");
  assert.equal(t("trust.since", { month: "2025-03" }), "since March 2025");
});

test("the chosen language goes before the browser's, and the browser's before the default", () => {
  assert.equal(pickLanguage("de-AT,de;q=0.9,en;q=0.5", undefined, "en"), "de");
  assert.equal(pickLanguage("fr,en;q=0.3,de;q=0.7", undefined, "en"), "de");
  assert.equal(pickLanguage("fr", undefined, "de"), "de");
  assert.equal(pickLanguage("de;q=0,en", undefined, "de"), "en");
  assert.equal(pickLanguage(undefined, "de", "en"), "de");
  assert.equal(pickLanguage("en", "de", "en"), "de");
  assert.equal(pickLanguage("en", "../../etc", "de"), "en");
  assert.equal(pickLanguage(`${",".repeat(100_000)}`, undefined, "en"), "en");
});
