import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { partsOf } from "./generated-text.js";
import { temporaryDirectory } from "./temporary.js";

/** As a package Postfix conflicts with Exim; scripts/install-debian.sh unpacks it here. */
const UNPACKED = "/opt/kith-test-postfix";
process.env.PATH = `${process.env.PATH}:${UNPACKED}/usr/sbin`;

/** Where a Postfix of the test's own will be: to be told to `kith onion config postfix`. */
export interface PostfixPlace {
  configDirectory: string;
  daemonDirectory: string;
}

export interface Postfix {
  send(to: string, text?: string): Promise<void>;
  /** Tries everything again that waits. */
  runQueue(): Promise<void>;
  reload(): void;
  log(): string;
  stop(): Promise<void>;
}

const running = new Map<ChildProcess, string>();

export function preparePostfix(postfix: string): PostfixPlace {
  const root = temporaryDirectory();
  chmodSync(root, 0o755);
  const daemonDirectory = join(root, "daemons");
  mkdirSync(daemonDirectory);
  const daemons = join(postfix, "../../lib/postfix/sbin");
  for (const name of readdirSync(daemons)) symlinkSync(join(daemons, name), join(daemonDirectory, name));
  const configDirectory = join(root, "etc");
  mkdirSync(configDirectory);
  return { configDirectory, daemonDirectory };
}

/** A Postfix whose configuration is the generated parts, put where their headings say, and little else. */
export async function startPostfix(
  postfix: string,
  place: PostfixPlace,
  options: { domain: string; generated: string; clearPort: number },
): Promise<Postfix> {
  const { configDirectory, daemonDirectory } = place;
  const parts = partsOf(options.generated);
  const root = join(configDirectory, "..");
  const [uid, gid] = [id("-u", "postfix"), id("-g", "postfix")];
  const dropGroup = Number(execFileSync("getent", ["group", "postdrop"], { encoding: "utf8" }).split(":")[2]);
  const queue = join(root, "queue");
  mkdirSync(queue);
  mkdirSync(join(root, "data"));
  chownSync(join(root, "data"), uid, gid);
  for (const name of [
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
  ]) {
    mkdirSync(join(queue, name), { mode: 0o700 });
    chownSync(join(queue, name), uid, gid);
  }
  mkdirSync(join(queue, "pid"));
  for (const [name, mode] of [
    ["maildrop", 0o730],
    ["public", 0o710],
  ] as const) {
    mkdirSync(join(queue, name));
    chownSync(join(queue, name), uid, dropGroup);
    chmodSync(join(queue, name), mode);
  }
  const logFile = join(root, "log");
  writeFileSync(
    join(configDirectory, "main.cf"),
    `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${join(root, "data")}
command_directory = ${join(postfix, "..")}
daemon_directory = ${daemonDirectory}
meta_directory = ${configDirectory}
shlib_directory = no
maillog_file_prefixes = ${root}
maillog_file = ${logFile}
myhostname = mail.${options.domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
# The clear net: where mail goes if nothing says otherwise.
relayhost = [127.0.0.1]:${options.clearPort}
smtp_host_lookup = native
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1h
alias_maps =
alias_database =
${parts.main}
`,
  );
  writeFileSync(
    join(configDirectory, "master.cf"),
    `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
scache unix - - n - 1 scache
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
${parts.master}
`,
  );
  writeFileSync(join(daemonDirectory, "smtp_tor"), parts.smtp_tor!.trimStart(), { mode: 0o755 });
  writeFileSync(join(configDirectory, "kith-torsocks.conf"), parts.torsocks!);
  for (const name of ["postfix-files", "dynamicmaps.cf"]) writeFileSync(join(configDirectory, name), "");

  const child = spawn(join(daemonDirectory, "master"), ["-c", configDirectory, "-d"], { stdio: "ignore" });
  running.set(child, daemonDirectory);
  for (let attempt = 0; !existsSync(join(queue, "public/pickup")); attempt++) {
    if (attempt === 200 || child.exitCode !== null) throw new Error(`Postfix did not start: ${read(logFile)}`);
    await sleep(25);
  }
  const program = (name: string, args: string[], input = "") =>
    new Promise<void>((resolve, reject) => {
      const one = execFile(join(postfix, "..", name), ["-C", configDirectory, ...args], (error, _out, said) =>
        error ? reject(new Error(said)) : resolve(),
      );
      one.stdin!.end(input);
    });
  return {
    send: (to, text = "over the onion") =>
      program("sendmail", ["-f", `ann@${options.domain}`, to], `Subject: ${text}\n\n${text}\n`),
    runQueue: () => program("sendmail", ["-q"]),
    reload: () => {
      child.kill("SIGHUP");
    },
    log: () => read(logFile),
    stop: () => end(child),
  };
}

function id(flag: string, name: string): number {
  return Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

async function end(child: ChildProcess): Promise<void> {
  const daemons = running.get(child);
  running.delete(child);
  if (child.exitCode === null && child.signalCode === null) {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await exited;
  }
  // An smtp under torsocks does not notice that its master is gone, and spins.
  if (daemons) execFile("pkill", ["-9", "-f", `${daemons}/`], () => undefined);
}

after(async () => {
  await Promise.all([...running.keys()].map(end));
});
process.once("exit", () => {
  for (const child of running.keys()) child.kill("SIGTERM");
});
