// Opening the invite tree of 100,000 members the second time, beside reading the same rows, and how long the first time
// takes for each thousand.
import { randomBytes, randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { pino } from "pino";
import { findAccountByName } from "#kith/accounts/account.js";
import { openSession } from "#kith/accounts/sessions.js";
import { parseConfig } from "#kith/config.js";
import { connect } from "#kith/db/connect.js";
import { openEmbedded } from "#kith/db/embedded.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { redeem } from "#kith/invites/redeem.js";
import { makeContext } from "#kith/make-context.js";
import { sealEdge, sealNotes } from "#kith/protocol/review.js";
import { type OpenReview, openReview, withTag } from "#kith/review/keys.js";
import { edgeOpener } from "#kith/review/open-edges.js";
import * as queries from "#kith/review/queries.js";
import { buildApp } from "#kith/web/app.js";
import { median, milliseconds, quick, report } from "./support.js";

const MEMBERS = 100_000;
const ROUNDS = quick ? 5 : 9;
const EDGES = quick ? 1_000 : 5_000;
/** Milliseconds and MiB, of docs. */
const LIMIT_MS = 3_000;
const LIMIT_MIB = 300;
const PASSWORD = "plum orchard window lantern";

const dataDir = mkdtempSync(join(tmpdir(), "kith-bench-"));
if (process.getuid?.() === 0) chmodSync(dataDir, 0o711);
const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
const server = await openEmbedded({ dataDir, role: "command", settings });
try {
  const { user, port, database, socketDir } = server;
  const databaseUrl = `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(socketDir)}`;
  const config = parseConfig({ DATABASE_URL: databaseUrl, KITH_ARGON2: "m=1024,t=1,p=1" });
  const { db, pool, close } = await connect({ databaseUrl }, undefined, 0);
  await migrateToLatest(db);
  const log = pino({ level: "silent" });
  const context = await makeContext({ config, db, pool, secret: randomBytes(32), clock: () => new Date(), log });
  const letter = operatorLetter(context, "first-admin");
  const joined = await redeem(context, letter, {
    username: "nour",
    password: PASSWORD,
    trustInviter: false,
    language: "en",
    client: "bench",
  });
  const admin = await findAccountByName(context, config.domains[0], "nour");
  const session = joined.outcome === "joined" ? await openSession(context, joined.cookie) : undefined;
  const review = admin && session && (await openReview(context, admin, await session.privateKey()));
  if (joined.outcome !== "joined" || !review || !admin) throw new Error("the admin did not get in");

  // Rows as long as real ones, except for the self record, which lies apart from the row anyway.
  await sql`insert into accounts
    select md5('m' || i)::uuid, 'm' || i, ${config.domains[0]}, 'active', 'member', 'nothing', 0, f(i, 20), f(i, 720),
      f(i, 16), 'm=65536,t=3,p=4', f(i, 16), f(i, 16), f(i, 2100), f(i, 657), f(i, 1052), f(i, 405), f(i, 352), 'en', 1,
      f(i, 32)
    from generate_series(1, ${MEMBERS}) as i`.execute(await withFiller());
  await sql`vacuum (freeze, analyze) accounts`.execute(db);
  await keepNotes(review, admin.id);

  const app = await buildApp(context);
  const cookies = new Map([["session", joined.cookie]]);
  const request = async (method: "GET" | "POST", url: string, payload?: string) => {
    const answer = await app.inject({
      method,
      url,
      ...(payload !== undefined && { payload }),
      headers: {
        ...(payload !== undefined && { "content-type": "application/x-www-form-urlencoded" }),
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
      },
    });
    for (const { name, value } of answer.cookies) cookies.set(name, value);
    return answer;
  };
  const gate = await request("GET", "/admin/tree");
  const token = /name="_csrf" value="([^"]+)"/.exec(gate.body)?.[1] ?? "";
  const fields = new URLSearchParams({ _csrf: token, current_password: PASSWORD });
  const opened = await request("POST", "/admin/tree", fields.toString());
  if (opened.statusCode !== 303) throw new Error(`the tree did not open: ${opened.statusCode}`);

  // What the preparation left behind is not the tree's.
  (globalThis as { gc?: () => void }).gc?.();
  const pages: number[] = [];
  const reads: number[] = [];
  let peak = 0;
  const idle = process.memoryUsage().rss;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  for (let round = 0; round < ROUNDS; round++) {
    pages.push(
      await milliseconds(async () => {
        const { body } = await request("GET", "/admin/tree?person=m7");
        if (!body.includes('data-testid="tree-node"')) throw new Error("no tree was shown");
      }),
    );
    peak = Math.max(peak, process.memoryUsage().rss);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  clearInterval(watch);
  for (let round = 0; round < ROUNDS; round++) {
    reads.push(
      await milliseconds(() => sql`select id, edge, username, domain, status, role, frozen from accounts`.execute(db)),
    );
  }

  const edges = await Promise.all(
    Array.from({ length: EDGES }, () =>
      sealEdge(review.current.public_key, { inviteeId: randomUUID(), inviterId: randomUUID(), month: "2026-01" }),
    ),
  );
  const alone: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < 5; round++) {
    for (const [values, count] of [
      [alone, 1],
      [beside, EDGES],
    ] as const) {
      const opener = edgeOpener([review.currentKey], count);
      const batches = Array.from({ length: EDGES / 100 }, (_, index) => edges.slice(index * 100, index * 100 + 100));
      await opener.open(edges.slice(0, 10));
      const took = await milliseconds(() => Promise.all(batches.map((batch) => opener.open(batch))));
      values.push((took / EDGES) * 1_000);
      await opener.close();
    }
  }
  report([
    { name: "second opening", unit: "ms", values: pages, floor: LIMIT_MS, floorName: "limit" },
    { name: "second opening, beside reading the rows", unit: "ms", values: pages, floor: reads, floorName: "reading" },
    {
      name: "memory, beside the idle process",
      unit: "MiB",
      values: [(peak - idle) / 2 ** 20],
      floor: LIMIT_MIB,
      floorName: "limit",
    },
    { name: "first opening, each 1,000", unit: "ms", values: beside, floor: alone, floorName: "without threads" },
  ]);
  if (median(pages) > LIMIT_MS) process.exitCode = 1;
  await app.close();
  await close();

  /** What an earlier opening has read, without a hundred thousand seals. */
  async function keepNotes(open: OpenReview, rootId: string) {
    const { rows } = await sql<{ id: Buffer; mark: Buffer; inviter: Buffer }>`
      select uuid_send(id) as id, substring(edge from 21 for 16) as mark,
        uuid_send(case when username = 'm1' then ${rootId}::uuid
          else md5('m' || greatest(1, substring(username from 2)::int / 5))::uuid end) as inviter
      from accounts where username like 'm%'`.execute(db);
    const month = Buffer.from([0x5f, 0x00]);
    const bytes = Buffer.concat(rows.flatMap(({ id, mark, inviter }) => [id, mark, inviter, month]));
    const notes = await sealNotes(open.current.public_key, bytes);
    await queries.replaceNotes(db, withTag(context, "review_notes", { review_key_id: open.current.id, ...notes }));
  }

  async function withFiller() {
    for (const column of ["locked_key", "escrow", "second_step", "edge", "contact"]) {
      await sql`alter table accounts alter column ${sql.ref(column)} set storage external`.execute(db);
    }
    await sql`create function f(number int, length int) returns bytea language sql immutable as
      'select substring(decode(repeat(md5(number::text), length / 16 + 1), ''hex'') from 1 for length)'`.execute(db);
    return db;
  }
} finally {
  await server.close();
  rmSync(dataDir, { recursive: true, force: true });
}
