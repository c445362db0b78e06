import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LEAKS as ADVERSARY } from "../adversary/leaks.js";
import * as forgery from "../forgery/faults.js";
import { KEPT, LEAKS as OUTSIDE } from "../outside/leaks.js";
import * as thief from "../thief/faults.js";
import { twoStatements } from "./two-statements.js";
import { broken, type Patch } from "./variant.js";

/** What suites are tried on. */
const VARIANTS: Record<string, readonly Patch[]> = {
  ...Object.fromEntries(Object.entries(ADVERSARY).map(([name, { patches }]) => [name, patches])),
  ...forgery,
  ...thief,
  "what the guesser outside notices": OUTSIDE.map(({ patch }) => patch),
  "what may be kept": KEPT.map(({ patch }) => patch),
  "one statement made two": twoStatements(),
};

describe("a fault put in on purpose", () => {
  for (const [name, patches] of Object.entries(VARIANTS)) {
    it(`fits the code as it is: ${name}`, () => {
      assert.ok(broken(patches).size > 0);
    });
  }

  it("that does not fit, or fits twice, is refused", () => {
    assert.throws(() => broken([{ file: "days.js", from: "no such code", to: "" }]), /fits once/);
    assert.throws(() => broken([{ file: "days.js", from: "export function", to: "" }]), /fits once/);
  });
});
