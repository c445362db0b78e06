import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import type { TrustedPerson } from "#kith/accounts/state.js";
import { setStatus } from "#kith/accounts/suspend.js";
import type { Context } from "#kith/context.js";
import { makeKeypair } from "#kith/protocol/keypair.js";
import { peopleFor } from "#kith/trust/page-data.js";
import { textOf } from "../support/app.js";
import { openCommunity, readable, statementOf, trustAll } from "../support/resets.js";

describe("somebody trusted who was suspended while the list was made anew", () => {
  it("counts from the next sign-in after the reinstating, and no page says that sooner", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const bea = { username: "bea", domain: "localhost" };
    await setStatus(place.context, bea, "suspended");
    await who.ada.signIn();
    await setStatus(place.context, bea, "active");
    await who.bea.signIn();
    for (const [page, said] of [
      ["/", /Bea is back Bea can help you back in again from your next sign-in/],
      ["/trust", /Counts again from your next sign-in/],
    ] as const) {
      const { body } = await who.ada.get(page);
      assert.equal(statementOf(body), "Nobody can let you back in right now.", page);
      assert.match(readable(body), said);
    }
    assert.equal(textOf((await who.bea.help("ada")).body, "handover-link"), undefined, "and so it is");
    await who.ada.signIn();
    for (const page of ["/", "/trust"]) {
      const { body } = await who.ada.get(page);
      assert.equal(statementOf(body), "Bea can let you back in.", page);
      assert.doesNotMatch(readable(body), /next sign-in/);
    }
    assert.ok(await who.bea.openCase("ada"));
  });
});

describe("the list as the pages show it", () => {
  const context = { config: { domains: ["example.org"] } } as unknown as Context;
  const fingerprint = new Uint8Array(20).fill(1);
  const entry = (username: string, change: Partial<TrustedPerson> = {}, person = {}): TrustedPerson =>
    ({
      name: `${username}@example.org`,
      month: "2026-03",
      fingerprint,
      resetMark: 1,
      standing: "usable",
      person: { publicKey: new Uint8Array(), fingerprint, resetMark: 1, ...person },
      ...change,
    }) as TrustedPerson;

  it("is in the order of the names", async () => {
    for (const order of [
      ["ada", "bea", "cem"],
      ["cem", "bea", "ada"],
      ["bea", "cem", "ada"],
    ]) {
      const people = await peopleFor(
        context,
        order.map((name) => entry(name)),
        [],
      );
      assert.deepEqual(
        people.map(({ username }) => username),
        ["ada", "bea", "cem"],
      );
    }
  });

  it("tells of a reset that kept the key of whoever it was told of, and in which month", async () => {
    const told = [
      { kind: "joined-by-invite", day: "2026-04-01", values: { name: "ada@example.org" } },
      { kind: "person-reset-kept-key", day: "2026-05-02" },
      { kind: "person-reset-kept-key", day: "2026-06-03", values: { name: "bea@example.org" } },
    ];
    const [ada, bea] = await peopleFor(context, [entry("ada"), entry("bea")], told);
    assert.deepEqual([ada?.wasReset, ada?.reset], [false, null]);
    assert.deepEqual([bea?.wasReset, bea?.reset], [true, "2026-06"]);
  });

  it("shows a new key with its month, and whether a reset made it", async () => {
    const { publicKey } = await makeKeypair(randomUUID(), new Date("2026-02-01"));
    const key = new Uint8Array(20).fill(0xab);
    const told = [{ kind: "person-reset-kept-key", day: "2026-06-03", values: { name: "cem@example.org" } }];
    for (const [resetMark, wasReset] of [
      [1, false],
      [2, true],
    ] as const) {
      const changed = entry("cem", { standing: "new-key" }, { publicKey, fingerprint: key, resetMark });
      const [cem] = await peopleFor(context, [changed], told);
      const { newKey, reset, standing, since } = cem!;
      assert.deepEqual([cem!.wasReset, newKey, reset], [wasReset, "ab".repeat(20), "2026-02"]);
      assert.deepEqual([standing, since], ["new-key", "2026-03"]);
    }
  });

  it("says of whom the row is still sealed to nobody, or to an older key, that they count again", async () => {
    const other = new Uint8Array(20).fill(2);
    const people = await peopleFor(
      context,
      [
        entry("ada"),
        entry("bea", { held: true } as Partial<TrustedPerson>),
        entry("cem", {}, { fingerprint: other }),
        entry("dora", { standing: "suspended" }, { fingerprint: other }),
        entry("emil", { person: undefined }),
      ],
      [],
    );
    assert.deepEqual(
      people.map(({ standing }) => standing),
      ["counts", "again", "again", "suspended", "again"],
    );
  });
});
