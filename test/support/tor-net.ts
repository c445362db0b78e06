import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryDirectory } from "./temporary.js";

const AUTHORITIES = 3;
const RELAYS = 3;
/** Seconds between two consensuses; the first comes after five. */
const VOTING_SECONDS = 10;

export interface TorNet {
  /** Starts one more Tor in this network: a client, or a host of onion services. Ends with the test file. */
  start(name: string, torrc: string): Promise<TorProcess>;
}

export interface TorProcess {
  /** Writes a new torrc and has Tor read it again. */
  reload(torrc: string): void;
  stop(): Promise<void>;
  /** As it was started, with the torrc as it is now. */
  startAgain(): Promise<void>;
  /** Where relative paths of its torrc lead; 0700. */
  directory: string;
}

const running = new Set<ChildProcess>();

/**
 * A Tor network of its own on loopback: three authorities, three relays. Usable after about fifteen seconds; nothing
 * of it ever leaves this machine.
 *
 * @param programs paths from `need("tor", "tor-gencert")`
 * @param basePort the first of 200 ports
 */
export async function startTorNet(programs: { tor: string; torGencert: string }, basePort: number): Promise<TorNet> {
  const root = temporaryDirectory();
  const empty = join(root, "empty.torrc");
  writeFileSync(empty, "");
  // Authorities test their own DNS; there is none here that they could reach.
  writeFileSync(join(root, "resolv.conf"), "nameserver 127.0.0.1\n");
  const authorities = Array.from({ length: AUTHORITIES }, (_, index) => authority(index + 1));
  const authorityLines = authorities.map(({ line }) => line).join("\n");

  function directory(name: string): string {
    const path = join(root, name);
    mkdirSync(join(path, "keys"), { recursive: true, mode: 0o700 });
    return path;
  }

  function authority(number: number) {
    const name = `authority${number}`;
    const path = directory(name);
    const [orPort, dirPort] = [basePort + number, basePort + 100 + number];
    const keys = (file: string) => join(path, "keys", `authority_${file}`);
    execFileSync(
      programs.torGencert,
      [
        "--create-identity-key",
        "--passphrase-fd",
        "0",
        ...["-i", keys("identity_key"), "-s", keys("signing_key"), "-c", keys("certificate")],
        ...["-m", "12", "-a", `127.0.0.1:${dirPort}`],
      ],
      { input: "pass\n", stdio: ["pipe", "ignore", "ignore"] },
    );
    const v3 = /^fingerprint (\w+)$/m.exec(readFileSync(keys("certificate"), "utf8"))![1];
    const listed = execFileSync(
      programs.tor,
      [
        ...["-f", empty, "--defaults-torrc", empty, "--quiet", "--list-fingerprint", "--orport", "1"],
        ...["--dirserver", `x 127.0.0.1:1 ${"f".repeat(40)}`, "--datadirectory", path, "--nickname", name],
      ],
      { encoding: "utf8" },
    );
    const fingerprint = listed.trim().replace(/^\S+ /, "");
    const line = `DirAuthority ${name} orport=${orPort} no-v2 v3ident=${v3} 127.0.0.1:${dirPort} ${fingerprint}`;
    return { name, orPort, dirPort, line };
  }

  function common(name: string): string {
    return `TestingTorNetwork 1
DataDirectory ${join(root, name)}
Log notice file ${join(root, name, "log")}
Nickname ${name}
AddressDisableIPv6 1
AssumeReachable 1
PathsNeededToBuildCircuits 0.25
ShutdownWaitLength 0
ServerDNSResolvConfFile ${join(root, "resolv.conf")}
ServerDNSAllowBrokenConfig 1
ServerDNSDetectHijacking 0
DisableOOSCheck 1
SocksTimeout 40
${authorityLines}
`;
  }

  async function run(name: string, torrc: string): Promise<TorProcess> {
    const path = directory(name);
    const file = join(root, `${name}.torrc`);
    writeFileSync(file, common(name) + torrc);
    let child: ChildProcess;
    const launch = async () => {
      child = spawn(programs.tor, ["-f", file, "--defaults-torrc", empty], { stdio: "ignore", cwd: path });
      running.add(child);
      await sleep(50);
      if (child.exitCode !== null) throw new Error(`tor ended at once: is another one using these ports? ${name}`);
    };
    await launch();
    return {
      directory: path,
      reload(next) {
        writeFileSync(file, common(name) + next);
        child.kill("SIGHUP");
      },
      stop: () => end(child),
      startAgain: launch,
    };
  }

  for (const { name, orPort, dirPort } of authorities) {
    await run(
      name,
      `Address 127.0.0.1
ORPort 127.0.0.1:${orPort}
DirPort 127.0.0.1:${dirPort}
SocksPort 0
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
ContactInfo nobody@test.invalid
ExitRelay 0
V3AuthVotingInterval ${VOTING_SECONDS}
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingV3AuthInitialVotingInterval 5
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
TestingV3AuthVotingStartOffset 0
TestingDirAuthVoteExit *
TestingDirAuthVoteHSDir *
TestingDirAuthVoteGuard *
TestingMinExitFlagThreshold 0
V3AuthNIntervalsValid 2
`,
    );
  }
  for (let number = 1; number <= RELAYS; number++) {
    await run(
      `relay${number}`,
      `Address 127.0.0.1\nORPort 127.0.0.1:${basePort + 20 + number}\nSocksPort 0\nExitRelay 0\n`,
    );
  }
  await complete(basePort + 101);
  return { start: run };
}

/**
 * Waits for a consensus in which all relays may hold onion services' announcements. A service that starts earlier
 * announces itself where later clients don't look, and tries again only after a minute.
 */
async function complete(dirPort: number): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const consensus = await fetch(`http://127.0.0.1:${dirPort}/tor/status-vote/current/consensus`)
      .then((response) => (response.ok ? response.text() : ""))
      .catch(() => "");
    if ((consensus.match(/^s .*HSDir/gm) ?? []).length === AUTHORITIES + RELAYS) return;
    if (Date.now() > deadline) throw new Error("the private Tor network has no complete consensus");
    await sleep(100);
  }
}

async function end(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  // Not SIGTERM: relays and services would say goodbye to each other for seconds.
  child.kill("SIGKILL");
  await exited;
}

after(async () => {
  await Promise.all([...running].map(end));
});
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
