import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { parseConfig } from "#kith/config.js";
import { connect } from "#kith/db/connect.js";
import { discoverDomain } from "#kith/onion/discover.js";
import { askDns } from "#kith/onion/dns.js";
import type { Domain } from "#kith/onion/domain.js";
import { pinDomain } from "#kith/onion/edit-map.js";
import { findOnion } from "#kith/onion/find-onion.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { readEntries, readHistory } from "#kith/onion/queries.js";
import { freshDatabase } from "../support/database.js";
import { need } from "../support/need.js";
import { type Program, startProgram } from "../support/programs.js";
import { temporaryDirectory } from "../support/temporary.js";

const { knotd, knotc, unbound, skip } = need("knotd", "knotc", "unbound");
const PORT = 24_500;
const SIGNED = { host: "127.0.0.1", port: PORT + 1 };
const PLAIN = { host: "127.0.0.1", port: PORT + 2 };
const [A, B] = [onionOfKey(Buffer.alloc(32, 1)), onionOfKey(Buffer.alloc(32, 2))];

describe("onions found in a DNSSEC-signed zone (knot) by a validating resolver (unbound)", { skip }, () => {
  const directory = temporaryDirectory();
  let knot: Program;
  const zone = (name: string, records: string) =>
    writeFileSync(
      join(directory, `${name}.zone`),
      `$ORIGIN ${name}.\n$TTL 600\n@ SOA ns.${name}. admin.${name}. ${Math.floor(Date.now() / 1000)} 3600 600 86400 120\n@ NS ns\nns A 127.0.0.1\n${records}`,
    );
  const control = (...args: string[]) =>
    execFileSync(knotc, ["-s", join(directory, "knot.sock"), ...args], { encoding: "utf8" });

  before(async () => {
    chmodSync(directory, 0o755);
    zone(
      "signed.example",
      `_onion-mx._tcp 900 SRV 10 5 2525 ${B}.\n_onion-mx._tcp 900 SRV 0 5 25 ${A}.\n_onion-mx._tcp 900 SRV 0 1 25 4my2dd2okjr75aho.onion.\n_onion-mx._tcp.big 900 SRV 0 0 25 ${A}.\n${Array.from({ length: 15 }, (_, index) => `_onion-mx._tcp.big SRV ${index + 1} 0 ${index + 1000} ${B}.\n`).join("")}`,
    );
    zone("plain.example", `_onion-mx._tcp 900 SRV 0 5 25 ${A}.\n`);
    mkdirSync(join(directory, "keys"));
    writeFileSync(
      join(directory, "knot.conf"),
      `server:
    rundir: ${directory}
    listen: 127.0.0.1@${PORT}
control:
    listen: ${join(directory, "knot.sock")}
database:
    storage: ${join(directory, "keys")}
template:
  - id: default
    storage: ${directory}
    file: "%s.zone"
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
policy:
  - id: quick
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
  - domain: signed.example
    dnssec-signing: on
    dnssec-policy: quick
  - domain: plain.example
`,
    );
    knot = startProgram(knotd, ["-c", join(directory, "knot.conf")]);
    let anchor = "";
    for (let attempt = 0; anchor === "" && attempt < 100; attempt++) {
      await sleep(100);
      try {
        anchor =
          /^signed\.example\.\s.*DNSKEY.*$/m.exec(
            control("zone-read", "signed.example", "@", "DNSKEY").replaceAll(/^\[.*?\] /gm, ""),
          )?.[0] ?? "";
      } catch {
        // not up yet
      }
    }
    assert.notEqual(anchor, "", knot.output());
    writeFileSync(join(directory, "anchor"), `${anchor}\n`);
    const resolver = (name: string, port: number, anchored: boolean) => {
      const file = join(directory, `${name}.conf`);
      writeFileSync(
        file,
        `server:
  interface: 127.0.0.1@${port}
  port: ${port}
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: "${directory}/${name}.pid"
  do-not-query-localhost: no
  module-config: "${anchored ? "validator " : ""}iterator"
  ${anchored ? `trust-anchor-file: "${directory}/anchor"\n  domain-insecure: "plain.example"` : ""}
  local-zone: "example." nodefault
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
remote-control:
  control-enable: no
stub-zone:
  name: "signed.example"
  stub-addr: 127.0.0.1@${PORT}
stub-zone:
  name: "plain.example"
  stub-addr: 127.0.0.1@${PORT}
`,
      );
      return startProgram(unbound, ["-d", "-c", file]);
    };
    const programs = [resolver("validating", SIGNED.port, true), resolver("trusting", PLAIN.port, false)];
    for (const [index, where] of [SIGNED, PLAIN].entries()) {
      for (let attempt = 0; ; attempt++) {
        try {
          await askDns(where, "_onion-mx._tcp.signed.example", "SRV");
          break;
        } catch (error) {
          if (attempt === 20) throw new Error(`${programs[index]!.output()}\n${knot.output()}`, { cause: error });
          await sleep(200);
        }
      }
    }
  });

  const find = (name: string, resolver = SIGNED) => findOnion(resolver, name as Domain);

  it("says that a signed answer is validated, orders it, and leaves out dead addresses with the reason", async () => {
    const finding = await find("signed.example");
    assert.ok(finding.kind === "found");
    assert.equal(finding.validated, true);
    assert.deepEqual(
      finding.targets.map(({ onion, port, priority }) => [onion, port, priority]),
      [
        [A, 25, 0],
        [B, 2525, 10],
      ],
    );
    assert.match(finding.ignored.join(), /version 2/);
  });

  it("says that the same answer is not validated by a resolver that does not look at signatures", async () => {
    const finding = await find("signed.example", PLAIN);
    assert.ok(finding.kind === "found" && !finding.validated);
  });

  it("says so too of an unsigned zone, and of a signed “there is nothing”", async () => {
    const plain = await find("plain.example");
    assert.ok(plain.kind === "found" && !plain.validated);
    const none = await find("nothing.signed.example");
    assert.ok(none.kind === "none" && none.validated);
    assert.ok(none.ttlSeconds >= 60 && none.ttlSeconds <= 120);
  });

  it("reads an answer that is too long for UDP over TCP", async () => {
    const finding = await find("big.signed.example");
    assert.ok(finding.kind === "found");
    assert.equal(finding.targets.length, 16);
    assert.equal(finding.validated, true);
  });

  it("a signed entry is never led elsewhere or taken away by an answer without a signature", async () => {
    const config = parseConfig({ DATABASE_URL: (await freshDatabase()).databaseUrl, KITH_TOR_SOCKS: "127.0.0.1:1" });
    const connection = await connect(config);
    const context = { ...connection, config, clock: () => new Date(), log: pino({ level: "silent" }) };
    const name = "signed.example" as Domain;
    const discover = async (resolver: typeof SIGNED) => {
      await discoverDomain(context, resolver, name);
      const [entry] = await readEntries(connection.db, { domains: [name] });
      return entry;
    };
    assert.equal((await discover(SIGNED))?.source, "dnssec");

    zone("signed.example", `_onion-mx._tcp 900 SRV 0 5 25 ${B}.\n`);
    control("zone-reload", "signed.example");
    await changed(PLAIN, B);
    const contradicted = await discover(PLAIN);
    assert.equal(contradicted?.targets[0]?.onion, A);
    assert.match(contradicted?.contradiction ?? "", new RegExp(B));

    const taken = await discover(SIGNED);
    assert.equal(taken?.targets[0]?.onion, B);
    assert.equal(taken?.contradiction, undefined);

    zone("signed.example", "");
    control("zone-reload", "signed.example");
    await changed(PLAIN, undefined);
    assert.equal((await discover(PLAIN))?.targets[0]?.onion, B);
    assert.equal(await discover(SIGNED), undefined);

    await pinDomain(context, { domain: "plain.example" as Domain, onion: B, port: 25 }, "nour");
    await discoverDomain(context, SIGNED, "plain.example" as Domain);
    const [pinned] = await readEntries(connection.db, { domains: ["plain.example"] });
    assert.deepEqual([pinned!.source, pinned!.targets[0]!.onion], ["pinned", B]);
    assert.match(pinned!.contradiction ?? "", new RegExp(A));
    const events = await readHistory(connection.db, { domain: name, limit: 10 });
    assert.deepEqual(
      events.map(({ event }) => event),
      ["withdrawn", "contradicted", "changed", "contradicted", "discovered"],
    );
    await connection.close();
  });

  it("with the name server stopped nothing is found out, which is not “nothing there”", async () => {
    await knot.stop();
    assert.equal((await find("plain.example")).kind, "failed");
    assert.equal((await find("signed.example", { host: "127.0.0.1", port: 1 })).kind, "failed");
  });

  async function changed(resolver: typeof SIGNED, onion: string | undefined): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const finding = await find("signed.example", resolver);
      if ((finding.kind === "found" ? finding.targets[0].onion : undefined) === onion) return;
      await sleep(100);
    }
    throw new Error("the zone did not change");
  }
});
