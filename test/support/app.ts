import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { pino } from "pino";
import { type Config, LIMITED_ACTIONS, parseConfig } from "#kith/config.js";
import type { Context } from "#kith/context.js";
import { connect } from "#kith/db/connect.js";
import { firstAdminLink } from "#kith/invites/first-admin.js";
import { LINES } from "#kith/log.js";
import { makeContext } from "#kith/make-context.js";
import { buildApp } from "#kith/web/app.js";
import { freshDatabase } from "./database.js";

/** Small, so that a story of many sign-ins takes seconds. */
const QUICK_ARGON2 = "m=1024,t=1,p=1";
const NO_LIMITS = LIMITED_ACTIONS.map((one) => `${one}=100000/60`).join();

export interface Place {
  app: FastifyInstance;
  context: Context;
  /** Lets time pass. */
  advance(milliseconds: number): void;
  days(count: number): void;
  /** Lines that Kith logged. */
  log: string[];
  visitor(): Visitor;
  /** The first admin, joined and signed in. */
  founder(username?: string): Promise<Visitor>;
}

export interface PlaceOptions {
  env?: NodeJS.ProcessEnv;
  /** A PostgreSQL with an empty, migrated database; default: a new one on the embedded server. */
  databaseUrl?: string;
  /** The server secret; default: a new one. */
  secret?: Uint8Array;
}

const closing: (() => Promise<void>)[] = [];
// Here, not in `openPlace`: called from a `before` hook, that would be over as soon as the hook is.
after(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A whole Kith on a database of its own, without a listener: requests are injected. */
export async function openPlace(options: PlaceOptions = {}): Promise<Place> {
  const databaseUrl = options.databaseUrl ?? (await freshDatabase()).databaseUrl;
  const env = { DATABASE_URL: databaseUrl, KITH_ARGON2: QUICK_ARGON2, KITH_LIMITS: NO_LIMITS, ...options.env };
  const config: Config = parseConfig(env);
  const { db, pool, close } = await connect(config);
  let offset = 0;
  const log: string[] = [];
  const context = await makeContext({
    config,
    db,
    pool,
    secret: options.secret ?? randomBytes(32),
    clock: () => new Date(Date.now() + offset),
    log: pino({ ...LINES, level: "debug" }, { write: (line: string) => void log.push(line) }),
  });
  const app = await buildApp(context);
  closing.push(async () => {
    await app.close();
    await close();
  });
  const place: Place = {
    app,
    context,
    log,
    advance: (milliseconds) => {
      offset += milliseconds;
    },
    days: (count) => place.advance(count * 86_400_000),
    visitor: () => new Visitor(app),
    async founder(username = "nour") {
      const link = await firstAdminLink(context);
      assert.ok(link);
      const visitor = place.visitor();
      await visitor.join(new URL(link).pathname, username);
      return visitor;
    },
  };
  return place;
}

/** Begins with a quarter hour: what happens once in each does not come between two answers that are compared. */
export async function openPlaceAtQuarter(options: PlaceOptions = {}): Promise<Place> {
  const place = await openPlace(options);
  place.advance(-(Date.now() % 900_000));
  return place;
}

/** A password that passes every rule, different for each name. */
export function passwordOf(username: string, version = 1): string {
  const turned = [...username].map((letter) => String.fromCharCode(97 + ((letter.charCodeAt(0) + 14) % 26))).join("");
  return `${version} ${turned} plum orchard window`;
}

/** Somebody with a browser that keeps cookies and knows no script. */
export class Visitor {
  readonly cookies = new Map<string, string>();
  username = "";

  constructor(readonly app: FastifyInstance) {}

  async request(method: "GET" | "POST", url: string, body?: string, headers: Record<string, string> = {}) {
    const response = await this.app.inject({
      method,
      url,
      ...(body !== undefined && { payload: body }),
      headers: {
        ...(body !== undefined && { "content-type": "application/x-www-form-urlencoded" }),
        ...(this.cookies.size > 0 && {
          cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        }),
        ...headers,
      },
    });
    for (const cookie of response.cookies) {
      if (cookie.maxAge === 0 || cookie.expires?.getTime() === 0 || cookie.value === "")
        this.cookies.delete(cookie.name);
      else this.cookies.set(cookie.name, cookie.value);
    }
    return response;
  }

  async get(url: string): Promise<LightMyRequestResponse> {
    return await this.request("GET", url);
  }

  /** Sends a form, with the token from the page it stands on (default: the sign-in page's). */
  async post(url: string, fields: Record<string, string> = {}, from = "/about"): Promise<LightMyRequestResponse> {
    const page = await this.get(from);
    const token = csrfOf(page.body) ?? csrfOf((await this.get("/sign-in")).body) ?? csrfOf((await this.get("/")).body);
    return await this.request("POST", url, new URLSearchParams({ _csrf: token ?? "", ...fields }).toString());
  }

  async join(path: string, username: string, options: { trust?: boolean; password?: string } = {}) {
    const response = await this.post(
      path,
      {
        username,
        password: options.password ?? passwordOf(username),
        ...((options.trust ?? true) && { trust_inviter: "on" }),
      },
      path,
    );
    this.username = username;
    return response;
  }

  async signIn(username = this.username, password = passwordOf(username)) {
    this.username = username;
    return await this.post("/sign-in", { username, password }, "/sign-in");
  }

  async signOut() {
    return await this.post("/sign-out", {}, "/");
  }

  /** The path of a new letter. */
  async invite(): Promise<string> {
    const answer = await this.post("/invites", { note: "" }, "/invites");
    assert.equal(answer.statusCode, 303);
    const link = textOf((await this.get("/invites")).body, "invite-link");
    assert.ok(link, "a letter is shown");
    return new URL(link).pathname;
  }

  /** Somebody new, who comes by a letter of this member. */
  async bring(username: string, options: { trust?: boolean } = {}): Promise<Visitor> {
    const friend = new Visitor(this.app);
    const answer = await friend.join(await this.invite(), username, options);
    assert.equal(answer.statusCode, 303, `${username} joins`);
    return friend;
  }

  async trust(username: string) {
    return await this.post("/trust", { username }, "/trust");
  }

  async rules(threshold: number, waitDays = 0, extra: Record<string, string> = {}) {
    return await this.post(
      "/trust/rules",
      { threshold: String(threshold), wait_days: String(waitDays), ...extra },
      "/trust",
    );
  }

  async help(username: string, again = false) {
    return await this.post("/help", { username, ...(again && { again: "on" }) }, "/help");
  }

  /** Opens a case and returns the path of its link. */
  async openCase(username: string, again = false): Promise<string> {
    const link = textOf((await this.help(username, again)).body, "handover-link");
    assert.ok(link, "a link is shown");
    return new URL(link).pathname;
  }

  /** Agrees to the case that shows these words. */
  async agree(username: string, words: string[]) {
    const compare = await this.help(username);
    const found = casesOf(compare.body).find((one) => one.words.join(" ") === words.join(" "));
    assert.ok(found, "a case with these words is shown");
    return await this.post("/help/approve", { username, case: found.id }, "/help");
  }
}

export function csrfOf(html: string): string | undefined {
  return /name="_csrf" value="([^"]+)"/.exec(html)?.[1];
}

