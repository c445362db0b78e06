import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { deliver, mustEncrypt } from "#kith/mail/deliver.js";
import { sendNotice, startMailQueue } from "#kith/mail/queue.js";
import { openPlace } from "../support/app.js";
import { openMailServer } from "../support/mail-server.js";
import { need } from "../support/need.js";
import { temporaryDirectory } from "../support/temporary.js";

const { openssl, skip } = need("openssl");
const LETTER = { to: "ada@elsewhere.example", subject: "Canary", text: "canary\n" };

/** A mail server that nobody vouches for. */
async function dubiousServer(kind: "smtps" | "starttls" | "plain") {
  const directory = temporaryDirectory();
  const [keyFile, certFile] = [join(directory, "key"), join(directory, "cert")];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  const made = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-keyout", keyFile, "-out", certFile];
  execFileSync(openssl, [...made, ...names], { stdio: "ignore" });
  const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)];
  const heard: string[] = [];
  const talk = (socket: Socket) => {
    socket.on("error", () => socket.destroy());
    socket.write("220 dubious ESMTP\r\n");
    converse(socket);
  };
  const converse = (socket: Socket) => {
    socket.setEncoding("latin1").on("data", (line: string) => {
      heard.push(line);
      if (/^EHLO/i.test(line)) {
        socket.write(kind === "starttls" && !(socket instanceof TLSSocket) ? "250-x\r\n250 STARTTLS\r\n" : "250 x\r\n");
      } else if (/^STARTTLS/i.test(line) && kind === "plain") socket.write("502 no\r\n");
      else if (/^STARTTLS/i.test(line)) {
        socket.write("220 go on\r\n");
        socket.removeAllListeners("data");
        const secured = new TLSSocket(socket, { isServer: true, key, cert });
        secured.on("error", () => secured.destroy());
        converse(secured);
      } else if (/^DATA/i.test(line)) socket.write("354 go on\r\n");
      else socket.write("250 ok\r\n");
    });
  };
  const server = kind === "smtps" ? createTlsServer({ key, cert }, talk) : createServer(talk);
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => void server.close());
  return { port: (server.address() as AddressInfo).port, heard };
}

it("goes by KITH_SMTP_URL whatever the onion map says of its domain, where KITH_MAIL_OVER_ONION does not believe the map", async () => {
  const mail = await openMailServer();
  for (const believed of [false, true]) {
    const env = { KITH_SMTP_URL: mail.url, KITH_MAIL_FROM: "kith@example.org", KITH_TOR_SOCKS: "127.0.0.1:1" };
    const { context } = await openPlace({ env: { ...env, ...(!believed && { KITH_MAIL_OVER_ONION: "false" }) } });
    // As somebody who can write to the database would, with an onion of their own.
    const onion = `${"a".repeat(56)}.onion`;
    await context.pool.query("insert into onion_numbers (onion) values ($1)", [onion]);
    await context.pool.query(
      "insert into onion_domains (domain, source, changed_by, changed_at) values ('elsewhere.example', 'pinned', 'nour', now())",
    );
    await context.pool.query(
      "insert into onion_targets (domain, onion, port, priority, weight) values ('elsewhere.example', $1, 25, 0, 0)",
      [onion],
    );
    if (believed) await assert.rejects(deliver(context, LETTER), "Tor is down, and nothing else is tried");
    else assert.equal(await deliver(context, LETTER), "smtp");
    assert.equal(mail.received.length, 1);
  }
});

describe("a letter to a mail server", { skip }, () => {
  const context = async (url: string) => {
    const place = await openPlace({ env: { KITH_SMTP_URL: url, KITH_MAIL_FROM: "kith@example.org" } });
    return place.context;
  };

  it("is not handed to one whose certificate nobody vouches for", async () => {
    for (const kind of ["smtps", "starttls"] as const) {
      const { port, heard } = await dubiousServer(kind);
      const scheme = kind === "smtps" ? "smtps" : "smtp";
      await assert.rejects(deliver(await context(`${scheme}://127.0.0.1:${port}`), LETTER), /self[- ]signed/i, kind);
      assert.doesNotMatch(heard.join(""), /MAIL FROM|canary|ada@/i, kind);
    }
  });

  it("waits, and Kith's log names what was wrong with the certificate", async (t) => {
    const { port } = await dubiousServer("smtps");
    const env = { KITH_SMTP_URL: `smtps://127.0.0.1:${port}`, KITH_MAIL_FROM: "kith@example.org" };
    const place = await openPlace({ env });
    await sendNotice(place.context, { to: LETTER.to, language: "en", kind: "password-changed" });
    const queue = await startMailQueue(place.context, { pollSeconds: 0.1 });
    t.after(() => queue.stop());
    const line = () => place.log.find((text) => text.includes("could not be delivered yet"));
    for (const end = Date.now() + 30_000; line() === undefined && Date.now() < end; ) await sleep(20);
    assert.equal(JSON.parse(line() ?? "{}").errorCode, "DEPTH_ZERO_SELF_SIGNED_CERT");
  });

  it("is not handed over in the clear where TLS has to be: to another machine, or where the operator says so", async () => {
    const { port, heard } = await dubiousServer("plain");
    // This machine by a name that does not look like it.
    for (const address of [`[::ffff:127.0.0.1]:${port}`, `127.0.0.1:${port}?requireTLS=true`]) {
      await assert.rejects(deliver(await context(`smtp://${address}`), LETTER), { code: "ETLS" }, address);
    }
    assert.match(heard.join(""), /EHLO/);
    assert.doesNotMatch(heard.join(""), /MAIL FROM|canary|ada@/i);
  });

  it("has to be in TLS unless the server is this very machine, or the operator says so", () => {
    for (const [url, expected] of [
      ["smtp://mail.example.org:587", true],
      ["smtp://192.0.2.1", true],
      ["smtp://localhost.example.org", true],
      ["smtp://127.example.org", true],
      ["smtp://localhost:25", false],
      ["smtp://127.0.0.1:25", false],
      ["smtp://[::1]:25", false],
      ["smtp://mail:25?requireTLS=false", false],
      ["smtp://127.0.0.1:25?requireTLS=true", true],
    ] as const) {
      assert.equal(mustEncrypt(url), expected, url);
    }
  });
});
