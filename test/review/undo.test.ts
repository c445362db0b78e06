import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";
import { openPlace, type Place, passwordOf, type Visitor } from "../support/app.js";
import { openBranch } from "../support/branch.js";
import { contents } from "../support/pages.js";

let place: Place;
let nour: Visitor;
/** How many acts there were when a story began. */
let begun = 0;

before(async () => {
  ({ place, nour } = await openBranch());
});

beforeEach(async () => {
  const all = { username: "dora", branch: "on" };
  await nour.post("/admin/accounts/reinstate", all, "/admin/accounts");
  for (const what of ["sign-in", "inviting"]) {
    await nour.post("/admin/accounts/unfreeze", { ...all, what }, "/admin/accounts");
  }
  begun = (await actsOf()).length;
});

const act = async (what: string, fields: Record<string, string>) => {
  const answer = await nour.post(`/admin/accounts/${what}`, { reason: "Spam.", ...fields }, "/admin/accounts");
  assert.equal(answer.statusCode, 303, `${what} ${fields.username}`);
};

/** Acts as they were done; opening the tree is none of them. */
async function actsOf() {
  const rows = await place.context.db.selectFrom("admin_acts").selectAll().orderBy("number").execute();
  return rows.filter(({ kind }) => !["tree-opened", "confirmed"].includes(kind));
}

/** Takes back one of this story's acts, from 1. @returns the answer's status */
async function undo(number: number): Promise<number> {
  const id = (await actsOf())[begun + number - 1]?.id as string;
  return (await nour.post("/admin/log/undo", { act: id }, "/admin/log")).statusCode;
}

async function states(names: readonly string[]) {
  const rows = await place.context.db.selectFrom("accounts").selectAll().where("username", "in", names).execute();
  return Object.fromEntries(
    rows.map(({ username, status, frozen }) => [username, status === "suspended" ? status : frozen]),
  );
}

async function depthsOf() {
  const { body } = await nour.get("/admin/tree");
  return Object.fromEntries(
    [...body.matchAll(/data-username="([^"]+)" data-depth="(\d+)"/g)].map(([, name, depth]) => [name, Number(depth)]),
  );
}

const BRANCH = ["dora", "emil", "hana"] as const;
const PAIRS = [
  { down: ["suspend", ""], up: ["reinstate", ""], is: "suspended" },
  { down: ["freeze", "sign-in"], up: ["unfreeze", "sign-in"], is: "sign-in" },
  { down: ["freeze", "inviting"], up: ["unfreeze", "inviting"], is: "inviting" },
] as const;

for (const { down, up, is } of PAIRS) {
  const to = (way: readonly [string, string], username: string, branch = false) =>
    act(way[0], { username, what: way[1], ...(branch && { branch: "on" }) });
  const expected = (dora: boolean, emil: boolean, hana: boolean) =>
    Object.fromEntries([dora, emil, hana].map((so, index) => [BRANCH[index], so ? is : "nothing"]));

  describe(`taking back what made a branch ${is}`, () => {
    it("leaves alone whom a later act made so again", async () => {
      await to(down, "dora", true);
      await to(up, "emil");
      await to(down, "emil");
      assert.equal(await undo(1), 303);
      assert.deepEqual(await states(BRANCH), expected(false, true, false));
      assert.equal(await undo(3), 303, "that act can be taken back");
      assert.deepEqual(await states(BRANCH), expected(false, false, false));
    });

    it("or lifted it leaves alone whom a later act let go again", async () => {
      await to(down, "dora", true);
      await to(up, "dora", true);
      await to(down, "emil");
      await to(up, "emil");
      assert.equal(await undo(2), 303);
      assert.deepEqual(await states(BRANCH), expected(true, false, true));
    });

    it("is for all of them where what came later was taken back as well", async () => {
      await to(down, "dora", true);
      await to(up, "emil");
      assert.equal(await undo(2), 303);
      assert.deepEqual(await states(BRANCH), expected(true, true, true));
      assert.equal(await undo(1), 303);
      assert.deepEqual(await states(BRANCH), expected(false, false, false));
    });

    it("counts a later act for those for whom it was not taken back", async () => {
      await to(down, "dora", true);
      await to(up, "dora", true);
      await to(down, "emil");
      assert.equal(await undo(2), 303);
      assert.deepEqual(await states(BRANCH), expected(true, true, true));
      assert.equal(await undo(1), 303);
      assert.deepEqual(await states(BRANCH), expected(false, true, false));
    });

    it("does nothing, and writes nothing down, where all of them were concerned since", async () => {
      await to(down, "emil");
      await to(up, "dora", true);
      await to(down, "dora", true);
      const known = await actsOf();
      assert.equal(await undo(1), 422);
      assert.deepEqual(await states(BRANCH), expected(true, true, true));
      assert.deepEqual(await actsOf(), known);
    });
  });
}

