import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseConfig } from "#kith/config.js";

function mistakesOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.mistakes;
  }
  return [];
}

test("an empty environment gives the documented defaults", () => {
  const config = parseConfig({});
  assert.match(config.dataDir, process.getuid?.() === 0 ? /^\/var\/lib\/kith$/ : /\/data$/);
  assert.equal(config.secretFile, `${config.dataDir}/secret`);
  assert.equal(config.databaseUrl, undefined);
  assert.deepEqual(config.listen, { host: "127.0.0.1", port: 3000 });
  assert.deepEqual(config.metricsListen, { host: "127.0.0.1", port: 3001 });
  assert.equal(config.origin.origin, "http://localhost:3000");
  assert.deepEqual(config.domains, ["localhost"]);
  assert.equal(config.trustSlots, 8);
  assert.equal(config.holdOnKeyChange, true);
  assert.equal(config.passwordMin, 15);
  assert.deepEqual(config.argon2, { memoryKiB: 65_536, timeCost: 3, parallelism: 4 });
  assert.deepEqual(config.limits["sign-in"], { points: 30, seconds: 900 });
  assert.deepEqual(config.warnings, []);
});

test("all mistakes are listed at once, each under its variable's name", () => {
  const mistakes = mistakesOf({
    KITH_ORIGIN: "http://kith.example.org",
    KITH_TRUST_SLOTS: "many",
    KITH_PASSWORD_MIN: "7",
    KITH_LISTEN: "somewhere",
    KITH_DOMAINS: "exa mple.org",
    KITH_LANGUAGE: "fr",
    KITH_LIMITS: "sign-in=3",
    KITH_ARGON2: "m=4",
    KITH_TRUSTED_PROXIES: "127.0.0.1, the proxy",
  });
  assert.deepEqual(mistakes.map((mistake) => mistake.split(" ")[0]).sort(), [
    "KITH_ARGON2",
    "KITH_DOMAINS",
    "KITH_LANGUAGE",
    "KITH_LIMITS",
    "KITH_LISTEN",
    "KITH_ORIGIN",
    "KITH_PASSWORD_MIN",
    "KITH_TRUSTED_PROXIES",
    "KITH_TRUST_SLOTS",
  ]);
});

test("a mistyped variable is refused with the name that was probably meant", () => {
  const [mistake] = mistakesOf({ KITH_ORIGN: "https://kith.example.org" });
  assert.match(mistake!, /KITH_ORIGN .*did you mean KITH_ORIGIN\?/);
});

