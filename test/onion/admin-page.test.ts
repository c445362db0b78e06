import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Domain } from "#kith/onion/domain.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { countEntries, readEntries, readHistory } from "#kith/onion/queries.js";
import { csrfOf, openPlace } from "../support/app.js";

const ONION = onionOfKey(Buffer.alloc(32, 1));

const place = await openPlace();
const admin = await place.founder("nour");

describe("/admin/onion", () => {
  it("an admin pins a domain and finds it in the table, with who did it", async () => {
    const answer = await admin.post("/admin/onion", {
      domain: "Peer.Example",
      onion: ONION.toUpperCase(),
      port: "2525",
    });
    assert.equal(answer.statusCode, 303);
    const page = (await admin.get("/admin/onion")).body;
    assert.match(page, /peer\.example/);
    assert.ok(page.includes(`<span>${ONION.slice(0, 48)}</span>${ONION.slice(48)}`));
    assert.match(page, /by nour/);
    const history = (await admin.get("/admin/onion/entry/peer.example")).body;
    assert.match(history, /Pinned/);
    assert.match(history, /10\.192\.0\.1/);
  });

  it("wrong input is answered 422 with what was typed, and changes nothing", async () => {
    const before = await countEntries(place.context.db);
    const answer = await admin.post("/admin/onion", {
      domain: "_x.example",
      onion: "4my2dd2okjr75aho.onion",
      port: "0",
    });
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /dead since 2021/);
    assert.match(answer.body, /value="_x\.example"/);
    assert.match(answer.body, /Use a number from 1 to 65535/);
    assert.equal(await countEntries(place.context.db), before);
  });

  it("an import names what it refused by line and keeps the good part", async () => {
    const list = `a.example ${ONION}\nb.example wrong\n`;
    const answer = await admin.post("/admin/onion/import", { list });
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /Line 2/);
    assert.match((await admin.get("/admin/onion")).body, /a\.example/);
    const strict = await admin.post("/admin/onion/import", { list: `c.example ${ONION}\nd wrong\n`, strict: "on" });
    assert.equal(strict.statusCode, 422);
    assert.doesNotMatch((await admin.get("/admin/onion?q=c.example")).body, /entry\/c\.example/);
  });

  it("a note that the database would not take is the mistake of its line, and the others are taken", async () => {
    const list = JSON.stringify(
      ["\u0000", "fine"].map((note, index) => ({ domain: `note${index}.example`, onion: ONION, note })),
      undefined,
      1,
    );
    const answer = await admin.post("/admin/onion/import", { list });
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /Line 3/);
    assert.match(answer.body, /note0\.example/);
    const notes = await place.context.db
      .selectFrom("onion_domains")
      .select(["domain", "note"])
      .where("domain", "like", "note%")
      .execute();
    assert.deepEqual(notes, [{ domain: "note1.example", note: "fine" }]);
  });

  it("the clear net is allowed and forbidden for one entry, and a domain removed; both are written down", async () => {
    await admin.post("/admin/onion/fallback", { domain: "a.example", fallback: "on" });
    assert.match((await admin.get("/admin/onion/entry/a.example")).body, /takes the clear net: whoever/);
    await admin.post("/admin/onion/fallback", { domain: "a.example" });
    await admin.post("/admin/onion/remove", { domain: "a.example" });
    assert.doesNotMatch((await admin.get("/admin/onion")).body, /entry\/a\.example/);
    const events = (await readHistory(place.context.db, { domain: "a.example", limit: 9 })).map(({ event }) => event);
    assert.deepEqual(events, ["removed", "fallback-off", "fallback-on", "imported"]);
  });

  it("a domain that was removed by a slip is pinned again with one form, as it was", async () => {
    const other = onionOfKey(Buffer.alloc(32, 2));
    await admin.post("/admin/onion", { domain: "slip.example", onion: other, port: "25" });
    await admin.post("/admin/onion", { domain: "slip.example", onion: ONION, port: "2525" });
    const form = /<form[^>]* action="\/admin\/onion" method="post">[\s\S]*?<\/form>/;
    assert.doesNotMatch((await admin.get("/admin/onion/entry/slip.example")).body, form, "it is there");
    await admin.post("/admin/onion/remove", { domain: "slip.example" });
    const again = form.exec((await admin.get("/admin/onion/entry/slip.example")).body)?.[0] as string;
    assert.match(again, /Pin it again/);
    const fields = [...again.matchAll(/name="(domain|onion|port)" value="([^"]+)"/g)].map(([, name, value]) => [
      name,
      value,
    ]);
    assert.deepEqual(Object.fromEntries(fields), { domain: "slip.example", onion: ONION, port: "2525" });
    assert.equal((await admin.post("/admin/onion", Object.fromEntries(fields))).statusCode, 303);
    const [entry] = await readEntries(place.context.db, { domains: ["slip.example" as Domain] });
    assert.deepEqual(
      entry?.targets.map(({ onion, port }) => [onion, port]),
      [[ONION, 2525]],
    );
  });

  it("a domain that was removed with several onions is not offered half", async () => {
    const servers = [1, 2].map((priority) => ({ onion: ONION, port: 25 + priority, priority, weight: 0 }));
    const list = JSON.stringify([{ domain: "two.example", targets: servers }]);
    await admin.post("/admin/onion/import", { list });
    const [entry] = await readEntries(place.context.db, { domains: ["two.example" as Domain] });
    assert.equal(entry?.targets.length, 2);
    await admin.post("/admin/onion/remove", { domain: "two.example" });
    assert.doesNotMatch((await admin.get("/admin/onion/entry/two.example")).body, /Pin it again/);
  });

  it("to everybody else there is no such page, and nothing is changed", async () => {
    const member = await admin.bring("ada");
    const before = await countEntries(place.context.db);
    for (const path of ["/admin/onion", "/admin/onion/import", "/admin/onion/entry/peer.example"]) {
      assert.equal((await member.get(path)).statusCode, 404, path);
      assert.equal((await place.visitor().get(path)).statusCode, 303, path);
    }
    const form = { domain: "x.example", onion: ONION, port: "25" };
    assert.equal((await member.post("/admin/onion", form)).statusCode, 404);
    assert.equal((await member.post("/admin/onion/import", { list: `x.example ${ONION}` })).statusCode, 404);
    assert.equal((await member.post("/admin/onion/remove", { domain: "peer.example" })).statusCode, 404);
    assert.equal(
      (await member.post("/admin/onion/fallback", { domain: "peer.example", fallback: "on" })).statusCode,
      404,
    );
    assert.equal(await countEntries(place.context.db), before);
  });

  it("whoever pins, imports, removes and looks at the same domains at once is answered, each time", async () => {
    const token = csrfOf((await admin.get("/admin/onion")).body) as string;
    const send = (url: string, fields: Record<string, string>) =>
      admin.request("POST", url, new URLSearchParams({ _csrf: token, ...fields }).toString());
    const domains = Array.from({ length: 12 }, (_, index) => `race${index}.example`);
    for (let round = 1; round <= 10; round++) {
      const onion = onionOfKey(Buffer.alloc(32, 100 + round));
      const lines = domains.map((domain) => `${domain} ${onion}`);
      const answers = await Promise.all([
        send("/admin/onion/import", { list: lines.join("\n") }),
        send("/admin/onion/import", { list: lines.toReversed().join("\n") }),
        ...domains
          .slice(0, 4)
          .flatMap((domain) => [
            send("/admin/onion", { domain, onion, port: "25" }),
            send("/admin/onion/remove", { domain }),
            admin.get("/admin/onion"),
            admin.get(`/admin/onion/entry/${domain}`),
          ]),
      ]);
      const faults = answers.map(({ statusCode }) => statusCode).filter((status) => status >= 500);
      assert.deepEqual(faults, [], `round ${round}`);
    }
  });
});
