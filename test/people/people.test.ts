import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { setStatus } from "#kith/accounts/suspend.js";
import { openPlace, passwordOf, Visitor, wordsOf } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { watchStatements } from "../support/statements.js";

interface Version {
  ctid: string;
  xmin: string;
  xmax: string;
}

/** A place whose database is watched by a superuser. */
async function watchedPlace() {
  const database = await freshDatabase();
  const place = await openPlace({ databaseUrl: database.databaseUrl });
  const admin = new pg.Client({ connectionString: database.adminUrl });
  admin.on("error", () => undefined); // when a test failed before it was closed
  await admin.connect();
  /** Where each row stands and which transactions touched it, by the owner's name. */
  const versions = async () => {
    const { rows: accounts } = await admin.query(
      "select username as owner, ctid::text, xmin::text, xmax::text from accounts order by username",
    );
    const { rows: relations } = await admin.query(
      `select a.username as owner, r.ctid::text, r.xmin::text, r.xmax::text
       from relations r join accounts a on a.id = r.trusting_id order by a.username, r.id`,
    );
    const { rows: people } = await admin.query(
      `select p.account_id || ' ' || version as owner, p.ctid::text, p.xmin::text, p.xmax::text from people p order by 1`,
    );
    return { accounts, relations, people } as Record<string, (Version & { owner: string })[]>;
  };
  return { place, admin, versions };
}

/** A whole story; each step says whose rows it may touch. */
async function tell(
  watched: Awaited<ReturnType<typeof watchedPlace>>,
  step: (what: string, mayTouch: string[], act: () => Promise<unknown>) => Promise<void>,
) {
  const { place } = watched;
  const nour = await place.founder();
  const locked = new Visitor(place.app);
  let bea!: Visitor;
  let ada!: Visitor;
  let cem!: Visitor;
  let path = "";
  let words: string[] = [];
  const letter = await nour.invite();
  await step("bea joins by nour's letter and trusts nour", ["bea"], async () => {
    bea = new Visitor(place.app);
    assert.equal((await bea.join(letter, "bea")).statusCode, 303);
  });
  await step("nour looks who came", ["nour"], async () => assert.match((await nour.get("/invites")).body, /bea/));
  const [second, third] = [await nour.invite(), await nour.invite()];
  await step("ada and cem join", ["ada", "cem"], async () => {
    [ada, cem] = [new Visitor(place.app), new Visitor(place.app)];
    assert.equal((await ada.join(second, "ada", { trust: false })).statusCode, 303);
    assert.equal((await cem.join(third, "cem", { trust: false })).statusCode, 303);
  });
  await step("ada trusts bea", ["ada"], async () => assert.equal((await ada.trust("bea")).statusCode, 303));
  await step("bea trusts ada", ["bea"], async () => assert.equal((await bea.trust("ada")).statusCode, 303));
  await step("ada looks at the list", [], async () => assert.match((await ada.get("/trust")).body, /bea/));
  await step("ada signs in", ["ada"], async () => assert.equal((await ada.signIn()).statusCode, 303));
  await step("somebody guesses ada's password", [], async () =>
    assert.equal((await new Visitor(place.app).signIn("ada", "9 wrong wrong wrong")).statusCode, 422),
  );
  await step("cem can't help ada", [], async () => assert.equal((await cem.help("ada")).statusCode, 200));
  await step("bea opens a case for ada", [], async () => {
    path = await bea.openCase("ada");
  });
  await step("ada chooses a password", [], async () => {
    words = wordsOf((await locked.post(path, { password: passwordOf("ada", 2) }, path)).body);
    assert.equal(words.length, 4);
  });
  await step("bea agrees", [], async () => assert.equal((await bea.agree("ada", words)).statusCode, 303));
  await step("ada is let back in", ["ada"], async () =>
    assert.equal((await locked.signIn("ada", passwordOf("ada", 2))).statusCode, 303),
  );
  await step("bea signs in and ada is held", ["bea"], async () =>
    assert.equal((await bea.signIn()).headers.location, "/trust/confirm"),
  );
  await step("bea says yes", ["bea"], async () =>
    assert.equal((await bea.post("/trust/confirm", { username: "ada" }, "/trust")).statusCode, 303),
  );
  await step("ada changes the password", ["ada"], async () => {
    const fields = { current_password: passwordOf("ada", 2), password: passwordOf("ada", 3) };
    assert.equal((await locked.post("/security/password", fields, "/security")).statusCode, 303);
  });
  await step("cem is suspended and reinstated", ["cem"], async () => {
    for (const status of ["suspended", "active"] as const) {
      assert.equal(await setStatus(place.context, { username: "cem", domain: "localhost" }, status), "done");
    }
  });
  await step("bea removes ada", ["bea"], async () =>
    assert.equal((await bea.post("/trust/remove", { username: "ada", confirm: "on" }, "/trust")).statusCode, 303),
  );
}

