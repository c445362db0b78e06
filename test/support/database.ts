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
  server: EmbeddedServer;
  dataDir: string;
  /** Databases made so far. */
  count: number;
}

const TEMPLATE = "kith_template";
let starting: Promise<TestServer> | undefined;

/**
 * A migrated, empty database on a server of this test file's own, which starts with the first one asked for and stops
 * when the file is done.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  starting ??= startServer();
  const test = await starting;
  test.count++;
  const name = `kith_${test.count}`;
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
  return { server, dataDir, count: 0 };
}

function url(server: EmbeddedServer, user: string, database: string): string {
  return `postgresql://${user}@localhost:${server.port}/${database}?host=${encodeURIComponent(server.socketDir)}`;
}

async function asAdmin(server: EmbeddedServer, statement: string): Promise<void> {
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
  await test?.server.close();
});
