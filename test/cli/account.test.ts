import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

describe("an account from the command line", () => {
  it("is suspended and reinstated by name, and says if it stood so already", async () => {
    const env = { KITH_DATA_DIR: temporaryDirectory(), KITH_DOMAINS: "example.org" };
    assert.equal((await runKith(["demo"], env)).status, 0);
    const said = async (...args: string[]) => (await runKith(["account", ...args], env)).stdout;
    assert.equal(await said("suspend", "ada"), "ada@example.org is suspended.\n");
    assert.equal(await said("suspend", "ADA@example.org"), "ada@example.org is suspended already.\n");
    const json = JSON.parse(await said("reinstate", "ada", "--json"));
    assert.deepEqual(json, { name: "ada@example.org", status: "active", changed: true });
    const unknown = await runKith(["account", "suspend", "zoe"], env);
    assert.equal(unknown.status, 1);
    assert.equal(unknown.stderr, "kith: there is no member zoe@example.org\n");
    for (const name of ["ada@example.com", "!!"]) {
      const { status, stdout, stderr } = await runKith(["account", "suspend", name], env);
      assert.equal(status, 2, name);
      assert.equal(stdout, "");
      assert.match(stderr, /^kith: no member can have that name: [^\n]+\n$/);
    }
    assert.equal((await runKith(["account", "suspend"], env)).status, 2);
  });
});