describe("the people table", () => {
  interface Step {
    what: string;
    mayTouch: string[];
    before: Awaited<ReturnType<Awaited<ReturnType<typeof watchedPlace>>["versions"]>>;
    after: Step["before"];
  }
  /** Everything that the tests below look at comes of one telling. */
  const steps: Step[] = [];
  const asked: string[][] = [];
  const otherReads: { text: string; values: readonly unknown[]; mayTouch: string[] }[] = [];
  let watched: Awaited<ReturnType<typeof watchedPlace>>;

  before(async () => {
    watched = await watchedPlace();
    const { place, admin, versions } = watched;
    await admin.query(`create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'people is insert-only'; end $$`);
    await admin.query(
      "create trigger insert_only before update or delete on people for each row execute function refuse()",
    );
    await admin.query("create trigger no_truncate before truncate on people execute function refuse()");
    // In this step.
    let written: unknown[] = [];
    let touching: string[] = [];
    const note = (text: string, values: readonly unknown[]) => {
      if (/insert into "?people"?/.test(text)) written.push(...values);
      if (/"?people"? where account_id = asked\.id/.test(text)) {
        const ids = values[0] as string[];
        if (ids.length === 1 && written.includes(ids[0])) return; // read by its writer
        asked.push(ids);
      } else if (/from "?people"?/.test(text)) otherReads.push({ text, values, mayTouch: touching });
    };
    await watchStatements(place.context.pool, note);
    await tell(watched, async (what, mayTouch, act) => {
      const before = await versions();
      [written, touching] = [[], mayTouch];
      await act();
      [written, touching] = [[], []];
      steps.push({ what, mayTouch, before, after: await versions() });
    });
  });
  after(async () => await watched?.admin.end());

  it("is insert-only: through a whole story no version is ever changed or taken away", async () => {
    await assert.rejects(watched.admin.query("update people set reset_mark = 1"), /insert-only/, "the trigger bites");
    await assert.rejects(watched.admin.query("delete from people"), /insert-only/);
    for (const { what, before, after } of steps) {
      const known = new Set((before.people ?? []).map(({ owner }) => owner));
      const still = (after.people ?? []).filter(({ owner }) => known.has(owner));
      assert.deepEqual(still, before.people, what);
    }
    const { rows } = await watched.admin.query(
      "select count(*)::int as versions from people p join accounts a on a.id = p.account_id where a.username = $1",
      ["cem"],
    );
    assert.equal(rows[0].versions, 3, "joined, suspended, reinstated");
  });

  it("and everybody's other rows bear no trace of others: no lock, no new version", () => {
    assert.ok(steps.length > 15);
    for (const { what, mayTouch, before, after } of steps) {
      for (const table of ["accounts", "relations"]) {
        const others = (rows: (Version & { owner: string })[]) => rows.filter(({ owner }) => !mayTouch.includes(owner));
        assert.deepEqual(others(after[table] ?? []), others(before[table] ?? []), `${what}: ${table} of others`);
        // An account's own first rows lock it, by their foreign key, in the very transaction that makes it.
        for (const { owner, xmin, xmax } of others(after[table] ?? [])) {
          assert.ok(xmax === "0" || xmax === xmin, `${what}: a lock on ${table} of ${owner}`);
        }
      }
      for (const row of after.people ?? []) {
        assert.equal(row.xmax, "0", `${what}: a lock on a version of ${row.owner}`);
      }
    }
  });

  it("would show a lock if somebody took one: the check above bites", async () => {
    const { admin, versions } = watched;
    await admin.query("begin; select * from people for share; commit");
    assert.ok((await versions()).people?.some(({ xmax }) => xmax !== "0"));
  });

  it("is always asked for S people at once, however many there are to look up; for one only by its writer", async () => {
    const { rows } = await watched.admin.query("select id, username from accounts");
    const names = new Map<string, string>(rows.map(({ id, username }) => [id, username]));
    assert.ok(asked.length > 25, `${asked.length} look-ups seen`);
    for (const ids of asked) {
      assert.equal(ids.length, watched.place.context.config.trustSlots);
      assert.equal(new Set(ids).size, ids.length, "each once");
    }
    // The only other ways: by a name that somebody typed; beside one account, the number of its own newest version; and
    // all versions of an account that is about to be written, by an act that writes it.
    const others = [
      /^select \* from people where account_id = coalesce\( \(select account_id from people where domain = \$1 and username = \$2 order by version desc limit 1\), \$3::uuid\) order by version desc limit 1$/,
      /^select \*, \( select max\(version\) from people where people\.account_id = accounts\.id \) as "newest_version", [^"]*"mixed" from "accounts" where "id" = (\$1|coalesce\(\(select "named"\."id" from "accounts" as "named" where "named"\."domain" = \$1 and "named"\."username" = \$2\), \$3::uuid\))$/,
    ];
    const ofWriter = "select * from people where account_id = any($1::uuid[]) order by version";
    let ofWriters = 0;
    for (const { text, values, mayTouch } of otherReads) {
      const line = text.trim().replaceAll(/\s+/g, " ");
      if (line === ofWriter) {
        ofWriters += 1;
        const [id, ...more] = values[0] as string[];
        assert.deepEqual(more, [], "one account");
        assert.ok(mayTouch.includes(names.get(id as string) as string), `${names.get(id as string)} is not written`);
      } else assert.ok(others.some((form) => form.test(line)) && values.length <= 3, line);
    }
    assert.ok(ofWriters > 3, `${ofWriters} read before they were written`);
    const orders = new Set(asked.map((ids) => ids.join(" ")));
    assert.ok(orders.size > asked.length / 2, "in random order");
  });
});
