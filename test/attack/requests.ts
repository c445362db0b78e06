import { FORMS, QUERIES } from "./forms.js";
import type { Random } from "./random.js";
import { ONION, PINNED, type Role, type Target } from "./target.js";
import { encode, MARK, nasty, OTHER_HOST, percent } from "./values.js";

/** One request, as bytes, and what has to be known to judge its answer. */
export interface Attempt {
  /** Of the route that is meant: `POST /trust`; undefined where none is. */
  route: string | undefined;
  /** In order, one for each request in the bytes. */
  methods: string[];
  role: Role;
  /** Whether the session's cookies are the ones of the actor, unchanged. */
  signedIn: boolean;
  bytes: Buffer;
  /** Sent on a connection of its own, in pieces, and then ended: no answer has to come. */
  broken?: { pieces: Buffer[]; ending: "half" | "reset" | "wait" };
}

const METHODS = [
  "GET",
  "POST",
  "HEAD",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
  "QUERY",
  "SEARCH",
  "M-SEARCH",
  "get",
  "XYZZY",
];
const FORM = "application/x-www-form-urlencoded";
const TYPES = [
  "application/json",
  "text/plain",
  "multipart/form-data; boundary=x",
  "multipart/form-data",
  "application/xml",
  `${FORM}; charset=utf-16`,
  `${FORM};charset="`,
  `${FORM}, ${FORM}`,
  `${FORM.toUpperCase()}`,
  "application/x-www-form-urlencoded\t",
  "",
  "x",
  "/",
  ";;;",
  "a/b".repeat(300),
];
const ODD_HEADERS: readonly ((random: Random) => string)[] = [
  () => `X-Forwarded-For: ${"1.2.3.4, ".repeat(200)}::1`,
  () => "X-Forwarded-For: not an address",
  () => "X-Forwarded-For: ::ffff:999.1.1.1, fc00:dead:beef:4dad::1%eth0",
  (random) =>
    `X-Forwarded-For: ${random.pick(["::", "1:2:3:4:5:6:7:8", "2001:db8::", "0x7f.1", "127.1", "[::1]:80", ",", "::ffff:1.2.3.4"])}`,
  () => `X-Forwarded-Host: ${OTHER_HOST}`,
  () => "X-Forwarded-Proto: gopher, https",
  () => `Forwarded: for=x;host=${OTHER_HOST}`,
  () => `X-Original-URL: /admin/tree`,
  () => "X-HTTP-Method-Override: DELETE",
  () => "Expect: 100-continue",
  () => "Expect: the unexpected",
  () => "Range: bytes=0-0,5-2,-1",
  () => `Range: bytes=${"0-,".repeat(500)}`,
  () => "If-None-Match: *",
  () => 'If-None-Match: W/"x", "',
  () => "If-Modified-Since: Thu, 99 Foo 9999 99:99:99",
  () => "If-Range: x",
  () => "Accept-Encoding: gzip;q=x, br, *;q=2",
  () => "Accept: text/\u00e9",
  (random) =>
    `Accept-Language: ${random.pick(["de;q=abc,,;;*", "de-DE-x-1996", "xx", ",", "de;q=9999999999", "constructor", "__proto__"])}`,
  () => `Accept-Language: ${"de,".repeat(2_000)}`,
  () => `User-Agent: <${MARK}> Mobile Firefox/`,
  () => `User-Agent: ${"Firefox/".repeat(800)}`,
  () => "User-Agent: ",
  () => `Referer: http://${OTHER_HOST}/`,
  () => `Origin: http://${OTHER_HOST}`,
  () => "Origin: null",
  () => "Sec-Fetch-Site: cross-site",
  () => "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13",
  () => "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x",
  () => "Connection: close",
  () => "Connection: keep-alive, close, x",
  () => "Content-Encoding: gzip",
  () => "Authorization: Basic %%%",
  () => "Via: 1.1 x",
  () => "Trailer: X-Split",
  () => "__proto__: x\r\nconstructor: y\r\ntoString: z",
  () => Array.from({ length: 150 }, (_, index) => `X-${index}: ${index}`).join("\r\n"),
  () => Array.from({ length: 2_500 }, (_, index) => `a${index}: b`).join("\r\n"),
  () => `X-Long: ${"x".repeat(17_000)}`,
  (random) =>
    `X-Bytes: ${random
      .bytes(30)
      .toString("latin1")
      .replaceAll(/[^\x20-\x7e\x80-\xff]/g, "?")}`,
];

