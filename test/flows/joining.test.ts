import assert from "node:assert/strict";
import { before, describe, it, mock } from "node:test";
import { setStatus } from "#kith/accounts/suspend.js";
import { firstAdminLink } from "#kith/invites/first-admin.js";
import { buttonsOf, countOf, openPlace, type Place, passwordOf, textOf, Visitor } from "../support/app.js";
import { accountOf, assertSame, contents, countRows, slotsOf } from "../support/pages.js";

const MANY = { KITH_INVITES_PER_MEMBER: "40" };

describe("joining by a letter", () => {
  let place: Place;
  let nour: Visitor;
  before(async () => {
    place = await openPlace({ env: MANY });
    nour = await place.founder();
  });

  it("refuses names that can't be, keeps what was typed but no password, and changes nothing", async () => {
    const path = await nour.invite();
    const before = await contents(place.context.pool);
    const visitor = place.visitor();
    for (const username of [
      "",
      " ",
      "a",
      "x".repeat(33),
      "ada lovelace",
      "adä",
      "-ada",
      "ada.",
      "a..b",
      "a_-b",
      "ada@else.example",
      "@",
      "a@b@c",
      "<b>ada</b>",
      "ada\nbea",
    ]) {
      const password = "9 sdv plum orchard window";
      const answer = await visitor.post(path, { username, password }, path);
      assert.equal(answer.statusCode, 422, JSON.stringify(username));
      assert.ok(!answer.body.includes(password), "no password comes back");
      assert.match(answer.body, /role="alert"/);
      assert.match(answer.body, /<title>Error:/);
      assert.ok(!visitor.cookies.has("session"));
    }
    assert.deepEqual(await contents(place.context.pool), before);
    const typed = await visitor.post(path, { username: "<b>ada</b>", password: "" }, path);
    assert.match(typed.body, /value="&lt;b&gt;ada&lt;\/b&gt;"/, "what was typed is kept, escaped");
  });

  it("is refused where the inviter was suspended while the password was hashed, and the letter is not spent", async () => {
    const { context } = place;
    const path = await (await nour.bring("uma")).invite();
    const name = { username: "uma", domain: "localhost" };
    const { unlockKey } = context.hashing;
    const hashing = mock.method(context.hashing, "unlockKey", async (...args: Parameters<typeof unlockKey>) => {
      await setStatus(context, name, "suspended");
      return await unlockKey(...args);
    });
    const visitor = place.visitor();
    const before = await contents(context.pool, ["relations", "spent_invites", "sessions"]);
    assert.equal((await visitor.join(path, "ottilie")).statusCode, 404);
    hashing.mock.restore();
    assert.deepEqual(await contents(context.pool, ["relations", "spent_invites", "sessions"]), before);
    assert.equal(await accountOf(context.pool, "ottilie"), undefined);
    await setStatus(context, name, "active");
    assert.equal((await visitor.join(path, "ottilie")).statusCode, 303);
  });

  it("ends the session that the browser had before", async () => {
    const visitor = await nour.bring("wilma");
    const cookie = visitor.cookies.get("session") as string;
    assert.equal((await visitor.join(await nour.invite(), "xenia")).statusCode, 303);
    visitor.cookies.set("session", cookie);
    assert.equal((await visitor.get("/trust")).statusCode, 303);
  });

  it("refuses names that are reserved or taken, in any case, and leaves the letter alive", async () => {
    const path = await nour.invite();
    const before = await contents(place.context.pool);
    const visitor = place.visitor();
    for (const username of ["postmaster", "Abuse", "root", "kith", "hostmaster", "nour", "NOUR", "nour@localhost"]) {
      const answer = await visitor.join(path, username, { password: passwordOf("zoe") });
      assert.equal(answer.statusCode, 422, username);
    }
    assert.deepEqual(await contents(place.context.pool), before);
    assert.equal((await visitor.join(path, "zoe")).statusCode, 303);
  });

  it("refuses weak passwords and takes good ones of any script", async () => {
    const path = await nour.invite();
    const before = await contents(place.context.pool);
    const visitor = place.visitor();
    for (const password of [
      "",
      "fourteen chars",
      "x".repeat(257),
      "passwordpassword",
      "aaaaaaaaaaaaaaaaaaaa",
      "123456123456123456",
      "yara likes her garden",
      "my YARA in capitals",
    ]) {
      const answer = await visitor.join(path, "yara", { password });
      assert.equal(answer.statusCode, 422, password);
      if (password) assert.ok(!answer.body.includes(`"${password}"`));
    }
    assert.deepEqual(await contents(place.context.pool), before);
    const password = "мой сад за рекой 🦔";
    assert.equal((await visitor.join(path, "yara", { password })).statusCode, 303);
    assert.equal((await place.visitor().signIn("yara", password)).statusCode, 303);
  });

  it("is not done by asking for a passphrase, which keeps what was typed and ticked, and spends nothing", async () => {
    const path = await nour.invite();
    const visitor = place.visitor();
    const first = (await visitor.get(path)).body;
    const { buttons, suggest } = buttonsOf(first);
    assert.doesNotMatch(buttons[0] as string, /suggest/, "Enter in a field sends the first button of a form");
    assert.match(suggest, /formnovalidate/);
    const before = await contents(place.context.pool);
    const password = passwordOf("sven");
    const asked = await visitor.post(path, { username: "<b>Sven", password, suggest: "1" }, path);
    assert.equal(asked.statusCode, 200);
    assert.ok(!visitor.cookies.has("session"));
    assert.deepEqual(await contents(place.context.pool), before);
    assert.match(asked.body, /value="&lt;b&gt;Sven"/);
    assert.doesNotMatch(asked.body, /id="trust_inviter"[^>]* checked/, "it was unticked");
    assert.doesNotMatch(asked.body, /role="alert"/);
    assert.ok(!asked.body.includes(password));
    assert.doesNotMatch(/<input id="password"[^>]*>/.exec(asked.body)?.[0] as string, /value=/);
    const passphrase = /<code class="copy"[^>]*><span lang="en">([a-z ]+)<\/span>/.exec(asked.body)?.[1] as string;
    assert.equal(passphrase.split(" ").length, 6);
    assert.doesNotMatch(buttonsOf(asked.body).buttons[0] as string, /suggest/);
    const ticked = await visitor.post(path, { username: "", trust_inviter: "on", suggest: "1" }, path);
    assert.match(ticked.body, /id="trust_inviter"[^>]* checked/);
    assert.match((await visitor.get(`${path}?suggest=1`)).body, /id="suggestion"/, "a link to it still works");
    const joined = await visitor.join(path, "sven", { password: passphrase, trust: false });
    assert.equal(joined.statusCode, 303);
    const dead = await place.visitor().post(path, { username: "late", suggest: "1" }, "/about");
    assert.equal(dead.statusCode, 404, "no more than a look would tell");
  });

  it("lower-cases the name, tells at /welcome once, and makes S rows that are full from the first second", async () => {
    const friend = place.visitor();
    const joined = await friend.join(await nour.invite(), "Mira.K-2", { password: passwordOf("other") });
    assert.equal(joined.statusCode, 303);
    assert.equal(joined.headers.location, "/welcome");
    assert.match((await friend.get("/welcome")).body, /nour/);
    assert.equal((await friend.get("/welcome")).statusCode, 303, "once");
    const late = place.visitor();
    await late.join(await nour.invite(), "late-looker", { password: passwordOf("other") });
    place.days(16 / 1440);
    assert.equal((await late.get("/welcome")).headers.location, "/", "within a quarter hour");
    place.days(-16 / 1440);
    const rows = await slotsOf(place.context.pool, "mira.k-2");
    assert.equal(rows.length, place.context.config.trustSlots);
    assert.deepEqual(
      new Set(rows.map((row) => `${row.sealed_trusted.length} ${row.sealed_token.length} ${row.token_hash.length}`))
        .size,
      1,
    );
  });

  it("stores rows of the very same lengths whether the inviter is trusted or not", async () => {
    await nour.bring("with");
    await nour.bring("sans", { trust: false });
    const lengths = async (username: string) => {
      const account = await accountOf(place.context.pool, username);
      const columns = Object.entries(account).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? value.length : String(value).length,
      ]);
      const rows = (await slotsOf(place.context.pool, username)).map((row) =>
        Object.values(row).map((value) => (value as Buffer).length),
      );
      return { columns, rows };
    };
    assert.deepEqual(await lengths("with"), await lengths("sans"));
  });

  it("makes the inviter the first trusted person, unless that is unticked", async () => {
    const ticked = await nour.bring("tick");
    assert.equal(countOf((await ticked.get("/trust")).body, "trusted"), 1);
    assert.match((await ticked.get("/trust")).body, /nour/);
    assert.ok(textOf((await nour.help("tick")).body, "handover-link"), "nour can help");
    const unticked = await nour.bring("untick", { trust: false });
    assert.equal(countOf((await unticked.get("/trust")).body, "trusted"), 0);
    assert.equal(textOf((await nour.help("untick")).body, "handover-link"), undefined, "nour can't help");
  });

  it("is not done by looking at the letter, however often, and its title names nobody", async () => {
    const path = await nour.invite();
    const before = await contents(place.context.pool);
    for (let count = 0; count < 3; count++) {
      const page = await place.visitor().get(path);
      assert.equal(page.statusCode, 200);
      assert.doesNotMatch(/<head>.*<\/head>/s.exec(page.body)?.[0] as string, /nour/);
    }
    assert.deepEqual(await contents(place.context.pool), before);
  });

  it("shows one and the same page for letters that are unknown, altered, used, revoked, expired, or of somebody suspended", async () => {
    const kept = await nour.bring("sam");
    const [used, revoked, expired] = [await nour.invite(), await nour.invite(), await nour.invite()];
    const suspended = await kept.invite();
    await place.visitor().join(used, "ula");
    const page = await nour.get("/invites");
    // Newest first: `expired` is the first open letter, `revoked` the second.
    const ids = [...page.body.matchAll(/name="invite" value="([^"]+)"/g)].map((match) => match[1] as string);
    const open = await place.visitor().get(revoked);
    assert.equal(open.statusCode, 200);
    await nour.post("/invites/revoke", { invite: ids[1] as string }, "/invites");
    assert.equal((await place.visitor().get(expired)).statusCode, 200, "only the other one was revoked");
    await setStatus(place.context, { username: "sam", domain: "localhost" }, "suspended");
    const altered = `${expired.slice(0, -3)}AAA`;
    const dead = [`/invite/${"A".repeat(86)}`, "/invite/x", altered, used, revoked, suspended];
    const [first, ...others] = await Promise.all(dead.map((path) => place.visitor().get(path)));
    assert.ok(first);
    assert.equal(first.statusCode, 404);
    for (const [index, other] of others.entries()) assertSame(other, first, dead[index + 1] as string);

    const before = await contents(place.context.pool);
    for (const path of dead) {
      const visitor = place.visitor();
      const answer = await visitor.post(path, { username: "vera", password: passwordOf("vera") }, "/about");
      assert.equal(answer.statusCode, 404, path);
      assert.ok(!visitor.cookies.has("session"));
    }
    assert.deepEqual(await contents(place.context.pool), before);

    place.days(30);
    assert.equal((await place.visitor().get(expired)).statusCode, 200, "good up to and including its last day");
    place.days(1);
    assertSame(await place.visitor().get(expired), first, "expired");
    assert.equal(
      (await place.visitor().post(expired, { username: "vera", password: passwordOf("vera") })).statusCode,
      404,
    );
    assert.equal(await accountOf(place.context.pool, "vera"), undefined);
  });

  it("by two at once with one letter makes one account", async () => {
    for (let round = 0; round < 4; round++) {
      await nour.signIn();
      const path = await nour.invite();
      const before = await countRows(place.context.pool, "accounts");
      const names = [`left${round}`, `right${round}`];
      const answers = await Promise.all(names.map((name) => place.visitor().join(path, name)));
      assert.deepEqual(answers.map((answer) => answer.statusCode).sort(), [303, 404]);
      assert.equal(await countRows(place.context.pool, "accounts"), before + 1);
      for (const [index, name] of names.entries()) {
        assert.equal((await accountOf(place.context.pool, name)) !== undefined, answers[index]?.statusCode === 303);
      }
    }
  });

  it("by two at once under one name with two letters makes one account, and the other letter lives", async () => {
    await nour.signIn();
    const paths = [await nour.invite(), await nour.invite()];
    const answers = await Promise.all(paths.map((path) => place.visitor().join(path, "twin")));
    assert.deepEqual(answers.map((answer) => answer.statusCode).sort(), [303, 422]);
    const other = paths[answers.findIndex((answer) => answer.statusCode === 422)] as string;
    assert.equal((await place.visitor().join(other, "other")).statusCode, 303);
  });
});

