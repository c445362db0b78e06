import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sweepSessions } from "#kith/accounts/sessions.js";
import { monthOf } from "#kith/days.js";
import { inspect } from "#kith/inspection/inspect.js";
import { forgetOldEdges } from "#kith/review/edges.js";
import { readSetting, writeSetting } from "#kith/settings.js";
import { countOf, openPlace, type Place, passwordOf, Visitor } from "../support/app.js";

export async function openTheTree(visitor: Visitor) {
  const answer = await visitor.post("/admin/tree", { current_password: passwordOf(visitor.username) }, "/admin/tree");
  assert.equal(answer.statusCode, 303);
  return await visitor.get("/admin/tree");
}

/** `username depth` of each node, in the order of the page. */
function nodesOf(html: string): string[] {
  return [...html.matchAll(/data-testid="tree-node" data-username="([^"]+)" data-depth="(\d+)"/g)].map(
    ([, name, depth]) => `${name} ${depth}`,
  );
}

async function village(place: Place) {
  const nour = await place.founder();
  const dora = await nour.bring("dora");
  const emil = await dora.bring("emil");
  const hana = await emil.bring("hana");
  const ivo = await hana.bring("ivo");
  const bea = await nour.bring("bea");
  return { nour, dora, emil, hana, ivo, bea };
}

