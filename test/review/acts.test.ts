import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countOf, openPlace, type Place, passwordOf, Visitor } from "../support/app.js";
import { contents } from "../support/pages.js";
import { readable } from "../support/resets.js";
import { watchStatements } from "../support/statements.js";

async function village(place: Place) {
  const nour = await place.founder();
  const dora = await nour.bring("dora");
  const emil = await dora.bring("emil");
  const hana = await emil.bring("hana");
  const bea = await nour.bring("bea");
  return { nour, dora, emil, hana, bea };
}

async function open(visitor: Visitor) {
  const fields = { current_password: passwordOf(visitor.username) };
  assert.equal((await visitor.post("/admin/tree", fields, "/admin/tree")).statusCode, 303);
}

const act = (visitor: Visitor, what: string, fields: Record<string, string>) =>
  visitor.post(`/admin/accounts/${what}`, fields, "/admin/accounts");

async function undoNewest(visitor: Visitor) {
  const id = /name="act" value="([^"]+)"/.exec((await visitor.get("/admin/log")).body)?.[1];
  assert.ok(id, "an act can be taken back");
  return await visitor.post("/admin/log/undo", { act: id }, "/admin/log");
}

const statusOf = async (place: Place) =>
  Object.fromEntries(
    (await place.context.db.selectFrom("accounts").select(["username", "status"]).execute()).map((row) => [
      row.username,
      row.status,
    ]),
  );