/** The buttons that send the form with a password in it, in their order, and the one that asks for a passphrase. */
export function buttonsOf(html: string): { buttons: string[]; suggest: string } {
  const form = [...html.matchAll(/<form [\s\S]*?<\/form>/g)].find(([one]) => one.includes('id="password"'))?.[0] ?? "";
  const buttons = [...form.matchAll(/<button[^>]*>/g)].map(([one]) => one).filter((one) => !one.includes("data-show"));
  return { buttons, suggest: buttons.find((one) => one.includes('name="suggest"')) ?? "" };
}

/** The text of the element with this hook. */
export function textOf(html: string, testid: string): string | undefined {
  return new RegExp(`data-testid="${testid}"[^>]*>([^<]*)<`).exec(html)?.[1];
}

/** The four words on a page. */
export function wordsOf(html: string): string[] {
  const list = /<ol class="words"[^>]*data-testid="words"[^>]*>(.*?)<\/ol>/s.exec(html)?.[1] ?? "";
  return [...list.matchAll(/<li>([^<]*)<\/li>/g)].map((match) => match[1] as string);
}

export function casesOf(html: string): { id: string; words: string[] }[] {
  return [...html.matchAll(/data-testid="case" data-case="([^"]+)"(.*?)<\/form>/gs)].map((match) => ({
    id: match[1] as string,
    words: wordsOf(match[2] as string),
  }));
}

export function countOf(html: string, testid: string): number {
  return html.split(`data-testid="${testid}"`).length - 1;
}
