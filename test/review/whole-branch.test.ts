import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";
import { inspect } from "#kith/inspection/inspect.js";
import { nothingSeen } from "#kith/make-context.js";
import { appendTombstone } from "#kith/people/people.js";
import { sealToNobody } from "#kith/protocol/nobody.js";
import { changeAccounts } from "#kith/review/change-accounts.js";
import type { Place, Visitor } from "../support/app.js";
import { openBranch } from "../support/branch.js";

// Who belongs to a branch is told by the edges of everybody in between.

describe("an act on a whole branch", () => {
  let place: Place;
  let nour: Visitor;
  before(async () => {
    ({ place, nour } = await openBranch());
    await nour.get("/admin/tree");
  });
  beforeEach(async () => {
    place.context.seen = nothingSeen();
    await inspect(place.context);
  });

  const sql = async (text: string, values: unknown[] = []) => (await place.context.pool.query(text, values)).rows;
  const act = (what: string, fields: Record<string, string>) =>
    nour.post(`/admin/accounts/${what}`, { reason: "Spam.", ...fields }, "/admin/accounts");
  const suspended = async () =>
    (await sql("select username from accounts where status = 'suspended' order by 1")).map((row) => row.username);
  const copyOf = async (table: string, where = "true") =>
    (await sql(`select t::text as row from ${table} t where ${where}`)).map(({ row }) => row as string);
  const putBack = async (table: string, rows: readonly string[]) => {
    for (const row of rows) await sql(`insert into ${table} select ($1::${table}).*`, [row]);
  };
  const branch = { username: "dora", branch: "on", count: "1" };
  const isRefused = async () => {
    for (const [what, fields] of [
      ["suspend", branch],
      ["invites", branch],
      ["graft", { username: "bea", inviter: "dora" }],
    ] as const) {
      const answer = await act(what, fields);
      assert.equal(answer.statusCode, 422, what);
      assert.match(answer.body, /nobody can say whom this would be about/, what);
    }
    assert.deepEqual(await suspended(), []);
    assert.equal((await act("suspend", { username: "bea" })).statusCode, 303, "one by one they can be acted on");
    assert.equal((await act("reinstate", { username: "bea" })).statusCode, 303);
  };
  const isDone = async (who: readonly string[]) => {
    assert.equal((await act("suspend", branch)).statusCode, 303);
    assert.deepEqual(await suspended(), who);
    for (const username of who) await act("reinstate", { username });
  };

  it("is refused where an edge in between is not as Kith wrote it, until it is", async () => {
    const [{ edge }] = await sql("select edge from accounts where username = 'emil'");
    await sql("update accounts set edge = overlay(edge placing '\\x00000000'::bytea from 21) where username = 'emil'");
    await isRefused();
    await sql("update accounts set edge = $1 where username = 'emil'", [edge]);
    await isDone(["dora", "emil", "hana"]);
  });

  for (const name of ["emil", "hana"]) {
    it(`is refused where the row of ${name} was taken away, until it is back`, async () => {
      const id = `(select id from accounts where username = '${name}')`;
      const account = await copyOf("accounts", `id = ${id}`);
      const slots = await copyOf("relations", `trusting_id = ${id}`);
      await sql(`delete from accounts where username = '${name}'`);
      // Before any inspection only those who came by a member tell of that one.
      if (name === "emil") place.context.seen = nothingSeen();
      await isRefused();
      await putBack("accounts", account);
      await putBack("relations", slots);
      await isDone(["dora", "emil", "hana"]);
    });
  }

  it("is refused where a review key was taken away that older edges are sealed to", async () => {
    await act("role", { username: "bea", role: "admin" });
    await act("role", { username: "bea", role: "member" });
    const [key] = await copyOf("review_keys", "number = 1");
    await sql("delete from review_keys where number = 1");
    await isRefused();
    await putBack("review_keys", [key as string]);
    await isDone(["dora", "emil", "hana"]);
  });

  it("moves no branch back, either, where an act is taken back meanwhile", async () => {
    assert.equal((await act("graft", { username: "bea", inviter: "dora" })).statusCode, 303);
    const id = /name="act" value="([^"]+)"/.exec((await nour.get("/admin/log")).body)?.[1] as string;
    const [{ edge }] = await sql("select edge from accounts where username = 'emil'");
    await sql("update accounts set edge = overlay(edge placing '\\x00000000'::bytea from 21) where username = 'emil'");
    const answer = await nour.post("/admin/log/undo", { act: id }, "/admin/log");
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /nobody can say whom this would be about/);
    await sql("update accounts set edge = $1 where username = 'emil'", [edge]);
    assert.equal((await nour.post("/admin/log/undo", { act: id }, "/admin/log")).statusCode, 303);
  });

  it("is done where an edge is sealed to nobody, or whoever invited somebody has left", async () => {
    const [{ id }] = await sql("select id from accounts where username = 'hana'");
    const edge = await sealToNobody(place.context.nobody, "small");
    await changeAccounts(place.context, place.context.db, [id], () => ({ edge }));
    await isDone(["dora", "emil"]);
    assert.equal((await act("graft", { username: "hana", inviter: "emil" })).statusCode, 303);
    await isDone(["dora", "emil", "hana"]);
    const [emil] = await sql("select id, people_version from accounts where username = 'emil'");
    await appendTombstone(place.context, emil.id, emil.people_version + 1);
    await sql("delete from accounts where id = $1", [emil.id]);
    await isDone(["dora"]);
  });
});
