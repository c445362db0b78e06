import type { Random } from "./random.js";
import { type Edit, keyOf, type Row, type Rows, TABLE_NAMES, TABLES, type Table } from "./tables.js";

/** What a writer knows and has: all that stands in the database, and stood there earlier. */
export interface Loot {
  base: Map<string, Rows>;
  earlier: { label: string; tables: Map<string, Rows> }[];
  /** The writer's own account, which is a member's as any other. */
  ownId: string;
  ownPublicKey: string;
  ownFingerprint: string;
  /** Something sealed to somebody's key, as everybody can do. */
  seal(publicKeyHex: string, text: string): Promise<string>;
  /** A session row for any account, opened by the made-up cookie. */
  makeSession(account: Row): Row;
}

export interface Change {
  kind: string;
  edits: Edit[];
}

const rowsOf = (tables: Map<string, Rows>, table: Table) => (tables.get(table) as Rows).rows;
const isKey = (table: Table, column: string) => (TABLES[table] as readonly string[]).includes(column);

/** Accounts and slots are many and large: without weights, most changes would be to them. */
function pickTable({ base }: Loot, random: Random): Table {
  return random.pick(TABLE_NAMES.filter((table) => rowsOf(base, table).length > 0));
}

function pickColumn({ base }: Loot, table: Table, random: Random): { name: string; type: string } {
  const { columns } = base.get(table) as Rows;
  return random.pick(columns);
}

function replaced(table: Table, before: Row, values: Row): Edit {
  return { table, before, after: { ...before, ...values } };
}

/** Another value of the same type. */
function altered(value: string | null, type: string, random: Random): string | null {
  if (type === "bytea") {
    if (value === null || value.length < 4) return `\\x${random.hex(32)}`;
    const at = 2 + 2 * random.below((value.length - 2) / 2);
    const byte = (Number.parseInt(value.slice(at, at + 2), 16) ^ (1 << random.below(8))).toString(16).padStart(2, "0");
    return random.below(5) === 0
      ? `\\x${random.hex((value.length - 2) / 2)}`
      : value.slice(0, at) + byte + value.slice(at + 2);
  }
  if (type === "uuid") return random.uuid();
  if (type === "integer" || type === "bigint") return String(Number(value ?? 0) + random.pick([1, -1, 7, 100]));
  if (type === "boolean") return value === "true" ? "false" : "true";
  if (type === "date") return random.pick([null, "2020-01-01", "2099-01-01"]) ?? "2026-11-01";
  return random.pick([
    "admin",
    "active",
    "suspended",
    "nothing",
    "member",
    "gone",
    "no-invites",
    "mal",
    "nour",
    `${value}x`,
    "",
  ]);
}

type Maker = (loot: Loot, random: Random) => Change | undefined | Promise<Change | undefined>;

function twoRows(loot: Loot, table: Table, random: Random): [Row, Row] | undefined {
  const [one, other] = random.shuffled(rowsOf(loot.base, table));
  return one && other ? [one, other] : undefined;
}

/** Rows of one account in a copy of the database, by table. */
function rowsOfAccount(tables: Map<string, Rows>, id: string): Map<Table, Row[]> {
  const of = (table: Table, belongs: (row: Row) => boolean) => [table, rowsOf(tables, table).filter(belongs)] as const;
  const cases = rowsOf(tables, "reset_cases").filter((row) => row.trusting_id === id);
  return new Map([
    of("accounts", (row) => row.id === id),
    of("people", (row) => row.account_id === id),
    of("relations", (row) => row.trusting_id === id),
    of("reset_cases", (row) => row.trusting_id === id),
    of("approvals", (row) => cases.some((one) => one.id === row.case_id)),
    of("events", (row) => row.account_id === id),
    of("review_grants", (row) => row.account_id === id),
  ]);
}

/** What turns some rows of a table into others. */
function editsBetween(table: Table, before: readonly Row[], after: readonly Row[]): Edit[] {
  const keys = new Set([...before, ...after].map((row) => keyOf(table, row)));
  return [...keys].flatMap((key) => {
    const edit = {
      table,
      before: before.find((row) => keyOf(table, row) === key),
      after: after.find((row) => keyOf(table, row) === key),
    };
    return JSON.stringify(edit.before) === JSON.stringify(edit.after) ? [] : [edit];
  });
}

const byPerson = (loot: Loot, random: Random) =>
  random.pick(rowsOf(loot.base, "accounts").filter((row) => row.username !== ""));