describe("the invite tree", () => {
  it("opens with the password again, for fifteen minutes, and every member sees that it was", async () => {
    const place = await openPlace();
    const { nour, bea } = await village(place);
    assert.equal((await bea.get("/admin/tree")).statusCode, 404, "for members there is nothing here");
    assert.equal((await bea.get("/admin")).statusCode, 404);
    assert.equal((await nour.get("/admin")).headers.location, "/admin/tree");
    const gate = await nour.get("/admin/tree");
    assert.match(gate.body, /The invite tree is closed/);
    assert.equal(countOf(gate.body, "tree-node"), 0);
    const wrong = await nour.post("/admin/tree", { current_password: "not this one at all" }, "/admin/tree");
    assert.equal(wrong.statusCode, 422);
    assert.match((await bea.get("/account")).body, /Nobody has opened the invite tree so far/);

    const tree = await openTheTree(nour);
    assert.deepEqual(nodesOf(tree.body), ["nour 0", "bea 1", "dora 1", "emil 2", "hana 3", "ivo 4"]);
    for (const url of ["/", "/account"]) {
      assert.match((await bea.get(url)).body, /The invite tree was last opened today by nour/);
    }
    place.advance(14 * 60_000);
    assert.equal(countOf((await nour.get("/admin/tree")).body, "tree-node"), 6);
    place.advance(2 * 60_000);
    assert.equal(countOf((await nour.get("/admin/tree")).body, "tree-node"), 0, "closed by itself");
  });

  it("shows a person's inviter, path, branch and month; searches and filters", async () => {
    const place = await openPlace();
    const { nour } = await village(place);
    await openTheTree(nour);
    const { body } = await nour.get("/admin/tree?person=emil");
    assert.match(body, /<dt>Came by<\/dt><dd><a [^>]*>dora<\/a>/);
    assert.match(body, /hana and ivo/);
    assert.match(body, /emil alone, or with the branch 3 people/i);
    const found = await nour.post("/admin/tree/search", { q: "IV" }, "/admin/tree");
    assert.deepEqual(nodesOf((await nour.get(String(found.headers.location))).body), ["ivo 4"]);
    const month = new Date().toISOString().slice(0, 7);
    assert.equal(countOf((await nour.get(`/admin/tree?month=${month}`)).body, "tree-node"), 6);
    assert.equal(countOf((await nour.get("/admin/tree?month=2019-01")).body, "tree-node"), 0);
    assert.deepEqual(nodesOf((await nour.get("/admin/tree?around=emil")).body), ["emil 2", "hana 3", "ivo 4"]);
    assert.match((await nour.get("/admin/tree?person=nobody")).body, /There is no nobody here/);
  });

  it("keeps what it read, and reads only what is new", async () => {
    const place = await openPlace();
    const { nour, bea } = await village(place);
    await openTheTree(nour);
    const notes = await place.context.db.selectFrom("review_notes").selectAll().execute();
    assert.equal(notes.length, 1);
    await nour.get("/admin/tree");
    const again = await place.context.db.selectFrom("review_notes").selectAll().execute();
    assert.deepEqual(again[0]?.box, notes[0]?.box, "nothing was written anew");
    await bea.bring("zoe");
    assert.ok(nodesOf((await nour.get("/admin/tree")).body).includes("zoe 2"));
  });

  it("comes page by page, and all pages together hold everybody", async () => {
    const place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "40" } });
    const nour = await place.founder();
    const zoe = await nour.bring("zoe");
    for (let number = 0; number < 39; number++) await nour.bring(`guest${number}`, { trust: false });
    for (let number = 0; number < 30; number++) await zoe.bring(`friend${number}`, { trust: false });
    const first = await openTheTree(nour);
    const second = await nour.get("/admin/tree?page=2");
    const names = [...nodesOf(first.body), ...nodesOf(second.body)];
    assert.equal(nodesOf(first.body).length, 60);
    assert.equal(new Set(names).size, 71);
    assert.match(first.body, / \+ \d+<\/text>/, "the picture says how many stand beyond");
  });

  describe("with edges that are forgotten after six months", () => {
    const openForgetful = async () => {
      const place = await openPlace({ env: { KITH_INVITE_EDGE_MONTHS: "6" } });
      return { place, ...(await village(place)) };
    };
    const edgesOf = async ({ context }: Place) => {
      const rows = await context.db.selectFrom("accounts").select(["username", "edge"]).execute();
      return new Map(rows.filter(({ username }) => username !== "").map(({ username, edge }) => [username, edge]));
    };
    const OLD = ["nour", "dora", "emil", "hana", "ivo", "bea"];
    const settingOf = ({ context }: Place) => readSetting(context, "edges-forgotten", context.db);

    it("forgets them then, each once a month", async () => {
      const { place, nour } = await openForgetful();
      const before = await edgesOf(place);
      await forgetOldEdges(place.context);
      assert.deepEqual(await edgesOf(place), before, "too early");
      place.days(250);
      await nour.signIn();
      await nour.bring("late");
      const late = (await edgesOf(place)).get("late");
      await forgetOldEdges(place.context);
      const after = await edgesOf(place);
      assert.ok([...after.values()].every((edge) => edge.length === 405));
      for (const name of OLD) assert.notDeepEqual(after.get(name), before.get(name), name);
      assert.deepEqual(after.get("late"), late);
      const lines = nodesOf((await openTheTree(nour)).body);
      assert.ok(lines.includes("late 1"));
      assert.ok(lines.includes("emil 0") && lines.includes("ivo 0"), "they are roots now");
      const now = await edgesOf(place);
      await forgetOldEdges(place.context);
      assert.deepEqual(await edgesOf(place), now, "each month once");
      assert.equal((await new Visitor(place.app).signIn("emil")).statusCode, 303, "the accounts are whole");
    });

    it("forgets them again where a branch was moved since, and writes all old ones alike", async () => {
      const { place, nour } = await openForgetful();
      place.days(250);
      await nour.signIn();
      await nour.bring("late");
      await forgetOldEdges(place.context);
      await openTheTree(nour);
      await nour.post("/admin/accounts/graft", { username: "emil", inviter: "late" }, "/admin/accounts");
      await forgetOldEdges(place.context);
      assert.ok(nodesOf((await nour.get("/admin/tree")).body).includes("emil 2"), "in that month the move is seen");
      place.days(31);
      await nour.signIn();
      const before = await edgesOf(place);
      await forgetOldEdges(place.context);
      const after = await edgesOf(place);
      for (const name of OLD) assert.notDeepEqual(after.get(name), before.get(name), name);
      assert.deepEqual(after.get("late"), before.get("late"));
      const lines = nodesOf((await openTheTree(nour)).body);
      assert.ok(lines.includes("emil 0") && lines.includes("late 1"));
    });

    it("forgets nobody's whose month of joining somebody else wrote into the database, and reports it", async () => {
      const { place, nour } = await openForgetful();
      place.days(250);
      await nour.signIn();
      await nour.bring("late");
      const before = await edgesOf(place);
      const { rows } = await place.context.pool.query("select id from accounts where username = 'late'");
      // The four bytes in which a key says when it was made.
      await place.context.pool.query(
        "update people set public_key = overlay(public_key placing '\\x5e000000'::bytea from 4 for 4) where account_id = $1",
        [rows[0].id],
      );
      await forgetOldEdges(place.context);
      const after = await edgesOf(place);
      assert.deepEqual(after.get("late"), before.get("late"));
      assert.notDeepEqual(after.get("emil"), before.get("emil"), "the others are forgotten as ever");
      assert.equal(place.context.forgedRows.get("people"), 1);
    });

    it("forgets them also where the first rows that tell of somebody's joining were taken away or made up, and reports it", async () => {
      const { place, nour } = await openForgetful();
      const { pool } = place.context;
      for (const username of ["emil", "hana"]) {
        await nour.post("/admin/accounts/freeze", { username, what: "inviting", reason: "Slow." }, "/admin/accounts");
      }
      place.days(250);
      await nour.signIn();
      const before = await edgesOf(place);
      await inspect(place.context);
      assert.equal(place.context.forgedRows.size, 0);
      await pool.query("delete from people where username = 'emil' and version = 1");
      await inspect(place.context);
      assert.equal(place.context.forgedRows.get("people"), 1);
      await pool.query(
        `insert into people select account_id, 0, username, domain, public_key, fingerprint, status, reset_mark, tag
         from people where username = 'hana' and version = 1`,
      );
      await forgetOldEdges(place.context);
      for (const [name, edge] of await edgesOf(place)) assert.notDeepEqual(edge, before.get(name), name);
    });

    it("forgets none by a clock that is years ahead, and says so", async () => {
      const { place, nour } = await openForgetful();
      const before = await edgesOf(place);
      place.days(73 * 365);
      await sweepSessions(place.context);
      await forgetOldEdges(place.context);
      assert.deepEqual(await edgesOf(place), before);
      assert.equal(await settingOf(place), undefined, "nothing is written down");
      assert.match(place.log.join(""), /is the clock right/);
      place.days(-73 * 365 + 250);
      await forgetOldEdges(place.context);
      assert.deepEqual(await edgesOf(place), before, "nobody signed in since");
      await nour.signIn();
      await forgetOldEdges(place.context);
      for (const [name, edge] of await edgesOf(place)) assert.notDeepEqual(edge, before.get(name), name);
    });

    it("goes on after a clock that was ahead: the month written down then does not count", async () => {
      const { place, nour } = await openForgetful();
      await writeSetting(place.context, "edges-forgotten", "2098-11", place.context.db);
      place.days(250);
      await nour.signIn();
      const before = await edgesOf(place);
      await forgetOldEdges(place.context);
      for (const [name, edge] of await edgesOf(place)) assert.notDeepEqual(edge, before.get(name), name);
      assert.match(place.log.join(""), /a clock that was ahead/);
      const written = await settingOf(place);
      assert.ok(written !== undefined && written < monthOf(place.context.clock()), written);
    });
  });
});
