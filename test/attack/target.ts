import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as OTPAuth from "otpauth";
import { LIMITED_ACTIONS } from "#kith/config.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import { csrfOf, passwordOf, textOf, Visitor } from "../support/app.js";
import { httpApp } from "../support/http-app.js";
import { type RunningKith, startKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";
import type { Answer } from "./wire.js";

/** What stands in the onion map. */
export const PINNED = "zoe.example";
export const ONION = onionOfKey(Buffer.alloc(32, 1));

/** Whom a request is sent as. */
export type Role = "nobody" | "member" | "admin" | "half";

/** High enough that what is behind the limits is reached. */
export const NO_LIMITS = LIMITED_ACTIONS.map((one) => `${one}=100000000/60`).join();

/** Somebody whose session is used for requests, and made anew when one of them has ended it. */
export class Actor {
  cookies = "";
  csrf = "";
  /** Passwords that a request may have made the actor's, the newest first. */
  private chosen: string[] = [];
  renewals = 0;
  private renewing: Promise<void> | undefined;

  constructor(
    readonly role: Exclude<Role, "nobody">,
    readonly username: string,
    public password: string,
    private readonly signInAgain: (actor: Actor) => Promise<Visitor>,
  ) {}

  choose(password: string): void {
    this.chosen = [password, ...this.chosen].slice(0, 50);
  }

  passwords(): readonly string[] {
    return [this.password, ...this.chosen];
  }

  /** Takes over the cookie under which the session goes on, if the answer sets one. */
  goOn(answer: Answer): void {
    for (const [name, value] of answer.headers) {
      const fresh = name === "set-cookie" && /^(?:__Host-)?session=[^;]+/.exec(value)?.[0];
      if (fresh) this.cookies = this.cookies.replace(/(?:__Host-)?session=[^;]+/, fresh);
    }
  }

  /** Signs in again; several who find the session over at once do so once. */
  async renew(): Promise<void> {
    this.renewals += this.renewing ? 0 : 1;
    this.renewing ??= this.signInAgain(this)
      .then((visitor) => this.use(visitor))
      .finally(() => {
        this.renewing = undefined;
      });
    await this.renewing;
  }

  private async use(visitor: Visitor): Promise<void> {
    const page = await visitor.get(this.role === "half" ? "/sign-in/code" : "/help");
    this.csrf = csrfOf(page.body) ?? "";
    this.cookies = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }
}

/** Things that exist, so that requests reach what is behind the first check. */
export interface Real {
  letter: string;
  secret: string;
  case: string;
  invite: string;
  session: string;
  act: string;
}

/** A running Kith with people in it, to be attacked. */
export interface Target {
  kith: RunningKith;
  port: number;
  origin: string;
  /** Prefix of the names of its cookies. */
  prefix: string;
  actors: Record<Exclude<Role, "nobody">, Actor>;
  real: Real;
  /** Members whom nothing depends on. */
  victims: readonly string[];
  /** Looks for what is in use up, and makes it anew. */
  refresh(): Promise<void>;
  /** Lines of the log that are more than an answer or a warning. */
  errors: string[];
  /** Mebibytes in memory. */
  memory(): number;
}

export async function startTarget(env: Record<string, string> = {}, cli?: string): Promise<Target> {
  const kith = await startKith(
    {
      KITH_DATA_DIR: temporaryDirectory(),
      KITH_LIMITS: NO_LIMITS,
      KITH_INVITES_PER_MEMBER: "40",
      KITH_CONTACT: "help@kith.example",
      ...env,
    },
    cli,
  );
  const errors: string[] = [];
  let rest = "";
  kith.process.stderr!.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    errors.push(...lines.filter((line) => line !== "" && !/^\{"level":[34]0,/.test(line)));
  });
  const app = httpApp(kith.url);
  const link = await firstLink(kith);
  const keeper = new Visitor(app);
  assert.equal((await keeper.join(new URL(link).pathname, "nour")).statusCode, 303);
  const ada = await keeper.bring("ada");
  const bea = await keeper.bring("bea");
  const victims = ["zoe", "cem", "dan"];
  const zoe = await keeper.bring("zoe");
  await (await keeper.bring("cem")).signOut();
  await (await keeper.bring("dan")).signOut();
  for (const helper of ["ada", "bea"]) await zoe.trust(helper);
  for (const person of ["bea", "cem"]) await ada.trust(person);
  await keeper.bring("adm");
  await keeper.bring("tot");
  const tell = (what: string, fields: Record<string, string>) => keeper.post(what, fields, "/admin/accounts");

  /** Whatever the requests have done to somebody's account is put right again. */
  async function repair(username: string): Promise<void> {
    await keeper.signIn("nour");
    await tell("/admin/accounts/reinstate", { username });
    for (const what of ["inviting", "sign-in"]) await tell("/admin/accounts/unfreeze", { username, what });
  }
  async function promote(): Promise<void> {
    await tell("/admin/accounts/role", { username: "adm", role: "admin" });
    await tell("/admin/confirm", { username: "adm" });
  }
  async function signInAgain(actor: Actor): Promise<Visitor> {
    const visitor = new Visitor(app);
    let status = 0;
    // Looked up again each time: another connection may have chosen one meanwhile.
    for (let tries = 0; status !== 303 && tries < 2 * actor.passwords().length; tries++) {
      const password = actor.passwords()[tries % actor.passwords().length] as string;
      status = (await visitor.signIn(actor.username, password)).statusCode;
      if (status === 429) return visitor;
      if (status === 403) {
        await repair(actor.username);
        status = (await visitor.signIn(actor.username, password)).statusCode;
      }
      if (status === 303) actor.password = password;
    }
    assert.equal(status, 303, `${actor.username} signs in again`);
    if (actor.role === "admin") {
      const opening = await visitor.post("/admin/tree", { current_password: actor.password }, "/help");
      if (opening.statusCode === 303) return visitor;
      await keeper.signIn("nour");
      await promote();
      await visitor.signIn(actor.username, actor.password);
      await visitor.post("/admin/tree", { current_password: actor.password }, "/help");
    }
    return visitor;
  }
  const actor = (role: Exclude<Role, "nobody">, username: string) =>
    new Actor(role, username, passwordOf(username), signInAgain);
  const actors = { member: actor("member", "ada"), admin: actor("admin", "adm"), half: actor("half", "tot") };
  await promote();
  await turnOnSecondStep(app);

  const real: Real = { letter: "", secret: "", case: "", invite: "", session: "", act: "" };
  async function refresh(): Promise<void> {
    if ((await keeper.get("/help")).statusCode !== 200) await keeper.signIn("nour");
    const letter = real.letter === "" ? 404 : (await keeper.get(`/invite/${real.letter}`)).statusCode;
    if (letter !== 200) {
      await keeper.post("/admin/accounts/invites", { username: "nour", count: "20" }, "/admin/accounts");
      await keeper.signIn("nour");
      real.letter = (await keeper.invite()).slice("/invite/".length);
    }
    if ((await bea.get("/help")).statusCode !== 200) {
      const again = await bea.signIn("bea");
      if (again.statusCode === 403) {
        await repair("bea");
        await bea.signIn("bea");
      }
    }
    for (const victim of victims) await tell("/admin/accounts/reinstate", { username: victim });
    const handover = textOf((await bea.help("zoe", true)).body, "handover-link");
    if (handover) real.secret = new URL(handover).pathname.slice("/handover/".length);
    const scrape = async (path: string, name: string) => {
      const headers = { cookie: actors.admin.cookies };
      const page = await (await fetch(new URL(path, kith.url), { headers, redirect: "manual" })).text();
      return new RegExp(`name="${name}" value="([^"]+)"`).exec(page)?.[1] ?? "";
    };
    real.session = await scrape("/security", "session");
    real.act = await scrape("/admin/log", "act");
    real.invite = await scrape("/invites", "invite");
    real.case = /data-case="([^"]+)"/.exec((await bea.help("zoe")).body)?.[1] ?? real.case;
  }
  await keeper.post("/admin/onion", { domain: PINNED, onion: ONION, port: "25" }, "/admin/onion");
  for (const one of Object.values(actors)) await one.renew();
  await refresh();
  return {
    kith,
    port: Number(new URL(kith.url).port),
    origin: kith.url,
    prefix: keeper.cookies.has("__Host-session") ? "__Host-" : "",
    actors,
    real,
    victims,
    refresh,
    errors,
    memory: () => memoryOf(kith.process.pid as number),
  };
}

/** It is printed right after Kith says that it listens. */
async function firstLink(kith: RunningKith): Promise<string> {
  for (let tries = 0; tries < 500; tries++) {
    const link = /This link makes the first one: (\S+)\n/.exec(kith.output().stdout)?.[1];
    if (link) return link;
    await sleep(10);
  }
  throw new Error("a new Kith has a link for its first admin");
}

/** Tot has a second step, and so always comes only half in. */
async function turnOnSecondStep(app: Visitor["app"]): Promise<void> {
  const tot = new Visitor(app);
  await tot.signIn("tot");
  await tot.post("/security/totp", { current_password: passwordOf("tot") }, "/security");
  const secret = /\b(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}\b/.exec((await tot.get("/security/totp")).body)?.[0];
  assert.ok(secret, "a secret is shown");
  const totp = new OTPAuth.TOTP({ secret: OTPAuth.Secret.fromBase32(secret.replaceAll(" ", "")) });
  const done = await tot.post("/security/totp/confirm", { code: totp.generate() }, "/security/totp");
  assert.equal(done.headers.location, "/security/recovery-codes");
}

function memoryOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kibibytes) / 1024;
}