/** Makes requests that are wrong in some way, out of routes, fields and things that exist. */
export class Requests {
  private readonly urls: readonly { method: "GET" | "POST"; url: string }[];

  constructor(
    private readonly target: Target,
    routes: readonly { method: "GET" | "POST"; url: string }[],
  ) {
    // What a form without fields does is done each time, and costs a sign-in.
    const rare = ["/sign-out", "/resets/stop", "/security/sessions/end"];
    this.urls = routes.flatMap((route) => Array<(typeof routes)[number]>(rare.includes(route.url) ? 1 : 6).fill(route));
  }

  make(random: Random): Attempt {
    const kind = random.next();
    if (kind < 0.12) return this.broken(random);
    if (kind < 0.16) return this.pipelined(random);
    if (kind < 0.24) return this.nowhere(random);
    return this.request(random);
  }

  private role(random: Random, url: string): Role {
    if (url === "/sign-in/code") return random.chance(0.7) ? "half" : random.pick(["nobody", "member"]);
    if (url.startsWith("/admin")) return random.chance(0.8) ? "admin" : random.pick(["nobody", "member", "half"]);
    return random.pick(["member", "member", "member", "admin", "nobody", "half"]);
  }

  private request(random: Random): Attempt {
    const { method: usual, url } = random.pick(this.urls);
    const method = random.chance(0.93) ? usual : random.pick(METHODS);
    const role = this.role(random, url);
    const cookies = this.cookies(random, role);
    const path = this.path(random, url);
    const headers = [`Host: ${random.chance(0.97) ? "localhost" : this.oddHost(random)}`, ...cookies.lines];
    while (random.chance(0.18)) headers.push(random.pick(ODD_HEADERS)(random));
    let body: Buffer | undefined;
    if (method === "POST" || (method !== "GET" && method !== "HEAD" && random.chance(0.5)) || random.chance(0.01)) {
      body = Buffer.from(this.fields(random, url, role), "latin1");
      headers.push(`Content-Type: ${random.chance(0.95) ? FORM : random.pick(TYPES)}`);
    }
    return {
      route: method === usual ? `${usual} ${url}` : undefined,
      methods: [method],
      role,
      signedIn: cookies.good,
      bytes: framed(random, `${method} ${path} HTTP/1.1`, headers, body),
    };
  }

  private oddHost(random: Random): string {
    return random.pick([
      OTHER_HOST,
      `${OTHER_HOST}:80`,
      "[::1]",
      "a b",
      "",
      "localhost:99999",
      `<${MARK}>`,
      "x".repeat(3_000),
      `localhost@${OTHER_HOST}`,
    ]);
  }

  /** The address: what stands in it exists, mostly; its query is often wrong. */
  private path(random: Random, url: string): string {
    const filled = url.replace(/:(\w+)|\*/, (_, name?: string) => {
      if (name === "domain") return random.chance(0.6) ? PINNED : this.inPath(random);
      const real =
        name === "letter" ? this.target.real.letter : name === "secret" ? this.target.real.secret : "kith.css";
      const kind = random.next();
      if (kind < 0.6) return real;
      if (kind < 0.7) return `${real.slice(0, -1)}${random.pick(["A", "_", "%41", "", "="])}`;
      if (kind < 0.75) return "A".repeat(random.pick([1, 42, 43, 44, 85, 86, 87, 299, 301, 5_000]));
      return this.inPath(random);
    });
    const known = QUERIES[url] ?? [];
    if (known.length === 0 && random.chance(0.9)) return filled;
    const asked: string[] = [];
    for (const name of known) if (random.chance(0.35)) asked.push(`${name}=${this.value(random, name, 0.6)}`);
    if (random.chance(0.1)) asked.push(this.oddPair(random));
    if (random.chance(0.02)) asked.push("a=b&".repeat(random.below(3_000)));
    return cleaned(asked.length === 0 ? filled : `${filled}?${asked.join("&")}`);
  }

  private inPath(random: Random): string {
    return cleaned(encode(nasty(random), random).replaceAll("+", "%20"))
      .replaceAll("?", "%3F")
      .slice(0, 7_000);
  }

