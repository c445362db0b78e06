import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { csrfOf } from "../support/app.js";
import { FORMS, QUERIES } from "./forms.js";
import { isReached } from "./judge.js";
import type { AttackedRoute } from "./routes.js";
import { PINNED, type Real, type Role, type Target } from "./target.js";

/** A page that stands only here: every form and every query, for a scanner that has to find them. */
const INDEX = "/every-form";
/** Where a scanner looks whether its target went out to fetch something. */
const SEEN = "/seen/";

interface Received {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Gateway {
  origin: string;
  index: string;
  /** For scanners that want an address which nobody ever fetches. */
  seen: string;
  /** Routes that answered, such as `POST /trust`. */
  reached: Set<string>;
  requests(): number;
  /** Requests that were answered by 5xx: `500 GET /trust?a=b`. */
  broken: string[];
}

/**
 * Stands between a scanner and Kith on loopback, and is signed in for it: puts the session's cookies and the form's token
 * into each request, signs in again when a request has ended the session, and exchanges words in capitals (`LETTER`,
 * `CURRENT`) for what they name at that moment. Everything else passes as it came.
 *
 * @param signedIn as a member and, where that is needed, as an admin; else as nobody
 */
export async function openGateway(
  target: Target,
  routes: readonly AttackedRoute[],
  { signedIn }: { signedIn: boolean },
): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const reached = new Set<string>();
  const broken: string[] = [];
  const issued = new Set<string>(Object.values(target.actors).map(({ csrf }) => csrf));
  let requests = 0;
  let refreshing: Promise<void> | undefined;
  const nobody = { cookies: "", csrf: "" };
  const templates = routes.map((route) => ({
    ...route,
    pattern: new RegExp(`^${route.url.replace(/:\w+/, "[^/]+").replace("*", ".+")}$`),
  }));
  // A route without a parameter is meant before one with.
  templates.sort((a, b) => Number(/[:*]/.test(a.url)) - Number(/[:*]/.test(b.url)));

  const roleFor = (path: string): Role => {
    if (!signedIn) return "nobody";
    if (path.startsWith("/sign-in/code")) return "half";
    return path.startsWith("/admin") ? "admin" : "member";
  };

  async function pass(message: IncomingMessage, body: Buffer): Promise<Received> {
    const path = exchangeWords(message.url ?? "/", target.real, "");
    const role = roleFor(path);
    if (role === "nobody" && nobody.csrf === "") await visit();
    for (let again = false; ; again = true) {
      const actor = role === "nobody" ? undefined : target.actors[role];
      const { cookies, csrf } = actor ?? nobody;
      const form = /x-www-form-urlencoded/.test(message.headers["content-type"] ?? "");
      let text = body.toString("latin1");
      if (form) text = withToken(exchangeWords(text, target.real, actor?.password ?? "none"), csrf, issued);
      if (actor && form && path.startsWith("/security/password")) {
        const chosen = new URLSearchParams(text).get("password");
        if (chosen) actor.choose(chosen.replaceAll("\0", ""));
      }
      const bytes = Buffer.from(text, "latin1");
      const headers: IncomingHttpHeaders = { ...message.headers, cookie: cookies, host: "localhost" };
      delete headers["content-length"];
      delete headers["transfer-encoding"];
      if (bytes.length > 0) headers["content-length"] = String(bytes.length);
      const answer = await forward(target.port, agent, message.method ?? "GET", path, headers, bytes);
      const route = templates.find(
        ({ method, pattern }) => method === message.method && pattern.test(path.split("?")[0] as string),
      );
      const location = String(answer.headers.location ?? "");
      const name = route && `${route.method} ${route.url}`;
      if (answer.status >= 500) broken.push(`${answer.status} ${message.method} ${path}`.slice(0, 300));
      const list = Object.entries(answer.headers).map(([header, value]) => [header, String(value)] as const);
      const seen = { status: answer.status, headers: list, body: "" };
      if (name && isReached(name, seen)) reached.add(name);
      const over = location.startsWith("/sign-in") && role !== "half" && name !== "POST /sign-out";
      const changed = /session=/.test(String(answer.headers["set-cookie"] ?? ""));
      if (actor && (over || changed || (role === "half" && answer.status === 303))) await actor.renew();
      if (actor && over && !again) continue;
      for (const [, token] of answer.body.toString("latin1").matchAll(/name="_csrf" value="([^"]+)"/g))
        issued.add(token!);
      return answer;
    }
  }

  async function visit(): Promise<void> {
    const answer = await fetch(new URL("/sign-in", target.origin));
    nobody.cookies = answer.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    nobody.csrf = csrfOf(await answer.text()) ?? "";
  }

