import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { casesOf, passwordOf, textOf, wordsOf } from "../support/app.js";
import { choose, currentOf, openCommunity, readable, trustAll } from "../support/resets.js";
import { watchStatements } from "../support/statements.js";

// Which page answers each form of a reset, where it stands in the navigation, and what a limit counts.

describe("the pages of a reset", () => {
  it("follow one another, each under its own title and at its place", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    const { ada, bea } = who;
    await trustAll(ada, ["bea", "cem"], { threshold: 2, waitDays: 1 });
    const visitor = place.visitor();
    const expect = (page: { body: string; statusCode: number }, status: number, title: string, current?: string) => {
      assert.equal(/<title>([^<]*?)(?: · [^<]*)?</.exec(page.body)?.[1], title);
      assert.equal(page.statusCode, status, title);
      assert.equal(currentOf(page.body), current, title);
    };
    const help = "Help someone";
    expect(await visitor.get("/reset"), 200, "I forgot my password");
    const form = await bea.get("/help");
    expect(form, 200, help, help);
    assert.match(form.body, /<input id="username" name="username"[^>]* value=""/);
    const nobody = await bea.help("  ");
    expect(nobody, 422, `Error: ${help}`, help);
    assert.match(nobody.body, /<input id="username" name="username"[^>]* value=""[^>]* aria-invalid="true"/);
    assert.match(readable(nobody.body), /Type a username\./);
    expect(await bea.help("zoe"), 200, "Nothing opens for you", help);
    const opened = await bea.help(" ada ");
    expect(opened, 200, "Ada trusts you", help);
    const path = new URL(textOf(opened.body, "handover-link") as string).pathname;
    expect(await bea.help("ada"), 200, "Ada has not chosen a password yet", help);

    expect(await visitor.get(path), 200, "Choose a new password");
    const short = await visitor.post(path, { password: "short", lost_second_step: "on" }, path);
    expect(short, 422, "Error: Choose a new password");
    assert.match(short.body, /name="lost_second_step" type="checkbox" checked/, "as it was ticked");
    const suggested = await visitor.post(path, { suggest: "1" }, path);
    expect(suggested, 200, "Choose a new password");
    const done = await visitor.post(path, { password: passwordOf("ada", 2) }, path);
    expect(done, 200, "Four words to read out");
    assert.match(readable(done.body), /0 of 2/);
    expect(await visitor.get(path), 404, "This link is dead");
    expect(await visitor.post(path, { password: passwordOf("ada", 2) }), 404, "This link is dead");

    const compare = await bea.help("ada");
    expect(compare, 200, "Compare four words with ada", help);
    assert.match(readable(compare.body), /0 of 2 have agreed/);
    const other = await bea.post("/help/approve", { username: "ada", case: "0".repeat(36) }, "/help");
    expect(other, 200, "Nothing opens for you", help);
    const agreed = await bea.agree("ada", wordsOf(done.body));
    assert.deepEqual([agreed.statusCode, agreed.headers.location], [303, "/help/agreed"]);
    const once = await bea.get("/help/agreed");
    expect(once, 200, "You have agreed", help);
    assert.match(readable(once.body), /1 of 2/);
    assert.equal((await bea.get("/help/agreed")).headers.location, "/help", "it is shown once");

    assert.equal((await ada.post("/resets/stop", {}, "/account")).headers.location, "/resets/stopped");
    const stopped = await ada.get("/resets/stopped");
    expect(stopped, 200, "The reset is stopped");
    assert.match(readable(stopped.body), /[Bb]ea/, "who had agreed");
    assert.doesNotMatch(readable(stopped.body), /[Cc]em/);
    assert.equal((await ada.get("/resets/stopped")).headers.location, "/", "it is shown once");
  });

  it("show cases in the order of their days, wherever their rows lie", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2 });
    const words: string[] = [];
    for (const [at, helper] of [who.bea, who.cem, who.dora].entries()) {
      if (at > 0) place.days(1);
      await helper.signIn();
      const choice = await choose(place, await helper.openCase("ada"), passwordOf("ada", at + 2));
      words.push(choice.words.join(" "));
    }
    const shown = async () => casesOf((await who.dora.help("ada")).body).map((one) => one.words.join(" "));
    const { pool } = place.context;
    const { rows } = await pool.query("select id from reset_cases");
    for (const { id } of rows) {
      // A row that is written lies behind all others.
      await pool.query("update reset_cases set id = id where id = $1", [id]);
      assert.deepEqual(await shown(), words);
    }
  });
});