  private cookies(random: Random, role: Role): { lines: string[]; good: boolean } {
    const kind = random.next();
    const { prefix, actors } = this.target;
    const good = role === "nobody" ? "" : actors[role].cookies;
    if (kind < 0.88) return { lines: good === "" ? [] : [`Cookie: ${good}`], good: role !== "nobody" };
    const changed = () => {
      const at = random.below(Math.max(1, good.length));
      return good.slice(0, at) + random.pick(["", "A", "%", ";", " ", '"', "\u00e9", "="]) + good.slice(at + 1);
    };
    const line = random.pick([
      changed,
      changed,
      () => good.toUpperCase(),
      () => `${good}; ${prefix}note=${percent(nasty(random).toString("latin1")).slice(0, 5_000)}`,
      () => `${good}; ${prefix}note=${random.bytes(1_052).toString("base64url")}`,
      () => `${good}; ${prefix}language=${percent(nasty(random).toString("latin1")).slice(0, 3_000)}`,
      () => `${prefix}session=${random.bytes(32).toString("base64url")}; ${good}`,
      () => `${good}; ${good}`,
      () => `${prefix}session=${random.bytes(random.below(80)).toString("base64url")}; ${prefix}csrf=%ff`,
      () => `${prefix}csrf=${"A".repeat(4_000)}; ${good}`,
      () => `a=b; ${"c=d; ".repeat(random.below(2_000))}${good}`,
      () => `__proto__=x; constructor=y; ${good}`,
      () => ";;;=;=x;",
      () => `$Version=1; ${good}; $Path=/`,
      () => `"${good}"`,
    ])();
    return { lines: [`Cookie: ${line.replaceAll(/[^\x20-\x7e\x80-\xff]/g, "?")}`], good: false };
  }

  /** A form's body: every field as it may be, or wrong, or not there, or twice. */
  private fields(random: Random, url: string, role: Role): string {
    const actor = role === "nobody" ? undefined : this.target.actors[role];
    const csrf = actor?.csrf ?? "";
    const pairs: string[] = [];
    if (random.chance(0.95))
      pairs.push(`_csrf=${percent(random.chance(0.97) ? csrf : nasty(random).toString("latin1"))}`);
    const wrong = random.pick([0.15, 0.5, 1, 1]);
    let right = false;
    for (const name of FORMS[url] ?? []) {
      if (random.chance(0.08)) continue;
      if (name === "current_password" && random.chance(0.6)) {
        if (actor) pairs.push(`${name}=${percent(actor.password)}`);
        right = true;
        continue;
      }
      if (url === "/security/password" && name === "password" && right) {
        // It may count from now on, whatever becomes of the answer.
        const password = `${random.below(1_000_000)} plum orchard window`;
        actor?.choose(password);
        pairs.push(`${name}=${percent(password)}`);
        continue;
      }
      pairs.push(`${name}=${this.value(random, name, wrong)}`);
      if (random.chance(0.03)) pairs.push(`${name}=${this.value(random, name, wrong)}`);
    }
    while (random.chance(0.1)) pairs.push(this.oddPair(random));
    if (random.chance(0.01)) pairs.push("a=b&".repeat(random.below(18_000)));
    if (random.chance(0.01)) pairs.push(`x=${"a".repeat(random.below(70_000))}`);
    return pairs.join(random.chance(0.98) ? "&" : random.pick([";", "&&", "\r\n", ""]));
  }

  private oddPair(random: Random): string {
    const name = random.pick([
      "__proto__",
      "constructor",
      "__proto__[a]",
      "username[]",
      "username[a]",
      "a.b",
      "",
      "%00",
      "%ff",
      "[",
      "length",
      "then",
      "toString",
      "hasOwnProperty",
      "_csrf",
    ]);
    return random.chance(0.2) ? name : `${name}=${encode(nasty(random), random)}`;
  }

