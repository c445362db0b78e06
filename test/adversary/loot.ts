import { readPublicKey } from "#kith/protocol/keypair.js";
import { assertFilled } from "./filled.js";
import type { Haul } from "./thief.js";

type Value = string | number;

/** One thing that can be counted or compared: where it was found, and what was seen there. */
export interface Find {
  section: string;
  label: string;
  fields: Record<string, Value>;
}

/** Columns whose value is a moment, or is drawn by the mail queue: they differ between any two plays. */
const MOMENTS = /^pgboss|\.expire$/;
const ACCOUNT_COLUMNS = ["account_id", "trusting_id", "actor_id"];

/**
 * Puts in order what the thief took: accounts by their names, transactions by their place among those that changed a
 * table of Kith's, bytes by their length, by which others they are equal to, and by whose id or key they contain.
 */
export class Loot {
  /** Everything, in its order. */
  readonly finds: Find[] = [];
  private readonly names = new Map<string, string>();
  /** Transactions that changed a table of Kith's, in order. */
  private readonly transactions: number[];
  private readonly actors = new Map<number, string>();
  private readonly sessionOwners = new Map<string, string>();
  private readonly caseOwners = new Map<string, string>();
  private readonly places = new Map<string, string[]>();

  constructor(readonly haul: Haul) {
    for (const { tables } of haul.snapshots) {
      for (const row of tables.accounts ?? []) this.names.set(row.id as string, (row.username as string) || "(decoy)");
      for (const row of tables.people ?? []) {
        if (!this.names.has(row.account_id as string)) this.names.set(row.account_id as string, "(decoy)");
      }
      for (const row of tables.reset_cases ?? []) this.caseOwners.set(row.id as string, this.nameOf(row.trusting_id));
    }
    const ours = haul.changes.filter(({ text }) => text.startsWith("table public."));
    this.transactions = [...new Set(ours.map(({ xid }) => xid))].sort((a, b) => a - b);
    for (const { xid, text } of ours) {
      const id =
        /^table public\.accounts: \w+: id\[uuid\]:'([^']+)'/.exec(text)?.[1] ??
        /trusting_id\[uuid\]:'([^']+)'/.exec(text)?.[1];
      if (id) this.actors.set(xid, this.nameOf(id));
    }
    for (const { xid, text } of ours) {
      const session = /^table public\.sessions: INSERT: id\[bytea\]:'\\x([0-9a-f]+)'/.exec(text)?.[1];
      const owner = this.actors.get(xid);
      if (session && owner) this.sessionOwners.set(session, owner);
    }
  }

  async sort(): Promise<this> {
    this.dumps();
    this.equals();
    await this.mentions();
    this.constants();
    this.pages();
    this.log();
    this.counters();
    this.texts();
    assertFilled(this);
    return this;
  }

  private nameOf(id: unknown): string {
    return this.names.get(String(id)) ?? "?";
  }

  private add(section: string, label: string, fields: Record<string, Value>): void {
    this.finds.push({ section, label, fields });
  }

  /** Which of the round's transactions; older ones are all alike. */
  private rank(xid: unknown): number {
    const number = Number(xid);
    if (number === 0) return -2;
    const first = this.transactions[0] ?? 0;
    if (number < first) return -1;
    const at = this.transactions.findIndex((one) => one >= number);
    return at < 0 ? this.transactions.length : this.transactions[at] === number ? at : at - 0.5;
  }

  /** Whose row it is, as far as anybody can tell. */
  private ownerOf(table: string, row: Record<string, unknown>): string {
    if (table === "accounts") return this.nameOf(row.id);
    if (table === "sessions") return this.sessionOwners.get((row.id as Buffer).toString("hex")) ?? "?";
    if (table === "approvals") return this.caseOwners.get(row.case_id as string) ?? "?";
    if (table.startsWith("pgboss")) return String((row.data as { to?: string } | null)?.to ?? "");
    for (const column of ACCOUNT_COLUMNS) if (row[column]) return this.nameOf(row[column]);
    return this.actors.get(Number(row["(xmin)"])) ?? "";
  }

  private dumps(): void {
    for (const [moment, { tables }] of this.haul.snapshots.entries()) {
      for (const [table, rows] of Object.entries(tables)) {
        if (/^(onion|kysely)/.test(table)) continue;
        const section = `dump ${moment + 1} ${table}`;
        this.add(section, "", { rows: rows.length });
        const count = new Map<string, number>();
        for (const [at, row] of rows.entries()) {
          const owner = this.ownerOf(table, row);
          const number = (count.get(owner) ?? 0) + 1;
          count.set(owner, number);
          const fields: Record<string, Value> = { at, transaction: this.rank(row["(xmin)"]) };
          for (const [column, value] of Object.entries(row)) {
            const isMoment = MOMENTS.test(`${table}.${column}`) && column !== "data";
            if (column === "(xmin)" || isMoment) continue;
            fields[column] = this.seen(value);
            const bytes = Buffer.isBuffer(value) ? value.toString("hex") : String(value);
            if (bytes.length >= 16) {
              const places = this.places.get(bytes) ?? [];
              places.push(`${moment + 1}.${table}.${column}.${owner}`);
              this.places.set(bytes, places);
            }
          }
          this.add(section, `${owner} ${number}`, fields);
        }
      }
    }
  }

  private seen(value: unknown): Value {
    if (Buffer.isBuffer(value)) return value.length;
    if (typeof value === "number" || typeof value === "bigint") return Number(value);
    if (typeof value === "string") {
      if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(value)) return this.names.has(value) ? `@${this.nameOf(value)}` : "an id";
      return /^[\w-]{40,}$/.test(value) ? value.length : value;
    }
    return typeof value === "object" && value !== null ? JSON.stringify(value).length : String(value);
  }

  /** Values that stand in more than one place. */
  private equals(): void {
    const equal = new Map<string, number>();
    for (const places of this.places.values()) {
      if (places.length < 2) continue;
      const label = [...new Set(places)].sort().join(" = ");
      equal.set(label, (equal.get(label) ?? 0) + places.length);
    }
    for (const [label, count] of [...equal].sort()) this.add("equal values", label, { count });
  }

  private *bytesOf(): Generator<{ column: string; owner: string; bytes: Buffer }> {
    const { tables } = this.haul.snapshots.at(-1)!;
    for (const [table, rows] of Object.entries(tables)) {
      for (const row of rows) {
        const owner = this.ownerOf(table, row);
        for (const [name, value] of Object.entries(row)) {
          if (Buffer.isBuffer(value)) yield { column: `${table}.${name}`, owner, bytes: value };
        }
      }
    }
  }

  /** Ids, fingerprints and key ids of members inside other values: the recipient of a seal, for example. */
  private async mentions(): Promise<void> {
    const needles: { of: string; bytes: Buffer }[] = [];
    for (const row of this.haul.snapshots.at(-1)!.tables.people ?? []) {
      const name = this.nameOf(row.account_id);
      if (name === "(decoy)") continue;
      needles.push({ of: name, bytes: Buffer.from(String(row.account_id).replaceAll("-", ""), "hex") });
      needles.push({ of: name, bytes: row.fingerprint as Buffer });
      const key = await readPublicKey(row.public_key as Buffer);
      for (const id of key.getKeyIDs()) needles.push({ of: name, bytes: Buffer.from(id.toHex(), "hex") });
    }
    const found = new Map<string, number>();
    const count = (label: string, number = 1) => found.set(label, (found.get(label) ?? 0) + number);
    for (const { column, owner, bytes } of this.bytesOf()) {
      if (column === "people.public_key" || column === "people.fingerprint") continue;
      for (const needle of needles) if (bytes.includes(needle.bytes)) count(`${column} of ${owner} → ${needle.of}`);
    }
    // What stood somewhere for a moment only.
    for (const { xid, text } of this.haul.changes) {
      const [, table, what] = /^table (public\.\S+): (\w+)/.exec(text) ?? [];
      if (!table) continue;
      const bytes = text.replaceAll("-", "");
      const owner = this.actors.get(xid) ?? "?";
      for (const needle of needles) {
        if (bytes.includes(needle.bytes.toString("hex"))) count(`${what} ${table} by ${owner} → ${needle.of}`);
      }
    }
    for (const [moment, { raw }] of this.haul.snapshots.entries()) {
      for (const { name, bytes } of raw) {
        for (const needle of needles) {
          const times = occurrences(bytes, needle.bytes);
          if (times > 0) count(`page ${moment + 1} ${name} → ${needle.of}`, times);
        }
      }
    }
    for (const [label, count] of [...found].sort()) this.add("mentions", label, { count });
  }

  /** How many of a column's bytes are the same in every row of an owner, and in all rows. */
  private constants(): void {
    const seen = new Map<string, { first: Buffer; same: Uint8Array }>();
    for (const { column, owner, bytes } of this.bytesOf()) {
      for (const label of [column, `${column} of ${owner}`]) {
        const known = seen.get(label);
        if (!known) seen.set(label, { first: bytes, same: new Uint8Array(bytes.length).fill(1) });
        else for (let at = 0; at < known.same.length; at++) if (known.first[at] !== bytes[at]) known.same[at] = 0;
      }
    }
    for (const [label, { same }] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.add("constant bytes", label, { count: Buffer.from(same).filter((one) => one === 1).length });
    }
  }

  private pages(): void {
    for (const [moment, { heap, index, pages }] of this.haul.snapshots.entries()) {
      for (const row of heap) {
        const { name, block, lp, data, xmin, xmax, ...rest } = row;
        const owner = this.ownerOfBytes(String(name), String(data ?? ""));
        this.add(`heap ${moment + 1} ${name}`, `${block}.${lp}`, {
          owner,
          xmin: this.rank(xmin ?? 0),
          xmax: this.rank(xmax ?? 0),
          ...plain(rest),
        });
      }
      for (const { name, block, itemoffset, ...rest } of index) {
        this.add(`index ${moment + 1} ${name}`, `${block}.${itemoffset}`, plain(rest));
      }
      for (const { name, block, prune_xid, ...rest } of pages) {
        this.add(`pages ${moment + 1} ${name}`, `${block}`, { ...plain(rest), prune: this.rank(prune_xid) });
      }
    }
  }

  /** Of a row as it lies on its page. */
  private ownerOfBytes(table: string, hex: string): string {
    const uuid = (from: number) =>
      hex.slice(from, from + 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    if (table === "accounts" || table === "people") return this.nameOf(uuid(0));
    if (table === "relations" || table === "reset_cases" || table === "events") return this.nameOf(uuid(32));
    if (table === "sessions") return this.sessionOwners.get(hex.slice(2, 66)) ?? "?";
    return "";
  }

  private log(): void {
    // The mail queue works whenever its timer fires.
    const queueing = new Set(
      this.haul.wal.filter(({ relations }) => relations.includes("pgboss.")).map(({ xid }) => xid),
    );
    let before: number | undefined;
    for (const { manager, what, xid, relations, at, ...rest } of this.haul.wal) {
      const elsewhere = relations.includes("pgboss.") || relations.includes("?") || (xid > 0 && queueing.has(xid));
      const isOther = ["Standby", "XLOG", "LogicalMessage"].includes(manager) && what !== "FPI_FOR_HINT";
      if (elsewhere || isOther || what === "INVALIDATIONS") continue;
      // How long Kith took from one transaction to the next, in microseconds.
      const gap: Record<string, Value> = at === undefined ? {} : { gap: at - (before ?? at) };
      before = at ?? before;
      this.add("wal", `${this.rank(xid)}`, { what: `${manager} ${what} ${relations}`, ...rest, ...gap });
    }
    for (const { xid, text, length } of this.haul.changes) {
      const [, table, what] = /^table (\S+): (\w+)/.exec(text) ?? [];
      if (!table?.startsWith("public.")) continue;
      const session = /id\[bytea\]:'\\x([0-9a-f]+)'/.exec(text)?.[1];
      const owner = (table === "public.sessions" && this.sessionOwners.get(session ?? "")) || this.actors.get(xid);
      this.add("decoded", `${this.rank(xid)}`, { what: `${table} ${what} ${owner ?? "?"}`, length });
    }
  }

  private counters(): void {
    for (const [moment, { counters }] of this.haul.snapshots.entries()) {
      for (const { name, values } of counters) {
        if (
          /pgboss|^(table|io|index|io index) (job|queue|version|schedule|archive|subscription|j[0-9a-f]{8})/.test(
            `${name}`,
          )
        )
          continue;
        this.add(`counters ${moment + 1}`, String(name), plain(values as Record<string, unknown>));
      }
    }
    for (const { name, ...rest } of this.haul.statistics) this.add("statistics", String(name), plain(rest));
    for (const line of this.haul.metrics.split("\n").filter(Boolean)) {
      const at = line.lastIndexOf(" ");
      this.add("metrics", line.slice(0, at), { value: Number(line.slice(at)) });
    }
  }

  private texts(): void {
    const people = [...new Set(this.names.values())].filter((name) => /^\w{3,}$/.test(name));
    const named = (text: string) => Object.fromEntries(people.map((name) => [name, text.split(name).length - 1]));
    // Not what PostgreSQL says of the thief's own statements, nor that the thief hung up for Kith.
    const said = this.haul.serverLog
      .map((line) => line.replace(/^.*? \S+ \[\d+\] /, ""))
      .filter((line) => !/^(postgres@|\t)|due to administrator command/.test(line));
    for (const [at, text] of said.entries()) {
      this.add("server log", `${at}`, { text: text.replaceAll(/[0-9A-F]+\/[0-9A-F]+/g, "LSN").replaceAll(/\d/g, "0") });
    }
    let before = 0;
    for (const [at, text] of this.haul.kithLog.entries()) {
      const { time, milliseconds = 0, ...rest } = JSON.parse(text) as Record<string, number>;
      const fields = { ...plain(rest), ...named(JSON.stringify(rest)), milliseconds, gap: before ? time! - before : 0 };
      this.add("kith log", `${at}`, fields);
      before = time as number;
    }
    let table = "";
    const lines: Find[] = [];
    for (const line of this.haul.backup) {
      const value = JSON.parse(line) as string[] | { table?: string; columns?: string[] };
      if (!Array.isArray(value)) {
        table = value.table ?? "";
        continue;
      }
      const owner = value.map((text) => this.names.get(text ?? "")).find(Boolean) ?? "";
      const lengths = value.map((text) => text?.length ?? -1);
      lines.push({ section: `backup ${table}`, label: owner, fields: { lengths: lengths.join(" ") } });
    }
    // Its order is random.
    const key = (find: Find) => `${find.section} ${find.label} ${find.fields.lengths}`;
    this.finds.push(...lines.sort((a, b) => (key(a) < key(b) ? -1 : 1)));
    const mail = this.haul.mail.map(({ to, subject, raw }) => ({ to: to.join(), subject, length: raw.length }));
    for (const [at, fields] of mail.entries()) this.add("mail", `${at}`, fields);
  }
}

function occurrences(bytes: Buffer, needle: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) count++;
  return count;
}

function plain(row: Record<string, unknown>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) => {
      if (value instanceof Date || /^last_/.test(name)) return [];
      return [[name, typeof value === "number" ? value : value === null ? "none" : String(value)]];
    }),
  );
}
