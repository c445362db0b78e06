import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { LIMITED_ACTIONS } from "#kith/config.js";
import { connect } from "#kith/db/connect.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { startMailQueue } from "#kith/mail/queue.js";
import { nothingSeen } from "#kith/make-context.js";
import { freezeInsertOnlyTables } from "#kith/people/people.js";
import { makeMetrics } from "#kith/web/metrics.js";
import { openPlace, type Place, Visitor } from "../support/app.js";
import { httpApp } from "../support/http-app.js";
import { type MailServer, openMailServer } from "../support/mail-server.js";
import { type PostgresServer, startPostgresServer } from "../support/postgres-server.js";

/** A PostgreSQL server as Debian sets it up, except that its log can be read as text and its WAL decoded. */
export async function openServer(postgres: string, settings: Record<string, string> = {}): Promise<PostgresServer> {
  const all = {
    wal_level: "logical",
    logging_collector: "on",
    log_line_prefix: "%m [%p] %q%u@%d ",
    ...settings,
  };
  // As the embedded server has them: who reads a page first then stands in the log.
  return await startPostgresServer(postgres, all, ["--data-checksums"]);
}

/** A community that every round begins with, and the Kith that serves it. */
export interface Stage {
  server: PostgresServer;
  place: Place;
  mail: MailServer;
  /** Notices are delivered. */
  isMailed: boolean;
  admin: pg.Client;
  /** Name of the round's database. */
  database: string;
  /** `request` is called before each one is served. */
  hooks: { request: () => void };
  metrics(): Promise<string>;
  /** What PostgreSQL logged so far. */
  serverLog(): string;
  /** Ends all of Kith's connections, so that PostgreSQL has counted everything they did. */
  hangUp(): Promise<void>;
  /** A new copy of the community, for one round. */
  reset(): Promise<{ close(): Promise<void> }>;
  close(): Promise<void>;
}

/** None that is ever reached, and no window that ends during a round. */
const KITH_LIMITS = LIMITED_ACTIONS.map((one) => `${one}=100000/86400`).join();

let stages = 0;

/**
 * @param found makes the community: whoever is there before a round begins
 */
export async function openStage(
  server: PostgresServer,
  found: (place: Place) => Promise<void>,
  { deliver = true } = {},
): Promise<Stage> {
  const number = ++stages;
  const database = `kith_${number}`;
  const template = `community_${number}`;
  const admin = await connectTo(server.adminUrl);
  await admin.query(`create database ${database} owner kith`);
  const databaseUrl = server.databaseUrl.replace(/\/kith$/, `/${database}`);
  const migration = await connect({ databaseUrl });
  await migrateToLatest(migration.db);
  await migration.close();
  const mail = await openMailServer();
  const place = await openPlace({
    databaseUrl,
    env: {
      KITH_MAIL_FROM: "kith@localhost",
      KITH_SMTP_URL: mail.url,
      KITH_INVITES_PER_MEMBER: "40",
      KITH_LIMITS,
      // Some 15 ms: a run more or less shows in times.
      KITH_ARGON2: "m=16384,t=1,p=1",
    },
  });
  const hooks: Stage["hooks"] = { request: () => undefined };
  place.app.addHook("onRequest", async () => hooks.request());
  const numbers = makeMetrics(place.context);
  numbers.watch(place.app);
  const queue = await startMailQueue(place.context, { pollSeconds: 3600 });
  await queue.stop();
  const origin = await place.app.listen({ host: "127.0.0.1", port: 0 });
  place.visitor = () => new Visitor(httpApp(origin));
  await found(place);
  // As Kith does at its start and once a day.
  await freezeInsertOnlyTables(place.context.db);

  async function hangUp(): Promise<void> {
    const ending = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename = 'kith'";
    for (;;) {
      const { rowCount } = await admin.query(ending, [database]);
      if (rowCount === 0 && place.context.pool.totalCount === 0) return;
      await sleep(2);
    }
  }
  await hangUp();
  await admin.query(`create database ${template} template ${database}`);

  return {
    server,
    place,
    hooks,
    mail,
    isMailed: deliver,
    admin,
    database,
    hangUp,
    metrics: () => numbers.text(),
    serverLog() {
      const folder = join(server.cluster, "log");
      return readdirSync(folder)
        .sort()
        .map((name) => readFileSync(join(folder, name), "utf8"))
        .join("");
    },
    async reset() {
      await hangUp();
      await admin.query(`drop database ${database} with (force)`);
      await admin.query(`create database ${database} owner kith template ${template}`);
      place.log.length = 0;
      place.context.openedRecords.clear();
      place.context.shown.clear();
      place.context.seen = nothingSeen();
      mail.received.length = 0;
      const running = await startMailQueue(place.context, { pollSeconds: deliver ? 0.5 : 3600 });
      return { close: () => running.stop() };
    },
    async close() {
      await hangUp();
      for (const name of [database, template]) await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

export async function connectTo(url: string, database?: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: database === undefined ? url : url.replace(/\/[^/]*$/, `/${database}`),
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}