  const server = createServer(async (message, reply) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of message) chunks.push(chunk as Buffer);
      if (message.url === INDEX)
        return void reply.setHeader("Content-Type", "text/html").end(everyForm(target, routes));
      if (message.url?.startsWith(SEEN)) return void reply.setHeader("Content-Type", "application/json").end("{}");
      requests += 1;
      if (requests % 2_000 === 0) refreshing = (refreshing ?? Promise.resolve()).then(() => target.refresh());
      await refreshing;
      const { status, headers, body } = await pass(message, Buffer.concat(chunks));
      delete headers["transfer-encoding"];
      reply
        .writeHead(status, { ...headers, connection: "keep-alive" })
        .end(message.method === "HEAD" ? undefined : body);
    } catch (error) {
      broken.push(`no answer to ${message.method} ${message.url}: ${(error as Error).message}`.slice(0, 300));
      reply.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, index: origin + INDEX, seen: origin + SEEN, reached, requests: () => requests, broken };
}

const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
});

function forward(port: number, agent: Agent, method: string, path: string, headers: IncomingHttpHeaders, body: Buffer) {
  return new Promise<Received>((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      agent,
      method,
      path: path.replaceAll(/[^\x21-\x7e]/g, encodeURIComponent),
    };
    const outgoing = send({ ...options, headers: { ...headers, connection: "keep-alive" } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Words that stand for what exists only for a while. */
function exchangeWords(text: string, real: Real, password: string): string {
  return text
    .replaceAll("LETTER", real.letter)
    .replaceAll("SECRET", real.secret)
    .replaceAll("CASE", real.case)
    .replaceAll("OPENSESSION", real.session)
    .replaceAll("OPENINVITE", real.invite)
    .replaceAll("LASTACT", real.act)
    .replaceAll(/\bCURRENT(?=&|$)/g, encodeURIComponent(password));
}

/** A token that was given out, or none, becomes the session's; what somebody made of it stays. */
function withToken(text: string, csrf: string, issued: ReadonlySet<string>): string {
  const match = /(?:^|&)_csrf=([^&]*)/.exec(text);
  if (!match) return `_csrf=${csrf}${text === "" ? "" : "&"}${text}`;
  return issued.has(match[1]!) ? text.replace(`_csrf=${match[1]}`, `_csrf=${csrf}`) : text;
}

/** What each field holds before a scanner changes it. */
const USUAL: Readonly<Record<string, string>> = {
  username: "zoe",
  person: "zoe",
  around: "zoe",
  inviter: "cem",
  password: "5 plum orchard window",
  current_password: "CURRENT",
  code: "123456",
  case: "CASE",
  session: "OPENSESSION",
  invite: "OPENINVITE",
  act: "LASTACT",
  threshold: "1",
  wait_days: "0",
  language: "en",
  address: "ada@elsewhere.example",
  note: "friend",
  q: "zo",
  month: "2026-11",
  domain: PINNED,
  state: "suspended",
  what: "inviting",
  role: "member",
  count: "1",
  reason: "Spam",
  onion: "aaaa.onion",
  port: "25",
  list: "a.example b.onion",
  page: "1",
  rings: "3",
  next: "/trust",
  suggest: "1",
  ask: "1",
  check: "1",
  word_1: "abandon",
};

export const usual = (name: string) => USUAL[name] ?? "on";

export function filledIn(url: string): string {
  return url
    .replace(":letter", "LETTER")
    .replace(":secret", "SECRET")
    .replace(":domain", PINNED)
    .replace("*", "kith.css");
}

function everyForm(target: Target, routes: readonly AttackedRoute[]): string {
  const lines = routes.map(({ method, url }) => {
    const path = filledIn(url);
    if (method === "GET") {
      const asked = (QUERIES[url] ?? []).map((name) => `${name}=${encodeURIComponent(usual(name))}`);
      return `<a href="${path}">${path}</a> <a href="${asked.length > 0 ? `${path}?${asked.join("&amp;")}` : path}">…</a>`;
    }
    const { csrf } = target.actors[url.startsWith("/admin") ? "admin" : "member"];
    const inputs = (FORMS[url] ?? []).map((name) => `<input name="${name}" value="${usual(name)}">`);
    return `<form action="${path}" method="post"><input type="hidden" name="_csrf" value="${csrf}">${inputs.join("")}<button>go</button></form>`;
  });
  return `<!doctype html><title>${target.port}</title><main>${lines.join("\n")}</main>`;
}