describe("taking back where rows were taken away", () => {
  const suspend = (username: string, branch = false) => act("suspend", { username, ...(branch && { branch: "on" }) });
  const idOf = async (number: number) => (await actsOf())[begun + number - 1]?.id as string;
  /** Takes rows away while an act is taken back, and puts them there again. */
  async function refusesWithout(table: string, where: string, ids: readonly string[]) {
    const { pool } = place.context;
    const { rows } = await pool.query(`select t::text as row from ${table} t where ${where} = any($1::uuid[])`, [ids]);
    await pool.query(`delete from ${table} where ${where} = any($1::uuid[])`, [ids]);
    const id = await idOf(1);
    const answer = await nour.post("/admin/log/undo", { act: id }, "/admin/log");
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /nobody can say whom this would be about/);
    assert.deepEqual(await states(BRANCH), { dora: "suspended", emil: "suspended", hana: "suspended" });
    for (const { row } of rows) await pool.query(`insert into ${table} select ($1::${table}).*`, [row]);
  }

  it("is refused: of whom a later act concerned, of the act itself, or whole acts", async () => {
    await suspend("dora", true);
    await act("reinstate", { username: "emil" });
    await suspend("emil");
    const [first, second, third] = [await idOf(1), await idOf(2), await idOf(3)];
    await refusesWithout("admin_act_persons", "act_id", [second, third]);
    await refusesWithout("admin_act_persons", "act_id", [first]);
    await refusesWithout("admin_acts", "id", [third]);
    await refusesWithout("admin_acts", "id", [second]);
    assert.equal(await undo(1), 303);
    assert.deepEqual(await states(BRANCH), { dora: "nothing", emil: "suspended", hana: "nothing" });
  });
});

describe("taking back", () => {
  it("that a branch was frozen is not held up by a later act of another kind", async () => {
    await act("freeze", { username: "dora", what: "inviting", branch: "on" });
    await act("freeze", { username: "emil", what: "sign-in" });
    await act("suspend", { username: "hana" });
    assert.equal(await undo(1), 303);
    assert.deepEqual(await states(BRANCH), { dora: "nothing", emil: "sign-in", hana: "suspended" });
  });

  it("that a role was taken does not give it back after it was taken again, until that is taken back", async () => {
    const isAdmin = async () =>
      (await place.context.db.selectFrom("accounts").select("role").where("username", "=", "bea").execute())[0]?.role;
    for (const role of ["admin", "member", "admin", "member"]) await act("role", { username: "bea", role });
    assert.equal(await undo(2), 422);
    assert.equal(await isAdmin(), "member");
    assert.equal(await undo(4), 303);
    assert.equal(await isAdmin(), "admin");
    assert.equal(await undo(1), 422, "it was given again since");
    assert.equal(await isAdmin(), "admin");
    assert.equal(await undo(3), 303);
    assert.equal(await undo(2), 303, "nothing stands that came later");
    assert.equal(await isAdmin(), "admin");
  });

  it("what concerns oneself is for another admin, and writes nothing down", async () => {
    const own = await openPlace();
    const ada = await own.founder("ada");
    const cem = await ada.bring("cem");
    const send = (admin: Visitor, path: string, fields: Record<string, string> = {}) =>
      admin.post(path, fields, "/admin/accounts");
    const openTree = (admin: Visitor) => send(admin, "/admin/tree", { current_password: passwordOf(admin.username) });
    await send(ada, "/admin/accounts/role", { username: "cem", role: "admin" });
    await send(ada, "/admin/confirm", { username: "cem" });
    await cem.signIn();
    for (const [down, up, fields] of [
      ["suspend", "reinstate", {}],
      ["freeze", "unfreeze", { what: "sign-in" }],
    ] as const) {
      for (const what of [down, up]) {
        const to = { username: "ada", reason: "By mistake.", ...fields };
        assert.equal((await send(cem, `/admin/accounts/${what}`, to)).statusCode, 303, what);
      }
      await send(cem, "/admin/confirm", { username: "ada" });
    }
    await ada.signIn();
    await openTree(ada);
    const stored = () =>
      contents(own.context.pool, ["accounts", "people", "admin_acts", "events", "review_keys", "review_grants"]);
    for (const kind of ["reinstated", "unfrozen-sign-in", "made-admin"]) {
      const rows = await own.context.db.selectFrom("admin_acts").select("id").where("kind", "=", kind).execute();
      const undoing = kind === "made-admin" ? cem : ada;
      await openTree(undoing);
      const before = await stored();
      const answer = await send(undoing, "/admin/log/undo", { act: rows[0]?.id as string });
      assert.equal(answer.statusCode, 422, kind);
      assert.match(answer.body, /You are among them\. Another admin has to do that\./, kind);
      assert.deepEqual(await stored(), before, kind);
    }
    // That a freeze of inviting lets go, or the own branch moves back, is no better.
    await ada.bring("dora");
    await send(cem, "/admin/accounts/freeze", { username: "ada", what: "inviting", reason: "Slow down." });
    await send(ada, "/admin/accounts/graft", { username: "cem", inviter: "dora" });
    for (const [kind, undoing] of [
      ["frozen-inviting", ada],
      ["grafted", cem],
    ] as const) {
      const rows = await own.context.db.selectFrom("admin_acts").select("id").where("kind", "=", kind).execute();
      assert.equal(rows.length, 1, kind);
      await openTree(undoing);
      const before = await stored();
      const answer = await send(undoing, "/admin/log/undo", { act: rows[0]?.id as string });
      assert.match(answer.body, /You are among them\. Another admin has to do that\./, kind);
      assert.deepEqual(await stored(), before, kind);
    }
    assert.equal((await ada.get("/admin/log")).statusCode, 200);
  });

  it("that a branch was moved does not undo a later move, until that is taken back", async () => {
    const depths = await depthsOf();
    await act("graft", { username: "emil", inviter: "nour" });
    await act("graft", { username: "emil", inviter: "bea" });
    await act("graft", { username: "hana", inviter: "bea" });
    const edges = () => place.context.db.selectFrom("accounts").select("edge").where("username", "<>", "").execute();
    const moved = await edges();
    assert.equal(await undo(1), 422);
    assert.deepEqual(await edges(), moved);
    assert.equal(await undo(2), 303);
    assert.equal(await undo(1), 303);
    assert.equal(await undo(3), 303);
    assert.deepEqual(await depthsOf(), depths);
  });
});
