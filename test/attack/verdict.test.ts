import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Parameter, readVerdict } from "./verdict.js";

const refused = (...parameters: string[]) =>
  parameters
    .map((one) => `[21:43:07] [WARNING] ${one.replace(" ", " parameter '")}' does not seem to be injectable\n`)
    .join("");
const ALL_REFUSED = "[21:43:07] [ERROR] all tested parameters do not appear to be injectable.\n";
const FORM: Parameter[] = ["POST username", "POST branch"];

describe("what sqlmap says", () => {
  it("counts as nothing found where each parameter of the place was tested", () => {
    const both = readVerdict(refused("POST username", "POST branch") + ALL_REFUSED, FORM);
    assert.deepEqual(both, { tested: FORM, injectable: [] });
    const address = readVerdict(refused("URI #1*") + ALL_REFUSED, ["URI #1*"]);
    assert.deepEqual(address, { tested: ["URI #1*"], injectable: [] });
  });

  it("is no verdict where one of them was not", () => {
    for (const said of [refused("POST username"), refused("POST username", "GET branch"), refused("Cookie csrf"), ""]) {
      assert.throws(() => readVerdict(said + ALL_REFUSED, FORM), /^Error: sqlmap did not test .*POST branch:/, said);
    }
    assert.throws(() => readVerdict(ALL_REFUSED, []), /did not test anything/);
  });

  it("names what it found, though it stopped there", () => {
    const found = readVerdict("---\nParameter: username (POST)\n    Type: boolean-based blind\n---\n", FORM);
    assert.deepEqual(found, { tested: ["POST username"], injectable: ["username (POST)"] });
  });
});
