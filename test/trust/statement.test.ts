import assert from "node:assert/strict";
import { test } from "node:test";
import { type Standing, type TrustedPerson, trustSummary } from "#kith/trust/statement.js";
import { type Segment, translator } from "#kith/web/i18n.js";

const en = translator("en", { strict: true });
const de = translator("de", { strict: true });
const text = (segments: Segment[]) => segments.map((segment) => segment.text).join("");

function said(names: Record<string, Standing>, threshold: number, waitDays = 0) {
  const people = Object.entries(names).map(
    ([username, standing]): TrustedPerson => ({ username, standing, since: null, reset: null }),
  );
  const summary = trustSummary(people, { threshold, waitDays, keepKey: false });
  const { key, vars } = summary.statement;
  return {
    en: text(en.rich(key, vars)),
    de: text(de.rich(key, vars)),
    now: summary.now.map((sentence) => en(sentence.key, sentence.vars)).join(" "),
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
