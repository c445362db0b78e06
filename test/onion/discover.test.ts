import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import dnsPacket from "dns-packet";
import { sql } from "kysely";
import { parseConfig } from "#kith/config.js";
import { type Connection, connect } from "#kith/db/connect.js";
import { discoverDomain } from "#kith/onion/discover.js";
import type { Domain } from "#kith/onion/domain.js";
import { pinDomain } from "#kith/onion/edit-map.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { readEntries } from "#kith/onion/queries.js";
import { freshDatabase } from "../support/database.js";
import { contents } from "../support/pages.js";

const [ANNOUNCED, OTHER] = [onionOfKey(Buffer.alloc(32, 1)), onionOfKey(Buffer.alloc(32, 2))];
const TABLES = ["onion_domains", "onion_targets", "onion_numbers", "onion_history"];

describe("a zone that announces an onion for every name there is", () => {
  let connection: Connection;
  let databaseUrl: string;
  const dns = createSocket("udp4", (query, from) => {
    const { id, questions } = dnsPacket.decode(query);
    const data = { target: ANNOUNCED, port: 25, priority: 0, weight: 0 };
    const answers = [{ type: "SRV" as const, name: questions?.[0]?.name ?? "", ttl: 600, data }];
    const answer = { type: "response" as const, id: id ?? 0, questions: questions ?? [], answers };
    dns.send(dnsPacket.encode(answer), from.port, from.address);
  });
  const context = () => ({
    ...connection,
    config: parseConfig({ DATABASE_URL: databaseUrl }),
    clock: () => new Date(),
  });
  const discover = (name: string) =>
    discoverDomain(context(), { host: "127.0.0.1", port: dns.address().port }, name as Domain);

  before(async () => {
    dns.bind(0, "127.0.0.1");
    await once(dns, "listening");
    ({ databaseUrl } = await freshDatabase());
    connection = await connect({ databaseUrl });
    // With one that has the name's letters at its end, and one that is pinned: neither counts.
    await pinDomain(context(), { domain: "pinned.many.example" as Domain, onion: OTHER, port: 25 }, "nour");
    await sql`insert into onion_domains (domain, source, changed_by, changed_at)
      select 'd' || n || '.many.example', case when n % 2 = 0 then 'plain' else 'dnssec' end, 'dns', now()
      from generate_series(1, 999) n union all select 'too-many.example', 'plain', 'dns', now()`.execute(connection.db);
  });
  after(async () => {
    dns.close();
    await connection.close();
  });

  it("brings 1,000 of them into the map, and of one more nothing is known", async () => {
    assert.equal((await discover("d1000.many.example")).verdict?.kind, "take");
    const before = await contents(connection.pool, TABLES);
    const { finding, verdict } = await discover("a.d1001.many.example");
    assert.equal(finding.kind, "failed");
    assert.equal(verdict, undefined);
    assert.deepEqual(await contents(connection.pool, TABLES), before);
  });

  it("keeps nobody else from it: other names, the one above them all, and whatever is in the map already", async () => {
    for (const name of ["d1001.other.example", "many.example"]) {
      assert.equal((await discover(name)).verdict?.kind, "take", name);
      assert.equal((await readEntries(connection.db, { domains: [name] }))[0]?.targets[0]?.onion, ANNOUNCED, name);
    }
    assert.deepEqual((await discover("d1000.many.example")).verdict?.kind, "take");
    const { finding } = await discover("pinned.many.example");
    assert.equal(finding.kind, "found");
    const [pinned] = await readEntries(connection.db, { domains: ["pinned.many.example"] });
    assert.deepEqual([pinned?.source, pinned?.targets[0]?.onion], ["pinned", OTHER]);
    assert.ok(pinned?.contradiction?.startsWith(ANNOUNCED));
  });
});