test("a password that DATABASE_URL can't hold as it is written is a mistake, said with how to write it", () => {
  for (const bad of [
    "hun#ter2",
    "hun/ter2",
    "hun?ter2",
    "1#ter2",
    "1/ter2",
    "1?ter2",
    "hun@x#ter2",
    "hun@x/ter2",
    "%e9",
  ]) {
    const said = mistakesOf({ DATABASE_URL: `postgresql://kith:${bad}@db.example.org/kith`, KITH_ORIGIN: "x" });
    assert.equal(said.length, 2, bad);
    assert.match(said.join(), /DATABASE_URL must be .*# as %23, \/ as %2F/);
    assert.doesNotMatch(said.join(), /ter2/);
  }
  for (const good of [
    "postgresql://kith:hun%23ter2%2F@db.example.org/kith",
    "postgresql://kith:100%@db.example.org:5432/kith?sslmode=verify-full",
    "postgresql://kith@localhost/kith?host=/var/run/postgresql",
    "postgresql://kith@/kith?host=/var/run/postgresql",
    "postgresql:///kith?host=/run&user=a@b",
    "postgres://kith@%2Fvar%2Frun/kith",
    "postgresql://kith:a@b@[::1]:5432/kith",
  ]) {
    assert.equal(parseConfig({ DATABASE_URL: good }).databaseUrl, good);
  }
});

test("a mistake never quotes a value that may hold a password", () => {
  const said = mistakesOf({
    DATABASE_URL: "mysql://kith:hunter2@db/kith",
    KITH_SMTP_URL: "http://kith:hunter2@mail",
  }).join();
  assert.match(said, /DATABASE_URL/);
  assert.match(said, /KITH_SMTP_URL/);
  assert.doesNotMatch(said, /hunter2/);
});

test("a mail server's address sets nothing of TLS itself: the certificate is checked", () => {
  const mail = (query: string) => ({
    KITH_SMTP_URL: `smtp://kith:hunter2@mail:587${query}`,
    KITH_MAIL_FROM: "kith@example.org",
  });
  for (const good of ["", "?requireTLS=false", "?name=kith.example.org"]) {
    assert.deepEqual(mistakesOf(mail(good)), [], good);
  }
  for (const bad of ["?tls.rejectUnauthorized=false", "?requireTLS=true&tls.ca=x", "?%74ls.servername=x", "?tls=x"]) {
    const mistakes = mistakesOf(mail(bad));
    assert.deepEqual(
      mistakes,
      ["KITH_SMTP_URL must set nothing of TLS itself (tls.…): the certificate is always checked"],
      bad,
    );
  }
});

test("an origin is https, or local, or an onion service", () => {
  const onion = `http://${"a".repeat(56)}.onion`;
  for (const good of [
    "https://kith.example.org",
    "http://localhost:8080",
    "http://127.0.0.1:3000",
    "http://[::1]:3000",
    onion,
  ]) {
    assert.deepEqual(mistakesOf({ KITH_ORIGIN: good }), [], good);
  }
  for (const bad of [
    "http://kith.example.org",
    "http://localhost.example.org",
    "https://kith.example.org/app",
    "ftp://localhost",
    "kith",
  ]) {
    assert.equal(mistakesOf({ KITH_ORIGIN: bad }).length, 1, bad);
  }
});

test("a listener is host and port, an IPv6 address in brackets, or a socket's path", () => {
  assert.deepEqual(parseConfig({ KITH_LISTEN: "localhost:0" }).listen, { host: "localhost", port: 0 });
  assert.deepEqual(parseConfig({ KITH_LISTEN: "[::1]:3000" }).listen, { host: "::1", port: 3000 });
  assert.deepEqual(parseConfig({ KITH_LISTEN: "/run/kith/web" }).listen, { path: "/run/kith/web" });
  for (const bad of ["3000", "localhost", "::1:3000", "[localhost]:1", "host:65536", "run/kith"]) {
    assert.equal(mistakesOf({ KITH_LISTEN: bad }).length, 1, bad);
  }
});

test("a resolver is an IP address, with or without a port; a name is a mistake", () => {
  const resolver = (text: string) => parseConfig({ KITH_RESOLVER: text }).resolver;
  assert.deepEqual(resolver("127.0.0.1"), { host: "127.0.0.1", port: 53 });
  assert.deepEqual(resolver("127.0.0.1:5353"), { host: "127.0.0.1", port: 5353 });
  assert.deepEqual(resolver("::1"), { host: "::1", port: 53 });
  assert.deepEqual(resolver("[::1]:5353"), { host: "::1", port: 5353 });
  for (const bad of [
    "localhost",
    "ns.example.org:53",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0",
    "[::1",
    "::1]:53",
  ]) {
    assert.deepEqual(
      mistakesOf({ KITH_RESOLVER: bad }),
      ["KITH_RESOLVER must be an IP address, with or without a port"],
      bad,
    );
  }
});

test("a weaker Argon2 setting is taken with a warning", () => {
  const config = parseConfig({ KITH_ARGON2: "m=64,t=1,p=1" });
  assert.deepEqual(config.argon2, { memoryKiB: 64, timeCost: 1, parallelism: 1 });
  assert.equal(config.warnings.length, 1);
});

test("shorter passwords are allowed with a warning, and fewer than eight characters never", () => {
  const config = parseConfig({ KITH_PASSWORD_MIN: "8" });
  assert.equal(config.passwordMin, 8);
  assert.match(config.warnings.join(), /^KITH_PASSWORD_MIN is below 15/);
  assert.deepEqual(parseConfig({ KITH_PASSWORD_MIN: "15" }).warnings, []);
  assert.equal(mistakesOf({ KITH_PASSWORD_MIN: "7" }).length, 1);
});

test("limits that are not named keep their defaults", () => {
  const { limits } = parseConfig({ KITH_LIMITS: "help=3/60, trust=7/120" });
  assert.deepEqual(limits.help, { points: 3, seconds: 60 });
  assert.deepEqual(limits.trust, { points: 7, seconds: 120 });
  assert.deepEqual(limits.invite, parseConfig({}).limits.invite);
});

test("domains are lower-cased, and the first is the default", () => {
  const long = [..."abc"].map((letter) => letter.repeat(60)).join(".");
  assert.throws(() => parseConfig({ KITH_DOMAINS: long }), /KITH_DOMAINS names a domain of 182 characters/);
  assert.deepEqual(parseConfig({ KITH_DOMAINS: "Example.ORG, xn--bcher-kva.example" }).domains, [
    "example.org",
    "xn--bcher-kva.example",
  ]);
});

test("notices come from the first domain, if nobody says from where", () => {
  const smtp = { KITH_SMTP_URL: "smtp://127.0.0.1:25", KITH_DOMAINS: "example.org,example.net" };
  assert.equal(parseConfig(smtp).mailFrom, "kith@example.org");
  assert.equal(parseConfig({ ...smtp, KITH_MAIL_FROM: "Us <us@example.net>" }).mailFrom, "Us <us@example.net>");
  assert.equal(parseConfig({}).mailFrom, undefined);
});

test("an empty value counts as unset", () => {
  assert.equal(parseConfig({ KITH_SMTP_URL: "", DATABASE_URL: " " }).databaseUrl, undefined);
});

test("a session can't be idle for longer than it lasts", () => {
  const mistakes = (idle: string) => mistakesOf({ KITH_SESSION_MAX_HOURS: "1", KITH_SESSION_IDLE_MINUTES: idle });
  assert.deepEqual(mistakes("61"), ["KITH_SESSION_IDLE_MINUTES is longer than KITH_SESSION_MAX_HOURS"]);
  assert.deepEqual(mistakes("60"), []);
});
