import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Metrics, makeMetrics } from "#kith/web/metrics.js";
import { openPlace, type Place, textOf, type Visitor } from "../support/app.js";
import { watchStatements } from "../support/statements.js";

type Act = () => Promise<{ statusCode: number }>;

describe("list, rules and letters", () => {
  let place: Place;
  let metrics: Metrics;
  let ada: Visitor;
  const statements: string[] = [];
  let hashed = 0;

  before(async () => {
    place = await openPlace();
    const { context } = place;
    metrics = makeMetrics(context);
    metrics.watch(place.app);
    const { hashing } = context;
    const unlockKey: typeof hashing.unlockKey = (...args) => {
      hashed += 1;
      return hashing.unlockKey(...args);
    };
    context.hashing = { ...hashing, unlockKey };
    const nour = await place.founder();
    for (const name of ["bea", "cem"]) await nour.bring(name);
    ada = await nour.bring("ada", { trust: false });
    assert.equal((await ada.trust("bea")).statusCode, 303);
    await watchStatements(context.pool, (text, values) => {
      const sizes = values.map((value) => (Array.isArray(value) ? value.length : 1));
      statements.push(`${text.replaceAll(/\s+/g, " ").trim()} [${sizes}]`);
    });
    // One connection: the order of statements is then Kith's own.
    context.pool.options.max = 1;
  });

  const rows = async () => {
    const { pool } = place.context;
    const { rows: names } = await pool.query("select relname as name from pg_stat_user_tables order by 1");
    const all: string[] = [];
    for (const { name } of names) {
      const { rows } = await pool.query(`select md5(t::text) as sum from ${name} t`);
      all.push(...rows.map(({ sum }) => `${name} ${sum}`));
    }
    return all;
  };
  const numbers = async () =>
    (await metrics.text()).split("\n").filter((line) => /^kith_http_\w+_(total|count)/.test(line));

  /** What is left of an act: in the database, in what it was asked, in Kith's log and numbers. */
  async function tracesOf(act: Act, status: number) {
    const rowsBefore = new Set(await rows());
    const before = new Map((await numbers()).map((line) => line.split(" ") as [string, string]));
    statements.length = 0;
    hashed = 0;
    place.log.length = 0;
    assert.equal((await act()).statusCode, status);
    const asked = [...statements];
    assert.ok(asked.length > 5, `${asked.length} statements`);
    const rowsAfter = await rows();
    const written = rowsAfter.filter((row) => !rowsBefore.has(row)).map((row) => row.split(" ")[0]);
    const added = rowsAfter.length - rowsBefore.size;
    const log = place.log.map((line) => {
      const { time: _time, milliseconds: _milliseconds, ...told } = JSON.parse(line);
      return told;
    });
    const counted = (await numbers()).map((line) => {
      const [name = "", count] = line.split(" ");
      return `${name} ${Number(count) - Number(before.get(name) ?? 0)}`;
    });
    return { asked, written, added, log, counted: counted.filter((line) => !line.endsWith(" 0")), hashed };
  }

  async function assertAlike(status: number, acts: Record<string, Act>): Promise<void> {
    const [[, first] = assert.fail(), ...others] = Object.entries(acts);
    const expected = await tracesOf(first, status);
    for (const [what, act] of others) assert.deepEqual(await tracesOf(act, status), expected, what);
  }

  const then = (act: Act, ...pages: string[]): Act => {
    return async () => {
      const answer = await act();
      for (const page of pages) assert.equal((await ada.get(page)).statusCode, 200, page);
      return answer;
    };
  };
  const write = (note = "for ben") => ada.post("/invites", { note }, "/invites");
  const remove = (username: string) => ada.post("/trust/remove", { username, confirm: "on" }, "/trust");

  it("change without a trace of which it was, though a letter is written, shown and printed", async () => {
    await assertAlike(303, {
      "rules are set": then(() => ada.rules(1), "/trust", "/trust/card", "/trust"),
      "somebody is named": then(() => ada.trust("cem"), "/trust", "/trust/card", "/trust"),
      "somebody is removed": then(() => remove("cem"), "/trust", "/trust", "/trust/card"),
      "a letter is written": then(() => write(), "/invites", "/invites/card", "/invites"),
      "a letter is not printed": then(() => write(), "/invites", "/invites", "/invites/card"),
    });
  });

  it("are refused a change without a trace of which it was", async () => {
    await assertAlike(422, {
      "nobody has the name": () => ada.trust("zoe"),
      "too many must agree": () => ada.rules(7),
      "the note is too long": () => write("ü".repeat(31)),
      "the note is no line": () => write("for\u0001ben"),
    });
  });

  it("differ where a letter is taken back by the row that spends it, and by nothing in log and numbers", async () => {
    const id = /name="invite" value="([^"]+)"/.exec((await ada.get("/invites")).body)?.[1] as string;
    const rules = await tracesOf(() => ada.rules(1), 303);
    const revoked = await tracesOf(() => ada.post("/invites/revoke", { invite: id }, "/invites"), 303);
    for (const same of ["log", "counted", "hashed"] as const) assert.deepEqual(revoked[same], rules[same]);
    assert.deepEqual(
      revoked.written.filter((table) => table !== "spent_invites"),
      rules.written,
    );
    assert.equal(revoked.written.length, rules.written.length + 1);
  });

  it("answer at an even step of time after a form: the distance of two lines of the log does not tell which page it was", async () => {
    for (const [act, page] of [
      [() => ada.rules(1), "/trust"],
      [() => write(), "/invites"],
    ] as const) {
      assert.equal((await act()).statusCode, 303);
      const before = performance.now();
      const answer = await ada.get(page);
      // A timer may be a millisecond early.
      assert.ok(performance.now() - before > 43, page);
      assert.ok(textOf(answer.body, page === "/trust" ? "notice" : "invite-link"), page);
    }
  });
});