describe("the first admin's letter", () => {
  it("makes one admin of two at once, and is dead once there is one", async () => {
    const place = await openPlace();
    const paths = await Promise.all(
      [1, 2, 3].map(async () => new URL((await firstAdminLink(place.context)) as string).pathname),
    );
    const answers = await Promise.all(
      paths.slice(0, 2).map((path, index) => place.visitor().join(path, `admin${index}x`)),
    );
    assert.deepEqual(answers.map((answer) => answer.statusCode).sort(), [303, 404]);
    assert.equal((await place.visitor().get(paths[2] as string)).statusCode, 404);
    assert.equal(await firstAdminLink(place.context), undefined);
    const { rows } = await place.context.pool.query("select role from accounts where username <> ''");
    assert.deepEqual(rows, [{ role: "admin" }]);
  });
});

describe("writing letters", () => {
  let place: Place;
  let ada: Visitor;
  before(async () => {
    place = await openPlace({ env: { KITH_INVITES_PER_MEMBER: "3" } });
    ada = await (await place.founder()).bring("ada");
  });
  const left = async () => Number(/class="count">(\d+)</.exec((await ada.get("/invites")).body)?.[1]);

  it("leaves no row, not even in the session: nobody who reads the database finds an open letter", async () => {
    const untouched = ["spent_invites", "people", "review_grants", "sessions"];
    const before = await contents(place.context.pool, untouched);
    const counts = await countRows(place.context.pool, "accounts");
    await ada.invite();
    assert.equal((await ada.get("/invites/card")).statusCode, 200);
    assert.deepEqual(await contents(place.context.pool, untouched), before);
    assert.equal(await countRows(place.context.pool, "accounts"), counts);
    assert.equal(await left(), 2);
  });

  it("shows the link once, whatever the note is", async () => {
    const note = `for ben${'"'.repeat(26)}`;
    assert.equal((await ada.post("/invites", { note }, "/invites")).statusCode, 303);
    const first = await ada.get("/invites");
    assert.ok(textOf(first.body, "invite-link"));
    assert.match(first.body, /for ben/);
    const second = await ada.get("/invites");
    assert.equal(textOf(second.body, "invite-link"), undefined);
    assert.equal(await left(), 1);
  });

  it("leaves the letter with the browser, sealed, until it looks at another page", async () => {
    const place = await openPlace();
    const bob = await (await place.founder()).bring("bob");
    await bob.post("/invites", { note: "" }, "/invites");
    const stolen = place.visitor();
    stolen.cookies.set("note", bob.cookies.get("note") as string);
    const link = textOf((await bob.get("/invites")).body, "invite-link") as string;
    for (const value of bob.cookies.values()) assert.ok(!value.includes(link.slice(-80)));
    await stolen.signIn("bob");
    assert.equal(textOf((await stolen.get("/invites")).body, "invite-link"), undefined, "another session opens none");
    assert.ok((await bob.get("/invites/card")).body.includes(link));
    await bob.get("/help");
    assert.ok(!(await bob.get("/invites/card")).body.includes(link));
  });

  it("refuses a note that is too long, and a letter beyond the number one has", async () => {
    assert.equal((await ada.post("/invites", { note: "ü".repeat(31) }, "/invites")).statusCode, 422);
    assert.equal(await left(), 1);
    await ada.invite();
    assert.equal((await ada.post("/invites", { note: "" }, "/invites")).statusCode, 422);
    assert.equal(await left(), 0);
  });

  it("tells exactly what became of the letter that is taken back, whatever became of others", async () => {
    const place = await openPlace();
    const bob = await (await place.founder()).bring("bob");
    const [first, second] = [await bob.invite(), await bob.invite()];
    await place.visitor().join(second, "cora");
    const ids = [...(await bob.get("/invites")).body.matchAll(/name="invite" value="([^"]+)"/g)].map(
      (match) => match[1],
    );
    assert.equal(ids.length, 1, "the used one can't be taken back");
    await bob.post("/invites/revoke", { invite: ids[0] as string }, "/invites");
    const page = (await bob.get("/invites")).body;
    assert.match(page, /data-testid="notice"/, "told that it was taken back");
    assert.equal((await place.visitor().get(first)).statusCode, 404);
    assert.match((await bob.get("/invites")).body, /cora/);
    assert.match((await bob.get("/security")).body, /Letter taken back/, "and it stands in the activity list");
    assert.equal((await new Visitor(place.app).join(first, "dora")).statusCode, 404);
  });
});
