import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { domainOfKey, parseDomain } from "#kith/onion/domain.js";

describe("mail domains", () => {
  it("are taken in every usual spelling, in one canonical form", () => {
    const spellings: [string, string][] = [
      ["example.org", "example.org"],
      ["EXAMPLE.Org.", "example.org"],
      ["bücher.example", "xn--bcher-kva.example"],
      ["BÜCHER.example", "xn--bcher-kva.example"],
      ["xn--bcher-kva.example", "xn--bcher-kva.example"],
      ["straße.example", "xn--strae-oqa.example"],
      ["例え。テスト", "xn--r8jz45g.xn--zckzah"],
      ["a-b.c--d.example", "a-b.c--d.example"],
      ["1.2.3.example", "1.2.3.example"],
    ];
    for (const [text, canonical] of spellings) assert.equal(parseDomain(text), canonical, text);
  });

  it("what only looks like one is refused", () => {
    const wrong = [
      "",
      ".",
      "org",
      "localhost",
      ".example.org",
      "example..org",
      "example.org..",
      "-a.example",
      "a-.example",
      "_x.org",
      "a_b.example",
      "exa mple.org",
      "example.org\n",
      "%65xample.org",
      "a/b.example",
      "a@b.example",
      "1.2.3",
      "127.0.0.1",
      "[127.0.0.1]",
      "0x7f.1",
      "xn--.example",
      "xn--zzzz--.example",
      `${"a".repeat(64)}.example`,
      `${"a.".repeat(127)}example`,
      "*",
      `${"a".repeat(56)}.onion`,
      "a\u0000.example",
    ];
    for (const text of wrong) assert.equal(parseDomain(text), undefined, JSON.stringify(text));
  });

  it("of an address only what is behind the last @ counts", () => {
    assert.equal(domainOfKey("ann@example.org"), "example.org");
    assert.equal(domainOfKey('"a@b"@Example.org.'), "example.org");
    assert.equal(domainOfKey("example.org"), "example.org");
    for (const key of ["*", "ann@", "@", ".example.org", "ann@[127.0.0.1]", "<>", ""]) {
      assert.equal(domainOfKey(key), undefined, key);
    }
  });
});
