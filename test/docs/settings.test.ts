import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");
const settings = [...new Set(read("src/config.ts").match(/(?<=")KITH_[A-Z0-9_]+(?=")/g))];

/** In a container these are the image's, or about programs that are not in it. */
const NOT_FOR_CONTAINERS = [
  ...["KITH_DATA_DIR", "KITH_SECRET_FILE", "KITH_LISTEN", "KITH_METRICS_LISTEN"],
  ...["KITH_TOR_SOCKS", "KITH_RESOLVER", "KITH_ONION_TCP_TABLE", "KITH_ONION_SOCKETMAP", "KITH_ONION_READSOCKET"],
];

describe("the examples of a proxy's log", () => {
  const page = read("docs/operations.md");

  it("of nginx has the masked address, and neither lengths, times that were taken, queries nor headers", () => {
    const format = /log_format masked '([^']*)'/.exec(page)?.[1] ?? "";
    assert.deepEqual(format.match(/\$\w+/g), [
      "$remote_addr",
      "$time_local",
      "$request_method",
      "$masked_uri",
      "$status",
    ]);
  });

  it("of Caddy takes them out, too", () => {
    for (const field of ["request>headers", "resp_headers", "size", "bytes_read", "duration"]) {
      assert.match(page, new RegExp(`^ +${field} delete$`, "m"));
    }
    const [, pattern = "", replacement = ""] = /request>uri regexp "([^"]*)" "([^"]*)"/.exec(page) ?? [];
    for (const [address, told] of [
      ["/invite/abc-DEF_1?suggest=1", "/invite/"],
      ["/handover/abc", "/handover/"],
      ["/admin/tree?around=ada#x", "/admin/tree"],
      ["/trust", "/trust"],
    ] as const) {
      assert.equal(address.replace(new RegExp(pattern), replacement), told);
    }
  });
});

describe("every setting", () => {
  it("is found by this test", () => {
    assert.ok(settings.length > 25 && settings.includes("KITH_ORIGIN"));
  });

  it("stands in docs/operations.md", () => {
    const page = read("docs/operations.md");
    assert.deepEqual(
      settings.filter((name) => !page.includes(`\`${name}\``)),
      [],
    );
  });

  it("reaches the container, but for those that are its own", () => {
    const compose = read("docker-compose.yml");
    assert.deepEqual(
      settings.filter((name) => !compose.includes(`      ${name}: \${${name}:-`)),
      settings.filter((name) => NOT_FOR_CONTAINERS.includes(name)),
    );
  });
});