describe("the limit on helping", () => {
  const limits = { env: { KITH_LIMITS: "help=3/60,trust=1000/60,sign-in=1000/60,handover=2/60" } };

  it("counts what leads nowhere and what was opened, not looking again", async () => {
    const { who } = await openCommunity(["ada", "bea"], limits);
    await trustAll(who.ada, ["bea"]);
    assert.ok(await who.bea.openCase("ada"));
    for (let turn = 0; turn < 4; turn++) assert.equal((await who.bea.help("ada")).statusCode, 200, "it is only shown");
    assert.equal((await who.bea.help("zoe")).statusCode, 200);
    assert.equal((await who.bea.help("zoe")).statusCode, 200);
    assert.equal((await who.bea.help("zoe")).statusCode, 429);
  });

  it("counts each case that is begun anew", async () => {
    const { who } = await openCommunity(["ada", "bea"], limits);
    await trustAll(who.ada, ["bea"]);
    for (let turn = 0; turn < 3; turn++) assert.ok(await who.bea.openCase("ada", true));
    assert.equal((await who.bea.help("ada", true)).statusCode, 429);
  });

  it("counts what broke off in the middle, which may have told something", async () => {
    for (const [path, form] of [
      ["/help", { username: "ada" }],
      ["/help/approve", { username: "ada", case: "1" }],
    ] as const) {
      const { place, who } = await openCommunity(["ada", "bea"], limits);
      await trustAll(who.ada, ["bea"]);
      await watchStatements(place.context.pool, (text) => {
        return /^select \* from "relations"/.test(text) ? Promise.reject(new Error("broke off")) : undefined;
      });
      for (let turn = 0; turn < 3; turn++) assert.equal((await who.bea.post(path, form, "/help")).statusCode, 500);
      assert.equal((await who.bea.post(path, form, "/help")).statusCode, 429, path);
    }
  });

  it("counts neither an agreement nor a good link", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"], limits);
    for (const name of ["ada", "cem", "dora"] as const) await trustAll(who[name], ["bea"]);
    for (const name of ["ada", "cem"]) {
      const path = await who.bea.openCase(name);
      for (let turn = 0; turn < 3; turn++) assert.equal((await place.visitor().get(path)).statusCode, 200);
      const { words } = await choose(place, path, passwordOf(name, 2));
      assert.equal((await who.bea.agree(name, words)).statusCode, 303);
    }
    assert.ok(await who.bea.openCase("dora"), "the third of three");
    assert.equal((await who.bea.help("zoe")).statusCode, 429);
  });

  it("counts a case that is begun beside one to compare", async () => {
    const names = ["ada", "bea", "cem", "dora", "eve"] as const;
    const { place, who } = await openCommunity(names, limits);
    for (const name of ["ada", "cem", "dora"] as const) {
      await trustAll(who[name], ["bea", "eve"]);
      await choose(place, await who.eve.openCase(name), passwordOf(name, 2));
    }
    for (const name of ["ada", "cem", "dora"]) {
      const page = await who.bea.help(name);
      assert.equal(casesOf(page.body).length, 1, "eve's stands on the page");
      assert.ok(textOf(page.body, "handover-link"), "and a new link");
    }
    assert.equal((await who.bea.help("zoe")).statusCode, 429);
  });

  it("counts agreements that come to nothing, and dead links", async () => {
    const { place, who } = await openCommunity(["ada", "bea"], limits);
    const nothing = () => who.bea.post("/help/approve", { username: "ada", case: "1" }, "/help");
    for (let turn = 0; turn < 3; turn++) assert.equal((await nothing()).statusCode, 200);
    assert.equal((await nothing()).statusCode, 429);
    const dead = `/handover/${"A".repeat(43)}`;
    for (let turn = 0; turn < 2; turn++) assert.equal((await place.visitor().get(dead)).statusCode, 404);
    assert.equal((await place.visitor().get(dead)).statusCode, 429);
    const elsewhere = await openCommunity([], limits);
    const choosing = () => elsewhere.place.visitor().post(dead, { password: passwordOf("ada", 2) });
    for (let turn = 0; turn < 2; turn++) assert.equal((await choosing()).statusCode, 404);
    assert.equal((await choosing()).statusCode, 429);
  });
});