  /** @param wrong how often it is something that the field does not mean */
  private value(random: Random, name: string, wrong: number): string {
    if (random.chance(wrong)) return encode(nasty(random), random);
    const { real, victims } = this.target;
    const people = [...victims, "bea", "tot", "zoe@localhost", "nobody-there", "Zoe ", "ZOE@LOCALHOST"];
    const good: Record<string, readonly string[]> = {
      username: people,
      person: people,
      around: ["zoe", "nour", "cem"],
      inviter: ["cem", "dan", "zoe", "nour"],
      q: ["zo", "z", "example", "%"],
      password: ["5 plum orchard window", "short", "password password"],
      case: [real.case],
      session: [real.session],
      act: [real.act],
      invite: [real.invite],
      code: ["123456", "000 000"],
      check: ["1"],
      threshold: ["1", "2", "3"],
      wait_days: ["0", "3", "30", "31"],
      language: ["de", "en"],
      address: ["ada@elsewhere.example", ""],
      note: ["for a friend", ""],
      month: ["2026-11", "2025-01"],
      domain: [PINNED, "localhost", "other.example"],
      state: ["suspended", "frozen", "admin"],
      what: ["inviting", "sign-in"],
      role: ["admin", "member"],
      count: ["1", "5"],
      reason: ["Spam."],
      onion: [ONION],
      port: ["25", "2525"],
      list: [`${PINNED} ${ONION}`, `a.example: ${ONION}:25\nb.example ${ONION}`, "[]", `{PINNED:"${ONION}"}`],
      page: ["1", "2", "100000"],
      rings: ["1", "3", "8"],
      next: ["/trust", "/help?a=b"],
      suggest: ["1"],
      ask: ["1"],
    };
    return percent(random.pick(good[name] ?? ["on"]));
  }

  private nowhere(random: Random): Attempt {
    const role = random.pick(["nobody", "member", "admin"] as const);
    const target = random.pick([
      () => `/${this.inPath(random)}`,
      () => `/${this.inPath(random)}?${this.oddPair(random)}`,
      () => `//${this.inPath(random)}`,
      () => `${random.pick(this.urls).url}/`,
      () => `${random.pick(this.urls).url.toUpperCase()}`,
      () => `${random.pick(this.urls).url}%2f..%2f`,
      () => `http://${OTHER_HOST}${random.pick(this.urls).url}`,
      () => `http://localhost/${this.inPath(random)}`,
      () => "*",
      () => "/../../package.json",
      () => "/%2e%2e/%2e%2e/package.json",
      () => "/..%5c..%5cpackage.json",
      () => "/kith.css/../../.env",
      () => "/.git/config",
      () => `/${"a/".repeat(random.below(4_000))}`,
      () => `/?${"x".repeat(random.below(20_000))}`,
      () => `/;${this.inPath(random)}`,
      () => "/invite/",
      () => "/handover/%00",
      () => "/admin/onion/entry/%00",
      () => `/?language=de&next=${this.inPath(random)}`,
      () => `//${OTHER_HOST}/%2e%2e?language=de`,
    ])();
    const method = random.chance(0.8) ? "GET" : random.pick(METHODS);
    const cookies = this.cookies(random, role);
    const headers = ["Host: localhost", ...cookies.lines];
    while (random.chance(0.2)) headers.push(random.pick(ODD_HEADERS)(random));
    return {
      route: undefined,
      methods: [method],
      role,
      signedIn: false,
      bytes: framed(random, `${method} ${cleaned(target)} HTTP/1.1`, headers, undefined),
    };
  }

  /** Several requests in one piece. */
  private pipelined(random: Random): Attempt {
    const attempts = Array.from({ length: 2 + random.below(3) }, () => {
      // After a request to upgrade, Node's parser reads no further.
      for (;;) {
        const attempt = this.request(random);
        if (!attempt.bytes.includes("\r\nUpgrade: ")) return attempt;
      }
    });
    return {
      route: undefined,
      methods: attempts.flatMap(({ methods }) => methods),
      role: "nobody",
      signedIn: false,
      bytes: Buffer.concat(attempts.map(({ bytes }) => bytes)),
    };
  }

