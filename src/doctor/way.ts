import { randomBytes } from "node:crypto";
import { type Kysely, sql } from "kysely";
import pg from "pg";
import type { Config } from "../config.js";
import type { Database } from "../db/schema.js";
import type { Finding } from "./findings.js";

const about = "database" as const;

/** How Kith comes to a server that is not the embedded one: as whom, past which guard, and who could listen in. */
export async function checkWay({ databaseUrl }: Config, db: Kysely<Database>): Promise<Finding[]> {
  if (databaseUrl === undefined || !URL.canParse(databaseUrl)) return [];
  const url = new URL(databaseUrl);
  return [...(await checkRole(db)), ...(await checkGuard(url, db)), ...(await checkTransport(url, db))];
}

/** A superuser reads files and runs programs as the server's user. Kith needs nothing but its own database. */
async function checkRole(db: Kysely<Database>): Promise<Finding[]> {
  const { rows } = await sql<{ name: string; mighty: boolean }>`
    select rolname as name, rolsuper or rolreplication or rolbypassrls
      or pg_has_role(rolname, 'pg_execute_server_program', 'member')
      or pg_has_role(rolname, 'pg_read_server_files', 'member')
      or pg_has_role(rolname, 'pg_write_server_files', 'member') as mighty
    from pg_roles where rolname = current_user`.execute(db);
  const role = rows[0];
  if (!role?.mighty) return [];
  return [
    {
      level: "note",
      about,
      text: `the role ${role.name} may do more on the server than own a database`,
      todo: `let Kith use a role made with: create role … login password '…'`,
    },
  ];
}

function comesBySocket({ hostname, searchParams }: URL): boolean {
  return (searchParams.get("host") ?? decodeURIComponent(hostname)).startsWith("/");
}

/** Over TCP the server must ask for something. Over a socket the directory's permissions are the guard. */
async function checkGuard(url: URL, db: Kysely<Database>): Promise<Finding[]> {
  if (comesBySocket(url) || url.searchParams.has("sslcert") || !(await letsAnybodyIn(url, db))) return [];
  const user = decodeURIComponent(url.username);
  return [
    {
      level: "wrong",
      about,
      text: `the server lets anybody in as ${user} who can reach its port (trust)`,
      todo: "write scram-sha-256 for it in pg_hba.conf, reload, and give the role a password",
    },
  ];
}

async function letsAnybodyIn(url: URL, db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ version: number }>`
    select current_setting('server_version_num')::int as version`.execute(db);
  if ((rows[0]?.version ?? 0) >= 160_000) {
    const asked = await sql<{ by: string | null }>`select system_user as by`.execute(db);
    return asked.rows[0]?.by == null;
  }
  // Older ones don't say how they asked. A wrong password shows whether they did.
  const wrong = new URL(url);
  wrong.password = randomBytes(16).toString("hex");
  const client = new pg.Client({ connectionString: wrong.href, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Over a network, a connection without TLS shows everything to whoever listens in. */
async function checkTransport(url: URL, db: Kysely<Database>): Promise<Finding[]> {
  if (comesBySocket(url) || ["", "localhost", "127.0.0.1", "[::1]"].includes(url.hostname)) return [];
  const { rows } = await sql<{ ssl: boolean }>`
    select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(db);
  const todo = "add sslmode=verify-full to DATABASE_URL, unless the network between is yours alone";
  if (rows[0]?.ssl !== true) {
    return [{ level: "note", about, text: "the connection to the server is not encrypted", todo }];
  }
  if (url.searchParams.get("sslmode") !== "no-verify") return [];
  return [
    { level: "note", about, text: "any server could answer in the server's place: nobody checks who it is", todo },
  ];
}
