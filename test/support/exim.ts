import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { partsOf } from "./generated-text.js";
import { temporaryDirectory } from "./temporary.js";

export interface EximOptions {
  /** Its own domain, for which it receives. */
  domain: string;
  /** Further ones. */
  more?: string[];
  /** What `kith onion config exim` printed; undefined: an Exim that knows nothing of it. */
  generated?: string;
  /** Where the router behind the generated one sends everything else: the clear net. */
  clearPort?: number;
  /** Where it listens, if it does. */
  listen?: { host: string; port: number };
  /** A command to run it in, such as a mount namespace. */
  within?: string[];
}

export interface Exim {
  /** Hands over a mail and waits until its first delivery attempt is over. */
  send(to: string, text?: string): Promise<void>;
  /** Tries everything again that waits. */
  runQueue(): Promise<void>;
  /** How many mails wait. */
  waiting(): number;
  log(): string;
  /** All mail that arrived for the own domain. */
  inbox(): string;
  /** What `exim -bt` says about an address. */
  route(address: string): Promise<string>;
  file: string;
}

const running = new Set<ChildProcess>();

/** An Exim of the test's own: its configuration is the generated parts, put where their headings say, and little else. */
export async function startExim(program: string, options: EximOptions): Promise<Exim> {
  const root = temporaryDirectory();
  const user = "Debian-exim";
  const [uid, gid] = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, user], { encoding: "utf8" })));
  chownSync(root, uid!, gid!);
  const spool = join(root, "spool");
  mkdirSync(spool);
  chownSync(spool, uid!, gid!);
  const inbox = join(root, "inbox");
  const parts = options.generated === undefined ? undefined : partsOf(options.generated);
  const file = join(root, "exim.conf");
  writeFileSync(
    file,
    `${parts?.main ?? ""}
spool_directory = ${spool}
log_file_path = ${spool}/%slog
pid_file_path = ${spool}/pid
primary_hostname = mail.${options.domain}
domainlist local_domains = ${[options.domain, ...(options.more ?? [])].join(" : ")}
domainlist relay_to_domains =
# As Debian has it.
hostlist relay_from_hosts = 127.0.0.1
acl_smtp_rcpt = acl_check_rcpt
${options.listen === undefined ? "" : `local_interfaces = ${options.listen.host}.${options.listen.port}`}
keep_environment =
# With -C Exim gives up root for good.
deliver_drop_privilege
tls_advertise_hosts =
log_selector = +smtp_connection +outgoing_port

begin acl
acl_check_rcpt:
${parts?.acl ?? ""}
  accept hosts = : +relay_from_hosts
  require domains = +local_domains
  require verify = recipient
  accept

begin routers
${parts?.router ?? ""}
local:
  driver = accept
  domains = +local_domains
  local_parts = ann : ben : postmaster
  transport = local_file
${
  options.clearPort === undefined
    ? ""
    : `clear_net:
  driver = manualroute
  domains = ! +local_domains
  route_data = 127.0.0.1::${options.clearPort}
  self = send
  transport = clear_smtp`
}

begin transports
${parts?.transport ?? ""}
local_file:
  driver = appendfile
  file = ${inbox}
  user = ${user}
clear_smtp:
  driver = smtp
  hosts_try_dane = :

begin retry
* * F,2h,1s
`,
  );
  const [command, ...prefix] = [...(options.within ?? []), program];
  const run = (args: string[], input = "") =>
    new Promise<string>((resolve) => {
      const child = execFile(command!, [...prefix, "-C", file, ...args], (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
      child.stdin!.end(input);
    });
  if (options.listen !== undefined) {
    const child = spawn(command!, [...prefix, "-C", file, "-bdf"], { stdio: "ignore" });
    running.add(child);
    await listening(options.listen);
  }
  return {
    file,
    async send(to, text = "over the onion") {
      await run(["-odf", "-f", `ann@${options.domain}`, to], `Subject: ${text}\n\n${text}\n`);
    },
    async runQueue() {
      await run(["-qff"]);
    },
    waiting: () => Number(execFileSync(command!, [...prefix, "-C", file, "-bpc"], { encoding: "utf8" })),
    log: () => read(join(spool, "mainlog")) + read(join(spool, "paniclog")),
    inbox: () => read(inbox),
    route: (address) => run(["-bt", address]),
  };
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Waits until somebody listens there. */
export async function listening(where: { host: string; port: number }): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(where);
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
      socket.unref();
      setTimeout(() => socket.destroy(), 500).unref();
    });
    if (open) return;
    await sleep(25);
  }
  throw new Error(`nothing listens on ${where.host}:${where.port}`);
}

after(() => {
  for (const child of running) child.kill("SIGKILL");
});
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