  /** Not HTTP, or not whole. */
  private broken(random: Random): Attempt {
    const { bytes, methods } = this.request(random);
    const text = bytes.toString("latin1");
    const [head = "", body = ""] = text.split("\r\n\r\n");
    const [first = "", ...lines] = head.split("\r\n");
    const host = "Host: localhost\r\n";
    const form = `POST /sign-in HTTP/1.1\r\n${host}Content-Type: ${FORM}\r\n`;
    const made = random.pick([
      () => text.slice(0, random.below(text.length)),
      () => text.slice(0, random.below(text.length)),
      () => `${text}${random.bytes(random.below(50)).toString("latin1")}`,
      () =>
        text.replace(
          "HTTP/1.1",
          random.pick(["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/9.9", "HTTP", "http/1.1", ""]),
        ),
      () => text.replaceAll("\r\n", "\n"),
      () => text.replaceAll("\r\n", "\r"),
      () => text.replace("Host: localhost\r\n", ""),
      () => text.replace("Host: localhost\r\n", `Host: localhost\r\nHost: ${OTHER_HOST}\r\n`),
      () => `${[first, ` folded`, ...lines].join("\r\n")}\r\n\r\n${body}`,
      () => [first, ...lines, "No colon", "", body].join("\r\n"),
      () => [first, ...lines, "Bad name : x", "", body].join("\r\n"),
      () => [first, ...lines, "X-Nul: \0", "", body].join("\r\n"),
      () =>
        `${form}Content-Length: ${random.pick(["-1", "x", "1e3", "99999999999999999999", "5, 5", "+5", "0x5", ""])}\r\n\r\na=b`,
      () => `${form}Content-Length: 3\r\nContent-Length: 4\r\n\r\na=bc`,
      () => `${form}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
      () =>
        `${form}Transfer-Encoding: ${random.pick(["chunked, identity", "x", "chunked, chunked", "\tchunked", "gzip, chunked", ""])}\r\n\r\n3\r\na=b\r\n0\r\n\r\n`,
      () =>
        `${form}Transfer-Encoding: chunked\r\n\r\n${random.pick(["g\r\n", "-1\r\n", "3\r\na=b", "3;x=\0\r\na=b\r\n", "ffffffffffffffffff\r\n", "3\na=b\n0\n\n", "00000003\r\na=b\r\n0\r\nX-Split: 1\r\n\r\n", "3\r\na=bXX0\r\n\r\n"])}`,
      () => `${form}Transfer-Encoding: chunked\r\n\r\n${`1;${"x".repeat(2_000)}\r\na\r\n`.repeat(30)}0\r\n\r\n`,
      () => `${form}Content-Length: 100\r\nExpect: 100-continue\r\n\r\na=b`,
      () => `${form}Content-Length: 70000\r\n\r\n${"a".repeat(random.below(70_000))}`,
      () => `CONNECT ${random.pick([`${OTHER_HOST}:443`, "localhost:80", "/"])} HTTP/1.1\r\n${host}\r\n`,
      () => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
      () => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${random.bytes(200).toString("latin1")}`,
      () => random.bytes(1 + random.below(500)).toString("latin1"),
      () => `GET ${random.bytes(20).toString("latin1")} HTTP/1.1\r\n${host}\r\n`,
      () => `GET /trust\0 HTTP/1.1\r\n${host}\r\n`,
      () => `GET /\u00e9?next=\u00ff HTTP/1.1\r\n${host}\r\n`,
      () => `GET  / HTTP/1.1\r\n${host}\r\n`,
      () => `GET / HTTP/1.1 \r\n${host}\r\n`,
      () => `GET /${"x".repeat(20_000)} HTTP/1.1\r\n${host}\r\n`,
      () => `GET / HTTP/1.1\r\n${host}${"a: b\r\n".repeat(3_000)}\r\n`,
      () => "\r\n".repeat(500),
      () => "",
    ])();
    const whole = Buffer.from(made, "latin1");
    const cuts = random.chance(0.4) ? [0, random.below(whole.length + 1), whole.length] : [0, whole.length];
    const pieces = cuts.slice(1).map((end, index) => whole.subarray(cuts[index], end));
    return {
      route: undefined,
      methods,
      role: "nobody",
      signedIn: false,
      bytes: whole,
      broken: { pieces, ending: random.chance(0.15) ? "reset" : "half" },
    };
  }
}

/** A request line has no blanks and control characters: a server reads no further. */
function cleaned(path: string): string {
  return path.replaceAll(/[^\x21-\x7e\x80-\xff]/g, "+");
}

function framed(random: Random, first: string, headers: readonly string[], body: Buffer | undefined): Buffer {
  if (body === undefined) return Buffer.from(`${[first, ...headers].join("\r\n")}\r\n\r\n`, "latin1");
  if (random.chance(0.9)) {
    return Buffer.concat([
      Buffer.from(`${[first, ...headers, `Content-Length: ${body.length}`].join("\r\n")}\r\n\r\n`, "latin1"),
      body,
    ]);
  }
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, 1 + random.below(5_000));
    chunks.push(Buffer.from(`${size.toString(16)}\r\n`), body.subarray(at, at + size), Buffer.from("\r\n"));
    at += size;
  }
  const head = Buffer.from(`${[first, ...headers, "Transfer-Encoding: chunked"].join("\r\n")}\r\n\r\n`, "latin1");
  return Buffer.concat([head, ...chunks, Buffer.from("0\r\n\r\n")]);
}