describe("acts of admins", () => {
  it("a branch is suspended with a reason, told only after the right password, and let in again by taking it back", async () => {
    const place = await openPlace();
    const { nour, emil, hana, dora } = await village(place);
    await act(nour, "suspend", { username: "hana", reason: "Earlier and apart." });
    const closed = await act(nour, "suspend", { username: "emil", branch: "on", reason: "Spam." });
    assert.equal(closed.headers.location, "/admin/tree", "the branch is sealed until the tree is open");
    await open(nour);
    const without = await act(nour, "suspend", { username: "dora", branch: "on", reason: "" });
    assert.equal(without.statusCode, 422);
    assert.match(without.body, /Write a reason/);
    assert.equal((await statusOf(place)).dora, "active");

    const done = await act(nour, "suspend", { username: "dora", branch: "on", reason: "Spam & more of it." });
    assert.equal(done.statusCode, 303);
    const { "": _decoy, ...status } = await statusOf(place);
    assert.deepEqual(status, {
      nour: "active",
      bea: "active",
      dora: "suspended",
      emil: "suspended",
      hana: "suspended",
    });
    assert.equal((await emil.get("/trust")).statusCode, 303, "the session is over");
    const wrong = await emil.signIn("emil", "quite another password");
    assert.equal(wrong.statusCode, 422);
    assert.doesNotMatch(wrong.body, /suspended/i);
    const anew = new Visitor(place.app);
    const right = await anew.signIn("emil");
    assert.equal(right.statusCode, 403);
    assert.match(right.body, /Spam &amp; more of it\./);
    assert.ok(!anew.cookies.has("session"));
    assert.match((await hana.signIn("hana")).body, /Earlier and apart/, "hana was suspended before");

    assert.equal((await undoNewest(nour)).statusCode, 303);
    assert.deepEqual((await statusOf(place)).hana, "suspended", "that was another act");
    assert.equal((await emil.signIn("emil")).statusCode, 303);
    const account = await emil.get("/account");
    assert.equal(countOf(account.body, "own-act"), 2);
    assert.match(account.body, /Spam &amp; more of it\./);
    assert.match((await emil.get("/")).body, /Your account is open again/);
    assert.equal((await dora.signIn("dora")).statusCode, 303);
    assert.equal((await undoNewest(nour)).statusCode, 303, "what was taken back can be done again");
    assert.equal((await statusOf(place)).emil, "suspended");
    assert.doesNotMatch((await nour.get("/admin/log")).body, /Spam/, "reasons are for those concerned");
  });

  it("whoever is suspended can't help, and letters of those who may not invite look unknown", async () => {
    const place = await openPlace();
    const { nour, dora, emil } = await village(place);
    await emil.trust("dora");
    const letter = await dora.invite();
    const other = new Visitor(place.app);
    const unknown = await other.get(`${letter.slice(0, -4)}AAAA`);
    assert.equal(unknown.statusCode, 404);
    const seen = async () => {
      const page = await new Visitor(place.app).get(letter);
      return [page.statusCode, /can’t be used/.test(page.body)];
    };
    assert.deepEqual(await seen(), [200, false]);
    await act(nour, "freeze", { username: "dora", what: "inviting", reason: "Slow down." });
    assert.deepEqual(await seen(), [404, true]);
    assert.equal((await dora.post("/invites", { note: "" }, "/invites")).statusCode, 422);
    assert.match((await dora.help("emil")).body, /handover-link/, "dora is a member like any other");
    await act(nour, "unfreeze", { username: "dora", what: "inviting" });
    assert.deepEqual(await seen(), [200, false]);
    await act(nour, "freeze", { username: "dora", what: "sign-in", reason: "A thief knows the password." });
    assert.deepEqual(await seen(), [404, true], "a thief may have written it");
    await act(nour, "unfreeze", { username: "dora", what: "sign-in" });
    assert.deepEqual(await seen(), [200, false]);
    await act(nour, "suspend", { username: "dora", reason: "Gone wild." });
    assert.deepEqual(await seen(), [404, true]);
    await act(nour, "reinstate", { username: "dora" });
    assert.deepEqual(await seen(), [200, false]);
  });

  it("frozen sign-in keeps a thief out while trusted people let the owner back in", async () => {
    const place = await openPlace();
    const { nour, dora, emil } = await village(place);
    await emil.trust("dora");
    await act(nour, "freeze", { username: "emil", what: "sign-in", reason: "The password is known." });
    assert.equal((await emil.get("/trust")).statusCode, 303, "the session is over");
    const refused = await new Visitor(place.app).signIn("emil");
    assert.equal(refused.statusCode, 403);
    assert.match(refused.body, /Signing in is closed/);
    const path = await dora.openCase("emil");
    const owner = new Visitor(place.app);
    const done = await owner.post(path, { password: passwordOf("emil", 2) }, path);
    const words = [...done.body.matchAll(/<li>([a-z]+)<\/li>/g)].map((match) => match[1] as string).slice(0, 4);
    await dora.agree("emil", words);
    assert.equal((await owner.signIn("emil", passwordOf("emil", 2))).statusCode, 303);
    assert.equal((await owner.get("/trust")).statusCode, 200);
  });

  it("a branch moves to another inviter and back, never below itself", async () => {
    const place = await openPlace();
    const { nour } = await village(place);
    await open(nour);
    const depth = async (name: string) =>
      new RegExp(`data-username="${name}" data-depth="(\\d)"`).exec((await nour.get("/admin/tree")).body)?.[1];
    assert.equal(await depth("hana"), "3");
    const loop = await act(nour, "graft", { username: "dora", inviter: "hana" });
    assert.equal(loop.statusCode, 422);
    assert.equal((await act(nour, "graft", { username: "emil", inviter: "nour" })).statusCode, 303);
    assert.equal(await depth("hana"), "2");
    assert.equal((await undoNewest(nour)).statusCode, 303);
    assert.equal(await depth("hana"), "3");
  });

  it("to whom a branch moves, and which branch was meant, is looked up by no index, whose dead entries would be marked", async () => {
    const place = await openPlace();
    const { pool, db } = place.context;
    const { nour } = await village(place);
    await open(nour);
    await nour.get("/admin/tree"); // the edges are read
    const asked: { text: string; values: readonly unknown[] }[] = [];
    await watchStatements(pool, (text, values) => {
      asked.push({ text, values });
    });
    assert.equal((await act(nour, "graft", { username: "emil", inviter: "bea" })).statusCode, 303);
    const freeze = { username: "dora", what: "inviting", branch: "on", reason: "Too many." };
    assert.equal((await act(nour, "freeze", freeze)).statusCode, 303);
    assert.match((await nour.get("/admin/log")).body, /bea/);
    const about = asked.splice(0);

    const { id } = await db.selectFrom("accounts").select("id").where("username", "=", "bea").executeTakeFirstOrThrow();
    const hidden = ["bea", "bea@localhost", id, "dora", "dora@localhost"];
    const naming = about.filter(
      ({ text, values }) => /^\s*select/.test(text) && values.flat().some((value) => hidden.includes(value as string)),
    );
    assert.ok(naming.length > 0);
    const client = await pool.connect();
    await client.query("set enable_seqscan = off"); // whatever an index can find is found by it
    for (const { text, values } of naming) {
      const { rows } = await client.query(`explain ${text}`, [...values]);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      assert.match(plan, /Seq Scan on accounts/, text);
      assert.doesNotMatch(plan, /Index.* on (?:accounts|relations)/, text);
    }
    client.release(true);
  });

  it("invites are handed out to one, a branch and everybody, absorbed at the next sign-in, and taken back", async () => {
    const place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "1" } });
    const nour = await place.founder();
    const dora = await nour.bring("dora");
    const left = async (visitor: Visitor) => {
      await visitor.signIn();
      return /<span class="count">(\d+)<\/span>/.exec((await visitor.get("/invites")).body)?.[1];
    };
    assert.equal(await left(dora), "1");
    assert.equal((await act(nour, "invites", { username: "dora", count: "many" })).statusCode, 422);
    await act(nour, "invites", { username: "dora", count: "3" });
    assert.equal(await left(dora), "4");
    assert.match((await dora.get("/")).body, /3 more letters/);
    assert.equal(await left(nour), "0");
    await act(nour, "invites", { everybody: "on", count: "2" });
    assert.equal(await left(nour), "2");
    assert.equal(await left(dora), "6");
    const emil = await dora.bring("emil");
    assert.equal(await left(emil), "1", "what was given before is not for those who come later");
    await open(nour);
    await act(nour, "invites", { username: "nour", branch: "on", count: "10" });
    assert.equal(await left(emil), "11");
    await open(nour);
    assert.equal((await undoNewest(nour)).statusCode, 303);
    assert.equal(await left(emil), "1");
  });

  it("of two admins one is first: a role that was taken ends what its owner is doing", async () => {
    const place = await openPlace();
    const { nour, bea, emil } = await village(place);
    await act(nour, "role", { username: "bea", role: "admin" });
    const shown = /name="username" value="bea"><input type="hidden" name="fingerprint" value="([0-9a-f]{40})"/;
    const fingerprint = shown.exec((await nour.get("/admin/accounts")).body)?.[1] as string;
    const yes = (asked: string) =>
      nour.post("/admin/confirm", { username: "bea", fingerprint: asked }, "/admin/accounts");
    const refused = await yes("00".repeat(20));
    assert.equal(refused.statusCode, 422);
    assert.match(refused.body, /Bea has yet another key since you saw this page/);
    assert.equal((await yes(fingerprint)).statusCode, 303, "the key that was looked at");
    await bea.signIn();
    await open(bea);
    assert.ok(countOf((await bea.get("/admin/tree")).body, "tree-node") > 0);
    await act(nour, "role", { username: "bea", role: "member" });
    assert.equal((await bea.get("/admin/tree")).statusCode, 404);
    assert.equal((await act(bea, "suspend", { username: "emil", reason: "No." })).statusCode, 404);
    assert.equal((await statusOf(place)).emil, "active");
    const last = await act(nour, "role", { username: "nour", role: "member" });
    assert.equal(last.statusCode, 422);
    assert.match(last.body, /at least one admin/);

    await act(nour, "role", { username: "bea", role: "admin" });
    await act(nour, "freeze", { username: "bea", what: "sign-in", reason: "Stolen." });
    const able = await act(nour, "role", { username: "nour", role: "member" });
    assert.equal(able.statusCode, 422, "an admin who can't sign in is no admin left");
    await act(nour, "unfreeze", { username: "bea", what: "sign-in", reason: "Found." });
    await act(nour, "role", { username: "bea", role: "member" });
    await bea.signIn();

    await act(nour, "role", { username: "bea", role: "admin" });
    await nour.post("/admin/confirm", { username: "bea" }, "/admin/accounts");
    const both = await Promise.all([
      act(nour, "suspend", { username: "emil", reason: "One." }),
      act(bea, "suspend", { username: "emil", reason: "Other." }),
    ]);
    assert.deepEqual(both.map(({ statusCode }) => statusCode).sort(), [303, 422], "one did it, the other reads so");
    assert.equal((await emil.signIn()).statusCode, 403);
  });

  it("a reason is one line that fits into every seal, by whomever; a longer one is refused at its field", async () => {
    const place = await openPlace();
    const admin = await place.founder("a".repeat(32));
    const dora = await admin.bring("dora");
    const freeze = (reason: string) => act(admin, "freeze", { username: "dora", what: "inviting", reason });
    const contents = async () => [
      await statusOf(place),
      await place.context.db.selectFrom("events").selectAll().execute(),
    ];
    const before = await contents();
    for (const reason of ['"'.repeat(301), "\\".repeat(301), '"'.repeat(600), "x".repeat(601), "ü".repeat(301)]) {
      const answer = await freeze(reason);
      assert.equal(answer.statusCode, 422, reason);
      assert.match(answer.body, /The reason is too long/);
    }
    assert.deepEqual(await contents(), before);
    assert.equal((await freeze("\u0001\n\t")).statusCode, 422, "nothing is no reason");

    for (const reason of ['"'.repeat(300), "\\".repeat(300), "x".repeat(600), "ü".repeat(300)]) {
      assert.equal((await freeze(reason)).statusCode, 303, reason);
      const unfrozen = await act(admin, "unfreeze", { username: "dora", what: "inviting", reason });
      assert.equal(unfrozen.statusCode, 303, reason);
    }
    assert.equal((await freeze("Slow\r\ndown,\u0001please.")).statusCode, 303);
    await dora.signIn();
    const page = (await dora.get("/account")).body;
    assert.match(page, />Slow down, please\.</);
    assert.ok(page.includes("ü".repeat(300)) && page.includes("x".repeat(600)));
  });

  it("an account that was just deleted, or never was, is said so; nobody acts on oneself", async () => {
    const place = await openPlace();
    const { nour } = await village(place);
    for (const what of ["suspend", "freeze", "reinstate", "invites", "role"]) {
      const fields = { username: "ghost", reason: "Boo.", what: "inviting", count: "1", role: "admin" };
      const answer = await act(nour, what, fields);
      assert.equal(answer.statusCode, 422, what);
      assert.match(answer.body, /There is no ghost here/, what);
    }
    await open(nour);
    const before = await contents(place.context.pool, ["accounts", "people", "admin_acts", "events"]);
    const fields = { username: "nour", reason: "Tired.", what: "inviting", count: "1", inviter: "bea" };
    for (const what of ["suspend", "freeze", "reinstate", "unfreeze", "graft"]) {
      const self = await act(nour, what, fields);
      assert.equal(self.statusCode, 422, what);
      assert.match(self.body, /Another admin has to do that/, what);
    }
    assert.deepEqual(await contents(place.context.pool, Object.keys(before)), before);
    const invites = await act(nour, "invites", { username: "nour", count: "1" });
    assert.equal(invites.statusCode, 303, "but for invites, which everybody may be given");
  });

  it("refused comes back as it was sent, in its own form and in no other", async () => {
    const place = await openPlace();
    const { nour } = await village(place);
    await open(nour);
    const isOn = (body: string, id: string) => new RegExp(`<input id="${id}"[^>]* checked`).test(body);
    const typedIn = (body: string, id: string) => new RegExp(`<input id="${id}"[^>]* value="([^"]*)"`).exec(body)?.[1];

    const freeze = await act(nour, "freeze", { username: "dora", what: "sign-in", branch: "on", reason: "" });
    assert.equal(freeze.statusCode, 422);
    assert.ok(isOn(freeze.body, "freeze-sign-in") && !isOn(freeze.body, "freeze-inviting"));
    assert.ok(isOn(freeze.body, "freeze-branch"));
    assert.ok(isOn(freeze.body, "branch"), "suspending is as on a page nobody has typed in");
    const inviting = await act(nour, "freeze", { username: "dora", what: "inviting", reason: "x".repeat(1_000) });
    assert.ok(isOn(inviting.body, "freeze-inviting") && !isOn(inviting.body, "freeze-sign-in"));
    assert.ok(!isOn(inviting.body, "freeze-branch"));
    assert.equal(typedIn(inviting.body, "freeze-reason"), "x".repeat(1_000));
    assert.equal(typedIn(inviting.body, "suspend-reason"), "");
    const suspend = await act(nour, "suspend", { username: "dora", reason: "" });
    assert.ok(!isOn(suspend.body, "branch"), "it was unticked");
    const invites = await act(nour, "invites", { username: "dora", branch: "on", count: "many" });
    assert.ok(isOn(invites.body, "invites-branch") && !isOn(invites.body, "freeze-branch"));
    assert.equal(typedIn(invites.body, "invites-count"), "many");
    const all = await act(nour, "invites", { everybody: "on", count: "<9999" });
    assert.equal(all.statusCode, 422);
    assert.equal(typedIn(all.body, "all-count"), "&lt;9999");

    // Each message leads to something that is there, whether the tree is open or not.
    const nothing = { username: "dora", inviter: "nour" };
    for (const answer of [
      freeze,
      suspend,
      invites,
      all,
      await act(nour, "freeze", { username: "dora", reason: "No what." }),
      await act(nour, "freeze", { username: "nour", what: "inviting", reason: "Myself." }),
      await act(nour, "unfreeze", { username: "dora", what: "inviting" }),
      await act(nour, "graft", nothing),
    ]) {
      assert.equal(answer.statusCode, 422);
      const links = [...answer.body.matchAll(/<li><a href="#([^"]+)">/g)].map(([, id]) => id);
      assert.equal(links.length, 1);
      assert.ok(answer.body.includes(` id="${links[0]}"`), links[0]);
    }
  });

  it("whoever is let in again is so alone, unless the branch is ticked, and reads why", async () => {
    const place = await openPlace();
    const { nour, emil } = await village(place);
    await open(nour);
    await act(nour, "suspend", { username: "dora", branch: "on", reason: "Spam." });
    const panel = (await nour.get("/admin/tree?person=dora")).body;
    assert.doesNotMatch(panel, /<input id="reinstate-branch"[^>]* checked/);
    assert.match(readable(panel), /Dora alone, or with the branch 3 people\. Whoever is let in again can sign in/);
    await act(nour, "reinstate", { username: "emil", reason: "It was not emil." });
    assert.equal((await emil.signIn("emil")).statusCode, 303);
    assert.match((await emil.get("/account")).body, /It was not emil\./);
    const long = await act(nour, "reinstate", { username: "dora", reason: "x".repeat(1_000) });
    assert.match(long.body, /<input id="reinstate-reason"[^>]* value="x{1000}"/);
    assert.match(long.body, /<li><a href="#reinstate-reason">/);
  });

  it("a branch with the admin who looks in it is not ticked, and says why", async () => {
    const place = await openPlace();
    const { nour, emil } = await village(place);
    await act(nour, "role", { username: "emil", role: "admin" });
    await nour.post("/admin/confirm", { username: "emil" }, "/admin/accounts");
    await emil.signIn("emil");
    await open(emil);
    const panel = (await emil.get("/admin/tree?person=dora")).body;
    assert.doesNotMatch(panel, /<input id="branch"[^>]* checked/);
    assert.match(readable(panel), /You are among them, so another admin has to act on this branch\./);
  });

  it("whose role is taken reads so on the next page, not only after the next sign-in", async () => {
    const place = await openPlace();
    const { nour, dora } = await village(place);
    await act(nour, "role", { username: "dora", role: "admin" });
    await dora.signIn();
    await dora.get("/");
    await act(nour, "role", { username: "dora", role: "member" });
    assert.equal((await dora.get("/admin/accounts")).statusCode, 404);
    assert.match(readable((await dora.get("/")).body), /You are no longer an admin here/);
  });

  it("only admins act", async () => {
    const place = await openPlace();
    const { bea } = await village(place);
    for (const what of ["suspend", "reinstate", "freeze", "unfreeze", "graft", "invites", "role"]) {
      assert.equal(
        (await bea.post(`/admin/accounts/${what}`, { username: "emil", reason: "x" })).statusCode,
        404,
        what,
      );
    }
    for (const url of ["/admin/confirm", "/admin/log/undo", "/admin/recovery", "/admin/tree"]) {
      assert.equal((await bea.post(url, { username: "bea" })).statusCode, 404, url);
    }
    for (const url of ["/admin/accounts", "/admin/log", "/admin/recovery"]) {
      assert.equal((await bea.get(url)).statusCode, 404, url);
    }
  });
});
