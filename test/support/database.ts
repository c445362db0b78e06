import { after } from "node:test";
import pg from "pg";
import { connect } from "#kith/db/connect.js";
import { type EmbeddedServer, openEmbedded } from "#kith/db/embedded.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { temporaryDirectory } from "./temporary.js";

export interface FreshDatabase {
  /** For `parseConfig({ DATABASE_URL: … })`; the application's own role. */
  databaseUrl: string;
  /** The same database as superuser: to look at what Kith itself may not see. */
  adminUrl: string;
  name: string;
  /** The server's files: `cluster` is PostgreSQL's data directory, `log` its log. */
  files: { cluster: string; log: string };
}

interface TestServer {
  server: Pick<EmbeddedServer, "port" | "socketDir">;
  dataDir: string;
  /** Stops the server; absent for a lent one. */
  close?(): Promise<void>;
}

const TEMPLATE = "kith_template";
/** A server that other processes lend to this one, as JSON. */
const LENT_VARIABLE = "KITH_TEST_SERVER";
/** Databases made so far. */
let count = 0;
/** Those to drop, on a lent server. */
let lent: string[] = [];
let starting: Promise<TestServer> | undefined;

/**
 * A migrated, empty database on a server of this test file's own, which starts with the first one asked for and stops
 * when the file is done; or on a lent one, where the database is dropped.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const loan = process.env[LENT_VARIABLE];
  starting ??= loan === undefined ? startServer() : Promise.resolve(JSON.parse(loan) as TestServer);
  const test = await starting;
  count++;
  const name = test.close === undefined ? `kith_${process.pid}_${count}` : `kith_${count}`;
  if (test.close === undefined) lent.push(name);
  await asAdmin(test.server, `create database ${name} owner kith template ${TEMPLATE}`);
  return {
    databaseUrl: url(test.server, "kith", name),
    adminUrl: url(test.server, "postgres", name),
    name,
    files: { cluster: `${test.dataDir}/postgres/cluster`, log: `${test.dataDir}/postgres.log` },
  };
}

async function startServer(): Promise<TestServer> {
  const dataDir = temporaryDirectory();
  const settings = {
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    shared_buffers: "32MB",
    // Every place of a file keeps its connections until the file is done.
    max_connections: "400",
  };
  const server = await openEmbedded({ dataDir, role: "command", settings });
  await asAdmin(server, `create database ${TEMPLATE} owner kith`);
  const connection = await connect({ databaseUrl: url(server, "kith", TEMPLATE) });
  await migrateToLatest(connection.db);
  await connection.close();
  return { server, dataDir, close: () => server.close() };
}

/** A server for the tests of processes that this one starts; they find it in their environment. */
export async function lendServer(): Promise<{ close(): Promise<void> }> {
  const { server, dataDir, close } = await startServer();
  const { port, socketDir } = server;
  process.env[LENT_VARIABLE] = JSON.stringify({ server: { port, socketDir }, dataDir });
  return { close: async () => await close?.() };
}

function url(server: TestServer["server"], user: string, database: string): string {
  return `postgresql://${user}@localhost:${server.port}/${database}?host=${encodeURIComponent(server.socketDir)}`;
}

async function asAdmin(server: TestServer["server"], statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url(server, "postgres", "postgres") });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

after(async () => {
  const test = await starting?.catch(() => undefined);
  for (const name of lent) if (test) await asAdmin(test.server, `drop database ${name} with (force)`);
  lent = [];
  await test?.close?.();
});

/** A database in which nothing is. @returns its `DATABASE_URL` */
export async function emptyDatabase(): Promise<string> {
  const { adminUrl, databaseUrl, name } = await freshDatabase();
  const empty = `${name}_empty`;
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`create database ${empty} owner kith template template0`);
  await admin.end();
  return databaseUrl.replace(name, empty);
}