/** The kinds of changes, by what a writer does. */
export const KINDS: Record<string, Maker> = {
  "a value is another"(loot, random) {
    const table = pickTable(loot, random);
    const row = random.pick(rowsOf(loot.base, table));
    const { name, type } = pickColumn(loot, table, random);
    const value = altered(row[name] ?? null, type, random);
    return { kind: `${table}.${name}`, edits: [replaced(table, row, { [name]: value })] };
  },
  "a value is copied from another row"(loot, random) {
    const table = pickTable(loot, random);
    const rows = twoRows(loot, table, random);
    const { name } = pickColumn(loot, table, random);
    if (!rows) return undefined;
    return { kind: `${table}.${name}`, edits: [replaced(table, rows[0], { [name]: rows[1][name] ?? null })] };
  },
  "a row's content is copied from another"(loot, random) {
    const table = pickTable(loot, random);
    const rows = twoRows(loot, table, random);
    if (!rows) return undefined;
    const { columns } = loot.base.get(table) as Rows;
    const kept =
      random.below(2) === 0 ? TABLES[table] : columns.map(({ name }) => name).filter(() => random.below(3) === 0);
    const values = Object.fromEntries(columns.map(({ name }) => [name, rows[1][name] ?? null]));
    for (const column of [...kept, ...TABLES[table]]) values[column] = rows[0][column] ?? null;
    return { kind: table, edits: [{ table, before: rows[0], after: values }] };
  },
  "two rows change places"(loot, random) {
    const table = pickTable(loot, random);
    const rows = twoRows(loot, table, random);
    if (!rows) return undefined;
    const names = (loot.base.get(table) as Rows).columns.map(({ name }) => name).filter((name) => !isKey(table, name));
    const some = random.below(2) === 0 ? names : [random.pick(names)];
    const from = (row: Row) => Object.fromEntries(some.map((name) => [name, row[name] ?? null]));
    return {
      kind: table,
      edits: [replaced(table, rows[0], from(rows[1])), replaced(table, rows[1], from(rows[0]))],
    };
  },
  "an older value comes back"(loot, random) {
    const table = pickTable(loot, random);
    const { tables } = random.pick(loot.earlier);
    const row = random.pick(rowsOf(loot.base, table));
    const old = rowsOf(tables, table).find((one) => keyOf(table, one) === keyOf(table, row));
    if (!old) return undefined;
    const differing = Object.keys(row).filter((name) => row[name] !== old[name]);
    if (differing.length === 0) return undefined;
    const name = random.pick(differing);
    return { kind: `${table}.${name}`, edits: [replaced(table, row, { [name]: old[name] ?? null })] };
  },
  "an older row comes back"(loot, random) {
    const table = pickTable(loot, random);
    const { tables } = random.pick(loot.earlier);
    const old = rowsOf(tables, table);
    if (old.length === 0) return undefined;
    const after = random.pick(old);
    const base = rowsOf(loot.base, table);
    const before = base.find((row) => keyOf(table, row) === keyOf(table, after));
    const edits: Edit[] = [{ table, before, after }];
    // What stands in the way of a case that comes back is taken away.
    if (table === "reset_cases") {
      const other = base.find((row) => row.row_id === after.row_id && row.id !== after.id);
      if (other) edits.push({ table, before: other, after: undefined });
    }
    return { kind: table, edits };
  },
  "part of an account's rows come back"(loot, random) {
    const { id } = byPerson(loot, random) as { id: string };
    const { tables } = random.pick(loot.earlier);
    const [now, then] = [rowsOfAccount(loot.base, id), rowsOfAccount(tables, id)];
    const all = [...now.keys()].map((table) => editsBetween(table, now.get(table) ?? [], then.get(table) ?? []));
    const differing = all.filter((edits) => edits.length > 0);
    if (differing.length < 2) return undefined;
    const some = random.shuffled(differing).slice(0, 1 + random.below(differing.length - 1));
    const edits = some.flatMap((list) =>
      random.below(3) > 0 ? list : random.shuffled(list).slice(0, 1 + random.below(list.length)),
    );
    // The private state as a whole, which can't be told from inside: what is shown of it has a test of its own.
    const isWhole = ["accounts", "relations"].every((table) =>
      differing.filter((list) => list[0]?.table === table).every((list) => list.every((edit) => edits.includes(edit))),
    );
    if (isWhole) return undefined;
    return { kind: [...new Set(edits.map(({ table }) => table))].sort().join(" + "), edits };
  },
  "a row is gone"(loot, random) {
    const table = pickTable(loot, random);
    const before = random.pick(rowsOf(loot.base, table));
    return { kind: table, edits: [{ table, before, after: undefined }] };
  },
  "rows are gone"(loot, random) {
    const table = pickTable(loot, random);
    const rows = random.shuffled(rowsOf(loot.base, table)).slice(0, 2 + random.below(4));
    return { kind: table, edits: rows.map((before) => ({ table, before, after: undefined })) };
  },
  "a row stands there twice"(loot, random) {
    const table = pickTable(loot, random);
    const row = random.pick(rowsOf(random.below(3) === 0 ? random.pick(loot.earlier).tables : loot.base, table));
    if (!row) return undefined;
    const values: Record<string, string | null> = {};
    for (const { name, type } of (loot.base.get(table) as Rows).columns) {
      if (isKey(table, name) || ["row_id", "link_hash", "number", "username"].includes(name)) {
        values[name] = type === "text" ? `${row[name]}x` : altered(row[name] ?? null, type, random);
      } else if (["account_id", "trusting_id"].includes(name) && random.below(2) === 0) values[name] = loot.ownId;
    }
    return { kind: table, edits: [{ table, before: undefined, after: { ...row, ...values } }] };
  },
  "an own key stands in place of somebody's"(loot, random) {
    const table = random.pick([
      "people",
      "accounts",
      "reset_cases",
      "review_keys",
      "review_recovery",
      "review_grants",
    ] as const);
    const rows = rowsOf(loot.base, table);
    if (rows.length === 0) return undefined;
    const row = random.pick(rows);
    const values: Record<string, string> = {};
    for (const name of Object.keys(row)) {
      if (name === "public_key" || name === "pending_public_key") values[name] = loot.ownPublicKey;
      if (name === "fingerprint" && random.below(2) === 0) values[name] = loot.ownFingerprint;
    }
    const after = { ...row, ...values };
    // As a change, or as a version of its own above all others.
    if (table === "people" && random.below(2) === 0) {
      return {
        kind: "people, a new version",
        edits: [{ table, before: undefined, after: { ...after, version: String(1 + random.below(9)) } }],
      };
    }
    return { kind: table, edits: [{ table, before: row, after }] };
  },
  "a role, a state or a right is given"(loot, random) {
    const row =
      random.below(2) === 0
        ? (rowsOf(loot.base, "accounts").find(({ id }) => id === loot.ownId) as Row)
        : byPerson(loot, random);
    const [name, value] = random.pick([
      ["role", "admin"],
      ["role", "reset-admin"],
      ["status", "active"],
      ["status", "suspended"],
      ["frozen", "nothing"],
      ["granted", "500"],
      ["username", "nour2"],
    ] as const);
    return { kind: `accounts.${name}`, edits: [replaced("accounts", row, { [name]: value })] };
  },
  "the review key is sealed to somebody"(loot, random) {
    const person = random.pick(rowsOf(loot.base, "people").filter(({ username }) => username !== ""));
    const grants = rowsOf(random.below(2) === 0 ? loot.base : random.pick(loot.earlier).tables, "review_grants");
    if (grants.length === 0) return undefined;
    const grant = random.pick(grants);
    const own = random.below(2) === 0;
    const after = {
      ...grant,
      id: random.uuid(),
      account_id: own ? loot.ownId : (person.account_id as string),
      fingerprint: own ? loot.ownFingerprint : (person.fingerprint as string),
    };
    const before = rowsOf(loot.base, "review_grants").find(
      (row) => row.account_id === after.account_id && row.review_key_id === grant.review_key_id,
    );
    return {
      kind: "review_grants",
      edits: [
        { table: "review_grants", before: undefined, after },
        ...(before ? [{ table: "review_grants" as const, before, after: undefined }] : []),
      ],
    };
  },
  "a setting is made up"(loot, random) {
    const row = random.pick(rowsOf(loot.base, "settings"));
    const { tag } = random.pick(rowsOf(loot.base, "settings"));
    return {
      kind: "settings",
      edits: [replaced("settings", row, { value: String(random.below(100)), tag: tag as string })],
    };
  },
  async "a message is made up"(loot, random) {
    const person = random.pick(rowsOf(loot.base, "people").filter(({ username }) => username !== ""));
    const { tag } = random.pick(rowsOf(loot.base, "events"));
    const text = JSON.stringify({ kind: "made-admin", day: "2026-11-26", by: "nour", reason: "", at: 1 });
    const sealed = await loot.seal(person.public_key as string, text);
    const after = { id: random.uuid(), account_id: person.account_id as string, sealed, tag: tag as string };
    return { kind: "events", edits: [{ table: "events", before: undefined, after }] };
  },
  "an approval is made up"(loot, random) {
    const cases = rowsOf(loot.base, "reset_cases").filter((row) => row.pending_public_key !== null);
    const one = random.pick(cases);
    const relations = rowsOf(loot.base, "relations").filter((row) => row.trusting_id === one.trusting_id);
    const given = random.pick([
      ...rowsOf(loot.base, "approvals"),
      ...loot.earlier.flatMap(({ tables }) => rowsOf(tables, "approvals")),
    ]);
    const after = {
      ...given,
      case_id: one.id as string,
      row_id: random.pick(relations).id as string,
      generation: random.below(2) === 0 ? (one.generation as string) : (given.generation as string),
    };
    return { kind: "approvals", edits: [{ table: "approvals", before: undefined, after }] };
  },
  "a session is made up"(loot, random) {
    const account =
      random.below(2) === 0
        ? byPerson(loot, random)
        : random.pick(rowsOf(loot.base, "accounts").filter(({ role }) => role === "admin"));
    return { kind: "sessions", edits: [{ table: "sessions", before: undefined, after: loot.makeSession(account) }] };
  },
};

/** A change that makes a difference, of any kind whose name begins so. */
export async function drawChange(loot: Loot, random: Random, start: string): Promise<{ what: string; change: Change }> {
  const kinds = Object.keys(KINDS).filter((kind) => kind.startsWith(start));
  for (;;) {
    const what = random.pick(kinds);
    const change = await (KINDS[what] as Maker)(loot, random);
    const edits = change?.edits.filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after)) ?? [];
    if (change && edits.length > 0) return { what, change: { ...change, edits } };
  }
}
