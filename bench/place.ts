import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { openSession, type Session } from "#kith/accounts/sessions.js";
import { LIMITED_ACTIONS, parseConfig } from "#kith/config.js";
import type { Context } from "#kith/context.js";
import { migrateToLatest } from "#kith/db/migrate.js";
import { openDatabase } from "#kith/db/open.js";
import { operatorLetter } from "#kith/invites/letters.js";
import { redeem } from "#kith/invites/redeem.js";
import { makeContext } from "#kith/make-context.js";
import { addTrusted } from "#kith/trust/trust.js";
import { buildApp } from "#kith/web/app.js";

/** A Kith as it is shipped, on an embedded PostgreSQL of its own with its usual settings, that listens on a free port. */
export interface Place {
  context: Context;
  app: FastifyInstance;
  url: string;
  /** The database's own address, for a peer that is to use the same server. */
  databaseUrl: string;
  close(): Promise<void>;
}

export interface Member {
  username: string;
  password: string;
  session: Session;
}

/** So many tries that no benchmark meets a limit; the limits are counted all the same. */
const LIMITS = LIMITED_ACTIONS.map((one) => `${one}=1000000/3600`).join();

/** @param argon2 other parameters than the default ones, for what does not hash */
export async function openPlace(argon2?: string): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), "kith-bench-"));
  if (process.getuid?.() === 0) chmodSync(directory, 0o711);
  const dataDir = join(directory, "data");
  const config = parseConfig({ KITH_DATA_DIR: dataDir, KITH_LIMITS: LIMITS, ...(argon2 && { KITH_ARGON2: argon2 }) });
  const database = await openDatabase(config, "command");
  await database.unhurried(migrateToLatest);
  const log = pino({ level: "info", base: null }, { write: () => undefined });
  const parts = { config, db: database.db, pool: database.pool, secret: randomBytes(32), clock: () => new Date(), log };
  const context = await makeContext(parts);
  const app = await buildApp(context);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { host, port, user, database: name } = database.pool.options as unknown as Record<string, string>;
  return {
    context,
    app,
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    databaseUrl: `postgresql://${user}@localhost:${port}/${name}?host=${encodeURIComponent(host ?? "")}`,
    async close() {
      await app.close();
      await database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function enter(context: Context, username: string): Promise<Member> {
  const password = `${randomBytes(9).toString("base64")} plum orchard`;
  const letter = operatorLetter(context, "operator");
  const input = { username, password, trustInviter: false, language: "en", client: "Firefox" };
  const joined = await redeem(context, letter, input);
  const session = joined.outcome === "joined" ? await openSession(context, joined.cookie) : undefined;
  if (!session) throw new Error(`${username} could not join`);
  return { username, password, session };
}

/** So many members that each can trust S others, and does. */
export async function circle(context: Context): Promise<Member[]> {
  const members: Member[] = [];
  for (let one = 0; one <= context.config.trustSlots; one++) members.push(await enter(context, `member${one}`));
  for (const member of members) {
    for (const other of members) {
      if (other === member) continue;
      const outcome = await addTrusted(context, member.session, other.username);
      if (outcome !== "added") throw new Error(outcome);
    }
  }
  return members;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A browser as far as it goes: one set of cookies, connections kept open. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true });
  readonly cookies = new Map<string, string>();
  token = "";

  constructor(readonly url: string) {}

  send(method: "GET" | "POST", path: string, body?: string, type = "application/x-www-form-urlencoded") {
    return new Promise<Answer>((resolve, reject) => {
      const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = {
        ...(cookie !== "" && { cookie }),
        ...(body !== undefined && { "content-type": type, "content-length": Buffer.byteLength(body) }),
      };
      const sent = request(new URL(path, this.url), { method, headers, agent: this.#agent }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  /** Fetches the sign-in form for its token and the cookie that goes with it; both are good many times. */
  async prepare(): Promise<void> {
    const { headers, body } = await this.send("GET", "/sign-in");
    this.keep(headers["set-cookie"]);
    this.token = /name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? "";
  }

  keep(lines: string | string[] | undefined): void {
    for (const line of [lines ?? []].flat()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.cookies.set(name, value);
    }
  }

  /** Sends a form. @throws if the answer has another status */
  async form(path: string, fields: Record<string, string>, status: number): Promise<Answer> {
    const body = new URLSearchParams({ _csrf: this.token, ...fields }).toString();
    const answer = await this.send("POST", path, body);
    if (answer.status !== status) throw new Error(`${path} answered ${answer.status} rather than ${status}`);
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Runs `work` so many times with so many at once; returns how many a second. */
export async function perSecond(times: number, atOnce: number, work: (lane: number) => Promise<unknown>) {
  let left = times;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async (_, lane) => {
      while (left > 0) {
        left--;
        await work(lane);
      }
    }),
  );
  return times / ((performance.now() - start) / 1000);
}
