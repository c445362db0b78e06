import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, createWriteStream, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { childrenOf, freePort, unprivilegedUser } from "../support/postgres-server.js";
import { temporaryDirectory } from "../support/temporary.js";

// PostgreSQL under Patroni with etcd, and HAProxy in front of it and of Kith, as an operator would have them; all on
// loopback, and a machine is a Patroni with its PostgreSQL.

/** Patroni's own defaults, in seconds: how long a primary is believed in, and how often one looks. */
export const PATRONI = { ttl: 30, loop_wait: 10, retry_timeout: 10 };

export interface Programs {
  postgres: string;
  patroni: string;
  etcd: string;
  haproxy: string;
}

export interface Node {
  name: string;
  rest: string;
  /** What Patroni answers at one of its paths; 0 if nobody does. */
  status(path: string): Promise<number>;
  /** What it writes from now on reaches no standby. */
  holdBack(): void;
  /** `kill -9` of Patroni and of all of PostgreSQL. */
  crash(): void;
}

const running = new Set<ChildProcess>();

/** Ends everything of this file, the last one first: Patroni stops its PostgreSQL by itself, and asks etcd meanwhile. */
export async function stopAll(): Promise<void> {
  for (const child of [...running].reverse()) {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null && child.kill("SIGTERM")) await exited;
  }
}
after(stopAll);

function launch(command: string, args: string[], log: string, asUser = false): ChildProcess {
  const user = asUser ? unprivilegedUser() : undefined;
  const child = spawn(command, args, { ...user, cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(log, { flags: "a" });
  child.stdout.pipe(file);
  child.stderr.pipe(file);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

export async function startEtcd(etcd: string, directory: string): Promise<string> {
  const [client, peer] = [await freePort(), await freePort()];
  const urls = (port: number) => `http://127.0.0.1:${port}`;
  launch(
    etcd,
    [
      ...["--name", "one", "--data-dir", join(directory, "etcd"), "--initial-cluster", `one=${urls(peer)}`],
      ...["--listen-client-urls", urls(client), "--advertise-client-urls", urls(client)],
      ...["--listen-peer-urls", urls(peer), "--initial-advertise-peer-urls", urls(peer)],
    ],
    join(directory, "etcd.log"),
  );
  await until("etcd answers", async () => (await statusOf(`${urls(client)}/health`)) === 200);
  return `127.0.0.1:${client}`;
}

export interface Cluster {
  nodes: Node[];
  ports: { postgres: number; rest: number }[];
  password: string;
  directory: string;
}

/**
 * @param count machines, of which one is the primary
 * @param synchronous whether one of the others must have what is committed
 */
export async function startPatroni(programs: Programs, count: number, synchronous: boolean): Promise<Cluster> {
  const directory = temporaryDirectory();
  const user = unprivilegedUser();
  const etcd = await startEtcd(programs.etcd, directory);
  const password = randomBytes(12).toString("hex");
  const ports: Cluster["ports"] = [];
  const nodes: Node[] = [];
  for (let number = 1; number <= count; number++) {
    const name = `machine${number}`;
    const home = join(directory, name);
    mkdirSync(home, { mode: 0o700 });
    const [postgres, rest] = [await freePort(), await freePort()];
    ports.push({ postgres, rest });
    const settings = {
      scope: "kith",
      name,
      restapi: { listen: `127.0.0.1:${rest}`, connect_address: `127.0.0.1:${rest}` },
      etcd3: { host: etcd },
      bootstrap: {
        dcs: { ...PATRONI, synchronous_mode: synchronous, postgresql: { use_pg_rewind: true } },
        initdb: [{ encoding: "UTF8" }, { locale: "C" }, { auth: "scram-sha-256" }],
        users: { kith: { password, options: ["createdb"] } },
      },
      postgresql: {
        listen: `127.0.0.1:${postgres}`,
        connect_address: `127.0.0.1:${postgres}`,
        data_dir: join(home, "data"),
        bin_dir: dirname(realpathSync(programs.postgres)),
        pgpass: join(home, "pgpass"),
        authentication: {
          superuser: { username: "postgres", password },
          replication: { username: "replicator", password },
        },
        parameters: { unix_socket_directories: home, max_connections: 100, shared_buffers: "32MB" },
        pg_hba: ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"],
      },
    };
    // JSON is YAML.
    const file = join(home, "patroni.yml");
    writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
    if (user !== undefined) for (const path of [home, file]) chownSync(path, user.uid, user.gid);
    const child = launch(programs.patroni, [file], join(directory, `${name}.log`), true);
    const processes = () => {
      const postmaster = Number(readFileSync(join(home, "data/postmaster.pid"), "utf8").split("\n")[0]);
      return [postmaster, ...childrenOf(postmaster)];
    };
    const node: Node = {
      name,
      rest: `http://127.0.0.1:${rest}`,
      status: (path) => statusOf(`${node.rest}${path}`),
      holdBack() {
        const senders = processes().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("walsender"));
        assert.ok(senders.length > 0);
        for (const pid of senders) process.kill(pid, "SIGSTOP");
      },
      crash() {
        for (const pid of [child.pid!, ...processes()]) process.kill(pid, "SIGKILL");
      },
    };
    nodes.push(node);
    // The first one is the primary.
    if (number === 1) await until("the primary is up", async () => (await node.status("/primary")) === 200);
  }
  const standby = synchronous ? "/synchronous" : "/replica";
  await until("there is a standby", async () => {
    const all = await Promise.all(nodes.map((node) => node.status(standby)));
    return all.includes(200);
  });
  await until("all are up", async () => {
    const all = await Promise.all(nodes.map((node) => node.status("/health")));
    return all.every((status) => status === 200);
  });
  return { nodes, ports, password, directory };
}

/** @returns the ports on which it passes on to the primary, and to whichever Kith answers */
export async function startHaproxy(haproxy: string, cluster: Cluster, kiths: { web: number; watch: number }[]) {
  const [database, web] = [await freePort(), await freePort()];
  const file = join(cluster.directory, "haproxy.cfg");
  writeFileSync(
    file,
    `defaults
  timeout connect 5s
  timeout check 5s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch

listen postgresql
  bind 127.0.0.1:${database}
  mode tcp
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
${cluster.ports.map(({ postgres, rest }, at) => `  server machine${at + 1} 127.0.0.1:${postgres} check port ${rest}`).join("\n")}

listen kith
  bind 127.0.0.1:${web}
  mode http
  balance roundrobin
  option httpchk GET /healthz
  default-server inter 1s fall 2 rise 1
${kiths.map((kith, at) => `  server kith${at + 1} 127.0.0.1:${kith.web} check port ${kith.watch}`).join("\n")}
`,
  );
  chmodSync(file, 0o600);
  launch(haproxy, ["-db", "-f", file], join(cluster.directory, "haproxy.log"));
  await sleep(500);
  return { database, web };
}

async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).status;
  } catch {
    return 0;
  }
}

export async function until(what: string, holds: () => Promise<boolean>, seconds = 180): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(100);
  }
}
