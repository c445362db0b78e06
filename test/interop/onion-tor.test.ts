import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { parseConfig } from "#kith/config.js";
import { connect } from "#kith/db/connect.js";
import { deliver } from "#kith/mail/deliver.js";
import { sendNotice, startMailQueue } from "#kith/mail/queue.js";
import { checkOnion } from "#kith/onion/check-onion.js";
import { type OnionAddress, onionOfKey, parseOnion } from "#kith/onion/onion-address.js";
import { freshDatabase } from "../support/database.js";
import { type Exim, startExim } from "../support/exim.js";
import { runKith } from "../support/kith.js";
import { type RunningServe, startServe } from "../support/kith-onion.js";
import { need } from "../support/need.js";
import { type Postfix, preparePostfix, startPostfix } from "../support/postfix.js";
import { startProgram } from "../support/programs.js";
import { type SmtpSink, startSmtpSink } from "../support/smtp-sink.js";
import { temporaryDirectory } from "../support/temporary.js";
import { startTorNet, type TorProcess } from "../support/tor-net.js";

const { tor, exim4, postfix, torsocks, dnsmasq, skip, ...programs } = need(
  "tor",
  "tor-gencert",
  "exim4",
  "postfix",
  "torsocks",
  "dnsmasq",
);
const PORT = 23_000;
const SOCKS = { host: "127.0.0.1", port: PORT + 50 };
const OUR_RECEIVE = "127.0.0.2:23060";
const PEER_RECEIVE = { host: "127.0.0.2", port: PORT + 61 };
const CARELESS_RECEIVE = { host: "127.0.0.1", port: PORT + 62 };

