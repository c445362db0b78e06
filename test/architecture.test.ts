import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { freshDatabase } from "./support/database.js";

const root = fileURLToPath(new URL("..", import.meta.url));

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort();
}

interface Import {
  from: string;
  /** A file of src/, or a package's name. */
  to: string;
  /** Only a type: nothing of it is left when the program runs. */
  typeOnly: boolean;
}

const IMPORT = /^(?:import|export)\s+(type\s)?(?:[\s\S]*?\sfrom\s+)?"([^"]+)";/gm;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  // The embedded server's programs are a package for each platform.
  if (file !== "src/db/embedded-place.ts")
    assert.doesNotMatch(text, /\bimport\((?!")/, `${file}: what is imported must stand in the code`);
  const dynamic = [...text.matchAll(/\bimport\(\s*"([^"]+)"/g)].map((match) => ["", undefined, match[1]] as const);
  return [...text.matchAll(IMPORT), ...dynamic].map((match) => {
    const name = match[2] as string;
    const to = name.startsWith(".") ? normalize(join(dirname(file), name)).replace(/\.js$/, ".ts") : name;
    return { from: file, to, typeOnly: match[1] !== undefined };
  });
}

const sources = filesBelow("src", ".ts");
const imports = sources.flatMap(importsOf);
const inside = imports.filter(({ to }) => to.startsWith("src/"));
const partOf = (file: string) => relative("src", file).split("/").slice(0, -1)[0] ?? "";

/** Folders that hold a feature: whatever has use cases. */
const SHARED = new Set(["", "protocol", "db", "web", "cli", "doctor"]);
const FEATURES = [...new Set(sources.map(partOf))].filter((part) => !SHARED.has(part));
const isRoutes = (file: string) => /\/(routes|page-data)\.ts$/.test(file);
const show = (list: Import[]) => list.map(({ from, to }) => `${from} → ${to}`);

describe("the arrows between the parts", () => {
  it("are all seen by this test", () => {
    assert.ok(sources.length > 60 && inside.length > 200, `${sources.length} files, ${inside.length} imports`);
    for (const feature of ["accounts", "trust", "invites", "resets", "people"]) assert.ok(FEATURES.includes(feature));
    for (const { to } of inside) assert.ok(existsSync(join(root, to)), to);
    assert.ok(inside.some(({ from, to }) => from === "src/web/app.ts" && to === "src/trust/routes.ts"));
  });

  it("lead from protocol to nothing of Kith, and to few packages", () => {
    const from = imports.filter(({ from }) => partOf(from) === "protocol");
    assert.deepEqual(show(from.filter(({ to }) => to.startsWith("src/") && partOf(to) !== "protocol")), []);
    const packages = new Set(from.map(({ to }) => to).filter((to) => !to.startsWith("src/")));
    assert.deepEqual([...packages].sort(), [
      "@scure/bip39",
      "@scure/bip39/wordlists/english.js",
      "argon2",
      "lru-cache",
      "node:crypto",
      "openpgp",
      "shamir-secret-sharing",
    ]);
  });

  it("lead from protocol to no clock, no environment and no network", () => {
    for (const file of sources.filter((file) => partOf(file) === "protocol")) {
      const text = readFileSync(join(root, file), "utf8");
      assert.doesNotMatch(text, /\bDate\.now\(|new Date\(\)|process\.|Math\.random|fetch\(/, file);
    }
  });

  it("lead to web only from web, the command line, and a feature's routes and page data", () => {
    const allowed = (file: string) =>
      ["web", "cli"].includes(partOf(file)) ||
      // A notice is written in its reader's language.
      file === "src/mail/notice.ts" ||
      (FEATURES.includes(partOf(file)) && isRoutes(file));
    assert.deepEqual(show(inside.filter(({ from, to }) => partOf(to) === "web" && !allowed(from))), []);
  });

  it("lead to web/app only from web itself", () => {
    const app = inside.filter(({ to }) => ["src/web/app.ts", "src/web/server.ts"].includes(to));
    assert.deepEqual(show(app.filter(({ from }) => !["web", "cli"].includes(partOf(from)))), []);
    assert.deepEqual(show(app.filter(({ from, to }) => to === "src/web/app.ts" && partOf(from) !== "web")), []);
  });

  it("lead to a feature's routes only from web/app, and from page data to page data", () => {
    const routes = inside.filter(({ to }) => to.endsWith("/routes.ts"));
    assert.deepEqual(new Set(routes.map(({ from }) => from)), new Set(["src/web/app.ts"]));
    const data = inside.filter(({ to }) => to.endsWith("/page-data.ts"));
    const allowed = (file: string) => isRoutes(file) || partOf(file) === "web";
    assert.deepEqual(show(data.filter(({ from }) => !allowed(from))), []);
  });

  it("lead to the command line from nowhere, and to doctor only from there", () => {
    assert.deepEqual(show(inside.filter(({ from, to }) => partOf(to) === "cli" && partOf(from) !== "cli")), []);
    assert.deepEqual(
      show(inside.filter(({ from, to }) => partOf(to) === "doctor" && !["cli", "doctor"].includes(partOf(from)))),
      [],
    );
  });

  it("lead from db to no feature and not to web", () => {
    const from = inside.filter(({ from, typeOnly }) => partOf(from) === "db" && !typeOnly);
    assert.deepEqual(show(from.filter(({ to }) => !["db", "protocol", ""].includes(partOf(to)))), []);
  });

  it("lead to a feature's queries only from that feature: others ask its use cases", () => {
    const foreign = inside.filter(
      ({ from, to, typeOnly }) => to.endsWith("/queries.ts") && !typeOnly && partOf(from) !== partOf(to),
    );
    assert.deepEqual(show(foreign), []);
  });

  it("never lead to the database past a feature's queries: SQL stands nowhere else", () => {
    const allowed = (file: string) =>
      /\/queries\.ts$/.test(file) ||
      ["db"].includes(partOf(file)) ||
      ["src/settings.ts", "src/web/limits.ts", "src/web/server.ts"].includes(file) ||
      // The mail queue brings its own SQL and is given a pool; LISTEN needs a connection of its own.
      ["src/mail/queue.ts", "src/onion/lookup/live-map.ts"].includes(file);
    const sqlFiles = sources.filter((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return /\b(selectFrom|insertInto|updateTable|deleteFrom)\(|\bsql[`<]|\.query\(/.test(text);
    });
    assert.deepEqual(
      sqlFiles.filter((file) => !allowed(file) && partOf(file) !== "doctor"),
      [],
    );
  });
});

describe("the templates", () => {
  it("escape everything: nothing is declared safe, and autoescape is never turned off", () => {
    const views = filesBelow("views", ".njk");
    assert.ok(views.length > 30);
    for (const view of views) {
      const text = readFileSync(join(root, view), "utf8");
      assert.doesNotMatch(text, /\|\s*safe\b|autoescape|\{%-?\s*raw/, view);
    }
    const code = readFileSync(join(root, "src/web/view.ts"), "utf8");
    assert.match(code, /autoescape: true/);
    assert.doesNotMatch(code, /SafeString|markSafe/);
  });
});

describe("the tables", () => {
  it("have no foreign key that points at a second person", async () => {
    const { adminUrl } = await freshDatabase();
    const client = new pg.Client({ connectionString: adminUrl });
    client.on("error", () => undefined); // when an assertion fails before it is closed
    await client.connect();
    const { rows } = await client.query(`
      select conrelid::regclass || '.' || a.attname || ' → ' || confrelid::regclass || '.' || f.attname as key
      from pg_constraint c
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
      join pg_attribute f on f.attrelid = c.confrelid and f.attnum = any(c.confkey)
      where contype = 'f' and conrelid::regclass::text not like 'onion\\_%' order by 1`);
    assert.deepEqual(
      rows.map((row) => row.key),
      ["approvals.case_id → reset_cases.id", "relations.trusting_id → accounts.id"],
    );
    const triggers = await client.query("select tgname from pg_trigger where not tgisinternal");
    assert.deepEqual(triggers.rows, [], "and nothing happens behind a statement's back");
    await client.end();
  });

  it("hold no moment in time, only days, and count nothing in sequence", async () => {
    const { adminUrl } = await freshDatabase();
    const client = new pg.Client({ connectionString: adminUrl });
    client.on("error", () => undefined); // when an assertion fails before it is closed
    await client.connect();
    const { rows } = await client.query(`
      select table_name || '.' || column_name as column, data_type from information_schema.columns
      where table_schema = 'public' and table_name not like 'kysely%'
        -- the onion map is about other providers, not about members
        and table_name not like 'onion\\_%'`);
    assert.ok(rows.length > 50);
    assert.deepEqual(
      rows.filter((row) => /time/.test(row.data_type)),
      [],
    );
    const sequences = await client.query(
      "select relname from pg_class where relkind = 'S' and relname not like 'onion%'",
    );
    assert.deepEqual(sequences.rows, []);
    await client.end();
  });
});
