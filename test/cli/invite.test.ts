import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { runKith, startKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

describe("letters from the command line", () => {
  const env: Record<string, string> = { KITH_DOMAINS: "example.org,example.net" };
  let url = "";
  before(async () => {
    env.KITH_DATA_DIR = temporaryDirectory();
    // What is printed is good for the Kith that runs beside.
    ({ url } = await startKith(env));
  });

  async function page(link: string): Promise<{ status: number; html: string }> {
    const answer = await fetch(new URL(new URL(link).pathname, url));
    return { status: answer.status, html: await answer.text() };
  }

  it("kith invite prints as many links as asked for, each good and each different", async () => {
    const { status, stdout, stderr } = await runKith(["invite", "--count", "3", "--domain", "example.net"], env);
    assert.equal(status, 0, stderr);
    const links = stdout.trim().split("\n");
    assert.equal(new Set(links).size, 3);
    for (const link of links) {
      const { status, html } = await page(link);
      assert.equal(status, 200);
      assert.doesNotMatch(html, /trust_inviter/, "nobody to trust stands behind it");
    }
  });

  it("--json gives the links and the last day on which they are good", async () => {
    const { stdout } = await runKith(["invite", "--json"], env);
    const { links, expires } = JSON.parse(stdout) as { links: string[]; expires: string };
    assert.equal(links.length, 1);
    assert.match(expires, /^\d{4}-\d\d-\d\d$/);
  });

  it("kith admin invite prints a link that makes an admin, also when there is one", async () => {
    for (const _time of [1, 2]) {
      const { status, stdout } = await runKith(["admin", "invite"], env);
      assert.equal(status, 0);
      assert.equal((await page(stdout.trim())).status, 200);
    }
  });

  it("a domain that is not served is refused in one line", async () => {
    const { status, stdout, stderr } = await runKith(["invite", "--domain", "example.com"], env);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^kith: example\.com is not one of KITH_DOMAINS \(example\.org, example\.net\)\n$/);
  });

  it("wrong numbers are wrong usage", async () => {
    for (const count of ["0", "-1", "1.5", "x", "1001"]) {
      const { status, stdout, stderr } = await runKith(["invite", "--count", count], env);
      assert.equal(status, 2, count);
      assert.equal(stdout, "");
      assert.match(stderr, /whole number/);
    }
    assert.equal((await runKith(["admin"], env)).status, 2);
    assert.equal((await runKith(["invite", "--help"], env)).status, 0);
  });
});