describe("mail between two providers over a private Tor network", { skip }, () => {
  let env: Record<string, string>;
  let ourTor: TorProcess;
  let peerTor: TorProcess;
  let onions: Record<"peer" | "second" | "careless" | "postfix", OnionAddress>;
  let serve: RunningServe;
  /** All that ran, one after the other. */
  const served: RunningServe[] = [];
  let sink: SmtpSink;
  let peer: Exim;
  let us: Exim;
  let usPostfix: Postfix;
  const work = temporaryDirectory();

  const kith = async (...args: string[]) => {
    const { status, stdout, stderr } = await runKith(["onion", ...args], env);
    assert.equal(status, 0, stderr + stdout);
    return stdout;
  };
  const torrc = () => kith("torrc", "--receive", OUR_RECEIVE, "--hidden-service-dir", "mx");
  const importMap = async (text: string) => {
    writeFileSync(join(work, "map.txt"), text);
    await kith("import", join(work, "map.txt"));
  };
  const reachable = async (onion: OnionAddress, port = 25) => {
    const deadline = Date.now() + 90_000;
    for (;;) {
      const check = await checkOnion(SOCKS, { onion, port }, { connectTimeoutMs: 5000 });
      if (check.outcome === "reachable") return;
      if (Date.now() > deadline) throw new Error(`${onion} can't be reached: ${JSON.stringify(check)}`);
      await sleep(250);
    }
  };

  before(async () => {
    const net = await startTorNet({ tor, torGencert: programs["tor-gencert"] }, PORT);
    peerTor = await net.start(
      "peer",
      `SocksPort 0
HiddenServiceDir first
HiddenServicePort 25 ${PEER_RECEIVE.host}:${PEER_RECEIVE.port}
HiddenServiceDir second
HiddenServicePort 2525 ${PEER_RECEIVE.host}:${PEER_RECEIVE.port}
HiddenServiceDir careless
HiddenServicePort 25 ${CARELESS_RECEIVE.host}:${CARELESS_RECEIVE.port}
HiddenServiceDir postfix
HiddenServicePort 25 127.0.0.2:${PORT + 63}
`,
    );
    const { databaseUrl } = await freshDatabase();
    sink = await startSmtpSink();
    env = {
      DATABASE_URL: databaseUrl,
      KITH_DATA_DIR: join(work, "data"),
      KITH_DOMAINS: "here.example",
      KITH_TOR_SOCKS: `${SOCKS.host}:${SOCKS.port}`,
      KITH_ONION_TCP_TABLE: `127.0.0.1:${PORT + 70}`,
      KITH_ONION_READSOCKET: `127.0.0.1:${PORT + 71}`,
      KITH_RESOLVER: `127.0.0.1:${PORT + 72}`,
    };
    onions = {
      peer: await nameOf("first"),
      second: await nameOf("second"),
      careless: await nameOf("careless"),
      postfix: await nameOf("postfix"),
    };
    startProgram(dnsmasq, [
      ...["--no-daemon", "--conf-file=/dev/null", "--user=root", "--no-resolv", "--no-hosts", "--local=/#/"],
      ...[`--port=${PORT + 72}`, "--listen-address=127.0.0.1", "--bind-interfaces"],
      `--srv-host=_onion-mx._tcp.found.example,${onions.peer},25,0,5`,
    ]);
    await importMap(`there.example ${onions.peer}\n`);
    ourTor = await net.start("ours", await torrc());
    serve = await serveAgain();

    const peerConfig = await runKith(
      ["onion", "config", "exim", "--receive", `${PEER_RECEIVE.host}:${PEER_RECEIVE.port}`],
      { KITH_DOMAINS: "there.example" },
    );
    peer = await startExim(exim4, {
      domain: "there.example",
      more: ["found.example"],
      generated: peerConfig.stdout,
      listen: PEER_RECEIVE,
    });
    await startExim(exim4, { domain: "careless.example", listen: CARELESS_RECEIVE, clearPort: sink.port });
    us = await startExim(exim4, {
      domain: "here.example",
      generated: await kith("config", "exim", "--receive", OUR_RECEIVE),
      clearPort: sink.port,
      listen: { host: "127.0.0.2", port: Number(OUR_RECEIVE.split(":")[1]) },
    });
    const place = preparePostfix(postfix);
    const generated = await kith(
      ...["config", "postfix", "--receive", `127.0.0.2:${PORT + 63}`, "--torsocks", torsocks],
      ...["--daemon-directory", place.daemonDirectory, "--config-directory", place.configDirectory],
    );
    usPostfix = await startPostfix(postfix, place, { domain: "here.example", generated, clearPort: sink.port });
    await Promise.all(
      [onions.peer, onions.careless, onions.postfix, await nameOf("mx", ourTor)]
        .map((onion) => reachable(onion))
        .concat(reachable(onions.second, 2525)),
    );
  });

  async function nameOf(directory: string, of: TorProcess = peerTor): Promise<OnionAddress> {
    for (;;) {
      try {
        const read = parseOnion(readFileSync(join(of.directory, directory, "hostname"), "utf8"));
        if ("onion" in read) return read.onion;
      } catch {
        await sleep(50);
      }
    }
  }

  /** Waits for something that happens in another program. */
  const until = async (what: string, happened: () => boolean, seconds = 20) => {
    const deadline = Date.now() + seconds * 1000;
    while (!happened()) {
      if (Date.now() > deadline) {
        throw new Error(`${what} did not happen:\n${us.log()}\n${usPostfix.log()}\n${peer.log()}\n${serve.output()}`);
      }
      await sleep(50);
    }
  };

  it("Exim with the generated text delivers through Tor to the onion of another Exim", async () => {
    await us.send("ben@there.example", "first by exim");
    assert.match(
      us.log(),
      /=> ben@there\.example R=kith_onion T=kith_onion_smtp H=10\.192\.0\.1 \[10\.192\.0\.1\]:25 /,
    );
    await until("arrival", () => peer.inbox().includes("Subject: first by exim"));
    assert.equal(sink.connections, 0);
  });

  it("Postfix with the generated text delivers through Tor to the same onion", async () => {
    await usPostfix.send("ben@there.example", "first by postfix");
    await until("arrival", () => peer.inbox().includes("Subject: first by postfix"));
    await until("the log line", () => /status=sent/.test(usPostfix.log()));
    assert.match(
      usPostfix.log(),
      new RegExp(`to=<ben@there\\.example>, relay=${onions.peer.replace(".", "\\.")}\\[.*\\]:25,.*status=sent`),
    );
    assert.equal(sink.connections, 0);
  });

  it("mail to a domain without an onion takes the clear net, so the sink would notice", async () => {
    await us.send("ann@elsewhere.example", "in the clear by exim");
    await usPostfix.send("ann@elsewhere.example", "in the clear by postfix");
    await until("arrival", () => /clear by exim/.test(sink.heard) && /clear by postfix/.test(sink.heard));
  });

  it("a domain that announces an onion in the DNS gets its mail there, though nobody entered it", async () => {
    await usPostfix.send("ben@found.example", "found by postfix");
    await until("arrival", () => peer.inbox().includes("Subject: found by postfix"));
    assert.doesNotMatch(sink.heard, /found by postfix/);
    const { domain, source } = JSON.parse(await kith("lookup", "found.example", "--json"));
    assert.deepEqual({ domain, source }, { domain: "found.example", source: "plain" });
  });

  it("the generated Exim is no open relay, and the map's onions are reachable", async () => {
    const { status, stdout } = await runKith(
      ["onion", "check", "--hostname-file", join(ourTor.directory, "mx/hostname")],
      env,
    );
    assert.match(stdout, /^own onion MX \w{56}\.onion: reachable/m);
    assert.match(stdout, /^no open relay: \d+ attempts were refused$/m);
    assert.match(stdout, /^there\.example: reachable, [\d.]+ s, STARTTLS not offered$/m);
    assert.equal(status, 0, stdout);
  });

  it("the generated Postfix is no open relay either", async () => {
    const { status, stdout } = await runKith(["onion", "check", "--onion", onions.postfix, "--json"], env);
    const { own } = JSON.parse(stdout);
    assert.equal(own.relay.verdict, "closed", JSON.stringify(own.relay.probes));
    assert.equal(status, 0);
  });

  it("an Exim that trusts 127.0.0.1 is found to be an open relay for everybody who has Tor", async () => {
    const before = sink.heard;
    const { status, stdout } = await runKith(["onion", "check", "--onion", onions.careless], env);
    assert.match(stdout, /^OPEN RELAY/m);
    assert.match(stdout, /^ {2}from <.*> to <.*@relay-test\.invalid>: 250/m);
    assert.equal(status, 1);
    assert.equal(sink.heard, before, "the check must not send anything");
  });

  it("Kith's own notice arrives by onion", async () => {
    const { context, close } = await openMailContext();
    const queue = await startMailQueue(context, { pollSeconds: 0.5 });
    await sendNotice(context, { to: "ben@there.example", language: "en", kind: "release", vars: { days: 3 } });
    await until("arrival", () => peer.inbox().includes("Subject: Your account is about to be given up"));
    assert.match(peer.inbox(), /That happens in 3 days/);
    await queue.stop();
    await close();
    assert.doesNotMatch(sink.heard, /given up/);
  });

  it("each way of not being reachable has a name of its own", async () => {
    const outcome = async (onion: string, port: number) =>
      (await checkOnion(SOCKS, { onion: onion as OnionAddress, port }, { connectTimeoutMs: 30_000 })).outcome;
    // A real key that nobody uses; the key is what a raw public key ends with.
    const { publicKey } = generateKeyPairSync("ed25519");
    const unknown = onionOfKey(publicKey.export({ type: "spki", format: "der" }).subarray(-32));
    assert.equal(await outcome(unknown, 25), "no-descriptor");
    assert.equal(await outcome(`${"a".repeat(56)}.onion`, 25), "bad-address");
    assert.equal(await outcome(onions.second, 2525), "reachable");
    const nobody = { host: "127.0.0.1", port: 1 };
    assert.equal((await checkOnion(nobody, { onion: onions.peer, port: 25 })).outcome, "tor-down");
  });

  it("without the look-up service mail waits, and does not take the clear net", async () => {
    await serve.stop("SIGKILL");
    const before = sink.connections;
    await us.send("ben@there.example", "no kith by exim");
    await usPostfix.send("ben@there.example", "no kith by postfix");
    await until(
      "a delay",
      () => us.waiting() === 1 && /status=deferred \(address resolver failure\)/.test(usPostfix.log()),
    );
    assert.match(us.log(), /== ben@there\.example .*defer.*Connection refused/);
    assert.equal(sink.connections, before);

    serve = await serveAgain();
    await us.runQueue();
    // Postfix remembers for some seconds that nobody could tell.
    for (let second = 0; second < 60 && !/no kith by postfix/.test(peer.inbox()); second++) {
      await usPostfix.runQueue();
      await sleep(1000);
    }
    await until("arrival", () => /no kith by exim/.test(peer.inbox()) && /no kith by postfix/.test(peer.inbox()), 1);
    assert.equal(sink.connections, before);
  });

  it("half an answer from a look-up service that dies is no answer: the mail waits", async () => {
    await serve.stop();
    const before = sink.connections;
    for (const half of ["", "10.192.0.1::2"]) {
      const dying = createServer((socket) => socket.once("data", () => socket.end(half)));
      await new Promise<void>((resolve) => dying.listen(PORT + 71, "127.0.0.1", resolve));
      assert.match(await us.route("ben@there.example"), /cannot be resolved at this time/);
      await new Promise((resolve) => dying.close(resolve));
    }
    assert.equal(sink.connections, before);
    serve = await serveAgain();
  });

  it("after a change of the map mail goes to the new onion and port", async () => {
    await importMap(`there.example ${onions.second}::2525\n`);
    ourTor.reload(await torrc());
    await sleep(300);
    await us.send("ben@there.example", "changed by exim");
    usPostfix.reload();
    await usPostfix.send("ben@there.example", "changed by postfix");
    await until("arrival", () => /changed by exim/.test(peer.inbox()) && /changed by postfix/.test(peer.inbox()), 60);
    assert.match(
      us.log(),
      /=> ben@there\.example R=kith_onion T=kith_onion_smtp H=10\.192\.0\.\d \[10\.192\.0\.\d\]:2525/,
    );
    const sent = new RegExp(`relay=${onions.second.replace(".", "\\.")}\\[.*\\]:2525,.*status=sent`);
    await until("the log line", () => sent.test(usPostfix.log()));
  });

  it("with the onion service stopped mail waits, and does not take the clear net", async () => {
    await peerTor.stop();
    const before = sink.connections;
    const { context, close } = await openMailContext();
    const letter = { to: "ben@there.example", subject: "stopped by kith", text: "x" };
    const [, , notice] = await Promise.all([
      us.send("ben@there.example", "stopped by exim"),
      usPostfix.send("ben@there.example", "stopped by postfix"),
      deliver(context, letter).then(
        () => "delivered",
        () => "failed",
      ),
    ]);
    await close();
    assert.equal(notice, "failed");
    assert.match(us.log(), /== ben@there\.example R=kith_onion T=kith_onion_smtp defer/);
    await until("a delay", () => /to=<ben@there\.example>.*status=deferred/.test(usPostfix.log()), 90);
    assert.equal(us.waiting(), 1);
    assert.equal(sink.connections, before);
    assert.doesNotMatch(sink.heard, /stopped by/);
  });

  it("nothing that was asked stands in what the look-up service said", () => {
    assert.equal(served.length, 3);
    for (const { output } of served) {
      assert.match(output(), /listens on/);
      assert.doesNotMatch(output(), /ben|ann|there|elsewhere|found/);
    }
  });

  async function serveAgain() {
    const one = await startServe(env);
    served.push(one);
    return one;
  }

  async function openMailContext() {
    const config = parseConfig({
      ...env,
      KITH_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
      KITH_MAIL_FROM: "kith@here.example",
    });
    const connection = await connect(config);
    const context = { ...connection, config, log: pino({ level: "silent" }), secret: randomBytes(32) };
    return { context, close: () => connection.close() };
  }
});
