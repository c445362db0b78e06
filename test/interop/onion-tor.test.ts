import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { checkOnion } from "#kith/onion/check-onion.js";
import { type OnionAddress, parseOnion } from "#kith/onion/onion-address.js";
import { freshDatabase } from "../support/database.js";
import { type Exim, startExim } from "../support/exim.js";
import { runKith } from "../support/kith.js";
import { type RunningServe, startServe } from "../support/kith-onion.js";
import { need } from "../support/need.js";
import { type Postfix, preparePostfix, startPostfix } from "../support/postfix.js";
import { type SmtpSink, startSmtpSink } from "../support/smtp-sink.js";
import { temporaryDirectory } from "../support/temporary.js";
import { startTorNet, type TorProcess } from "../support/tor-net.js";

const { tor, exim4, postfix, torsocks, skip, ...programs } = need("tor", "tor-gencert", "exim4", "postfix", "torsocks");

const PORT = 23_000;
const SOCKS = { host: "127.0.0.1", port: PORT + 50 };
const OUR_RECEIVE = "127.0.0.2:23060";
const PEER_RECEIVE = { host: "127.0.0.2", port: PORT + 61 };
const CARELESS_RECEIVE = { host: "127.0.0.1", port: PORT + 62 };

describe("mail between two providers over a private Tor network", { skip }, () => {
  let env: Record<string, string>;
  let ourTor: TorProcess;
  let peerTor: TorProcess;
  let onions: { peer: OnionAddress; second: OnionAddress; careless: OnionAddress };
  let serve: RunningServe;
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
    };
    onions = { peer: await nameOf("first"), second: await nameOf("second"), careless: await nameOf("careless") };
    await importMap(`there.example ${onions.peer}\n`);
    ourTor = await net.start("ours", await torrc());
    serve = await startServe(env);

    const peerConfig = await runKith(
      ["onion", "config", "exim", "--receive", `${PEER_RECEIVE.host}:${PEER_RECEIVE.port}`],
      { KITH_DOMAINS: "there.example" },
    );
    peer = await startExim(exim4, { domain: "there.example", generated: peerConfig.stdout, listen: PEER_RECEIVE });
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
    await reachable(onions.peer);
  });

  async function nameOf(directory: string): Promise<OnionAddress> {
    for (;;) {
      try {
        const read = parseOnion(readFileSync(join(peerTor.directory, directory, "hostname"), "utf8"));
        if ("onion" in read) return read.onion;
      } catch {
        await sleep(50);
      }
    }
  }

  it("Exim with the generated text delivers through Tor to the onion of another Exim", async () => {
    await us.send("ben@there.example", "first by exim");
    assert.match(us.log() + peer.log(), /=> ben@there\.example R=kith_onion T=kith_onion_smtp H=10\.192\.0\.1 \[10\.192\.0\.1\]/);
    assert.match(peer.inbox(), /Subject: first by exim/);
    assert.equal(sink.connections, 0);
  });
});
