import assert from "node:assert/strict";
import { test } from "node:test";
import { type Standing, type TrustedPerson, trustSummary } from "#kith/trust/statement.js";
import { type Segment, translator } from "#kith/web/i18n.js";

const en = translator("en", { strict: true });
const de = translator("de", { strict: true });
const text = (segments: Segment[]) => segments.map((segment) => segment.text).join("");

function said(names: Record<string, Standing>, threshold: number, waitDays = 0) {
  const people = Object.entries(names).map(
    ([username, standing]): TrustedPerson => ({
      username,
      standing,
      since: null,
      reset: null,
      wasReset: true,
      newKey: null,
    }),
  );
  const summary = trustSummary(people, { threshold, waitDays, keepKey: false });
  const { key, vars } = summary.statement;
  return {
    en: text(en.rich(key, vars)),
    de: text(de.rich(key, vars)),
    now: summary.now.map((sentence) => en(sentence.key, sentence.vars)).join(" "),
    note: en(summary.note.key, summary.note.vars),
    able: summary.able,
  };
}

test("what is true now is said for every number of people and rules", () => {
  const counts = "counts";
  assert.equal(said({}, 1).en, "Nobody can let you back in yet.");
  assert.equal(said({ bea: counts }, 1).en, "Bea can let you back in.");
  assert.equal(said({ bea: counts }, 1, 1).en, "Bea can let you back in, after one day.");
  assert.equal(said({ bea: counts, cem: counts }, 1).en, "Bea or cem can let you back in. One is enough.");
  assert.equal(said({ bea: counts, cem: counts }, 2).en, "Bea and cem together can let you back in.");
  const three = said({ bea: counts, cem: counts, dora: counts }, 2, 3);
  assert.equal(three.en, "Any 2 of bea, cem and dora can let you back in, after 3 days.");
  assert.equal(three.de, "Je zwei von bea, cem und dora können dich wieder hereinlassen, nach 3 Tagen.");
  assert.equal(three.now, "");
});

test("people who don't count are told of beside the statement", () => {
  const bea = said({ bea: "new-key", cem: "counts", dora: "counts" }, 2, 3);
  assert.equal(bea.en, "Any 2 of bea, cem and dora can let you back in, after 3 days.");
  assert.equal(bea.now, "Bea doesn’t count yet: there is a new key. Right now it takes both cem and dora.");
  const few = said({ bea: "new-key", cem: "counts" }, 2);
  assert.equal(few.able, false);
  assert.equal(few.en, "Nobody can let you back in right now.");
  assert.equal(few.now, "Bea doesn’t count yet: there is a new key. Two must agree, and only cem counts.");
  assert.equal(said({ emil: "suspended" }, 1).now, "None of the people you named counts at present.");
});

test("each number of people left has its own sentence", () => {
  const bea = "new-key";
  const now = (threshold: number, ...others: string[]) =>
    said({ bea, ...Object.fromEntries(others.map((name) => [name, "counts"])) }, threshold).now.split(": ")[1];
  assert.equal(now(1, "cem"), "there is a new key. Right now only cem can do it.");
  assert.equal(now(1, "cem", "dora"), "there is a new key. Right now cem or dora can do it alone.");
  assert.equal(now(2, "cem", "dora", "emil"), "there is a new key. Right now it takes any 2 of cem, dora and emil.");
  assert.equal(now(3, "cem", "dora", "emil"), "there is a new key. Right now it takes all of cem, dora and emil.");
  const two = said({ bea, cem: bea, dora: "counts" }, 2);
  assert.equal(two.now, "Bea and cem don’t count yet: there are new keys. Two must agree, and only dora counts.");
  assert.equal(
    said({ bea, cem: "counts", dora: "counts" }, 3).now,
    "Bea doesn’t count yet: there is a new key. Three must agree, and only cem and dora count.",
  );
});

test("who left for good is in no sentence of who can help", () => {
  const people = { bea: "counts", cem: "suspended", dora: "gone", emil: "unverified" } as const;
  assert.equal(said(people, 1).en, "Bea can let you back in.");
  assert.equal(said(people, 1).now, "", "nobody is waited for");
});

test("the note in the picture counts everybody named, and the days", () => {
  assert.equal(said({}, 1).note, "nobody yet");
  assert.equal(said({ bea: "counts", cem: "gone" }, 1).note, "1 of 2");
  assert.equal(said({ bea: "counts", cem: "counts", dora: "new-key" }, 2, 1).note, "2 of 3, 1 day");
  assert.equal(said({ bea: "counts", cem: "counts", dora: "new-key" }, 2, 3).note, "2 of 3, 3 days");
});

test("everybody is in the list of their standing, and who was reset with the key kept is told of", () => {
  const person = (username: string, standing: Standing, reset: string | null = null): TrustedPerson => ({
    username,
    standing,
    since: null,
    reset,
    wasReset: true,
    newKey: null,
  });
  const people = [
    person("bea", "counts", "2026-10"),
    person("cem", "counts"),
    person("dora", "new-key", "2026-11"),
    person("emil", "suspended"),
    person("finn", "gone"),
    person("gül", "unverified"),
  ];
  const summary = trustSummary(people, { threshold: 2, waitDays: 0, keepKey: false });
  const names = (list: TrustedPerson[]) => list.map(({ username }) => username).join(" ");
  assert.equal(names(summary.counting), "bea cem");
  assert.equal(names(summary.held), "dora");
  assert.equal(names(summary.lost), "emil finn gül");
  assert.equal(names(summary.told), "bea", "a new key is asked about, not told");
  assert.equal(summary.able, true, "exactly as many as must agree");
  assert.equal(trustSummary(people, { threshold: 3, waitDays: 0, keepKey: false }).able, false);
});
