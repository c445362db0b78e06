import { faultsOf, followsHost, isReached } from "./judge.js";
import { Random } from "./random.js";
import { type Attempt, Requests } from "./requests.js";
import type { Target } from "./target.js";
import { type Answer, headerOf, Wire } from "./wire.js";

export interface Fault {
  what: string;
  route: string | undefined;
  /** Together with the seed it makes the same request again. */
  number: number;
  /** How the request began. */
  sent: string;
}

export interface FuzzReport {
  requests: number;
  /** As many as were asked for, if nothing ended it earlier: several requests in one piece count once. */
  attempts: number;
  seconds: number;
  faults: Fault[];
  /** Requests by the status of their answers; 0 for none. */
  statuses: Map<number, number>;
  /** Routes that answered somebody signed in, such as `POST /trust`. */
  reached: Set<string>;
  /** The first page that each route showed. */
  pages: Map<string, string>;
  /** Mebibytes of Kith's memory, one reading for each hundredth of the run. */
  memory: number[];
}

export interface FuzzOptions {
  routes: readonly { method: "GET" | "POST"; url: string }[];
  seed: number;
  requests: number;
  connections?: number;
  /** Ends earlier, after so many seconds. */
  seconds?: number;
  /** Ends earlier, as soon as this holds. */
  until?: (report: FuzzReport) => boolean;
  /** Asks on for routes that nobody signed in has reached yet (so, unless it is said otherwise). */
  reachAll?: boolean;
  progress?: (report: FuzzReport) => void;
}

/** Forms after which the session goes on under another cookie. */
const CONTINUED = new Set(
  ["/security/password", "/security/sessions/end", "/trust/remove", "/trust/rules"].map((url) => `POST ${url}`),
);

/** A fault where the request was whole: what is broken on purpose may be left without an answer. */
export const UNANSWERED = "the connection ended without an answer";

/** Requests for each route that was not reached. */
const MORE_FOR_EACH_MISSED = 40;

/** Requests after which what they have used up is made anew. */
const REFRESH_EVERY = 4_000;

/** Sends wrong requests over several connections and notes every answer that is a fault. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, requests, connections = 12, seconds = Number.POSITIVE_INFINITY, reachAll = true } = options;
  let { until = () => false } = options;
  let maker = new Requests(target, options.routes);
  const began = Date.now();
  const report: FuzzReport = {
    requests: 0,
    attempts: 0,
    seconds: 0,
    faults: [],
    statuses: new Map(),
    reached: new Set(),
    pages: new Map(),
    memory: [target.memory()],
  };
  let number = 0;
  let made = 0;
  let last = requests;
  let failed: unknown;
  let refreshing: Promise<void> | undefined;
  const isOver = () => number >= last || failed !== undefined || (Date.now() - began) / 1000 > seconds || until(report);

  function note(what: string, attempt: Attempt, at: number): void {
    const sent = attempt.bytes.toString("latin1", 0, 1_500);
    if (report.faults.length < 200) report.faults.push({ what, route: attempt.route, number: at, sent });
  }

  async function look(attempt: Attempt, answer: Answer, at: number): Promise<void> {
    report.statuses.set(answer.status, (report.statuses.get(answer.status) ?? 0) + 1);
    for (const fault of faultsOf(answer)) note(fault, attempt, at);
    if (followsHost(answer)) note("it follows the Host header", attempt, at);
    const { route, role, signedIn } = attempt;
    if (route === undefined || role === "nobody") return;
    const actor = target.actors[role];
    if (signedIn && isReached(route, answer)) {
      report.reached.add(route);
      if (!report.pages.has(route)) report.pages.set(route, answer.body);
    }
    if (signedIn && CONTINUED.has(route)) actor.goOn(answer);
    const out = signedIn && role !== "half" && headerOf(answer, "location")?.startsWith("/sign-in");
    const lost =
      (role === "half" && route === "POST /sign-in/code" && answer.status === 303) || route === "POST /sign-out";
    const notAdmin = role === "admin" && signedIn && route === "GET /admin/accounts" && answer.status === 404;
    if (out || lost || notAdmin) await actor.renew();
  }

  async function work(): Promise<void> {
    let wire = new Wire(target.port);
    let before = -1;
    while (!isOver()) {
      const at = number++;
      const random = new Random(seed * 1_000_003 + at);
      const attempt = maker.make(random);
      report.requests += attempt.methods.length;
      try {
        if (attempt.broken) {
          const own = new Wire(target.port);
          for (const answer of await own.blurt(attempt.broken.pieces, attempt.broken.ending))
            await look(attempt, answer, at);
          made += 1;
          continue;
        }
        if (wire.closed) {
          wire = new Wire(target.port);
          before = -1;
        }
        const answers = await wire.exchange(attempt.bytes, attempt.methods);
        made += 1;
        if (answers.length === 0) {
          report.statuses.set(0, (report.statuses.get(0) ?? 0) + 1);
          note(UNANSWERED, attempt, at);
        }
        for (const answer of answers) await look(attempt, answer, at);
        if (!wire.closed && wire.surplus !== "") {
          note("more answers than requests", attempt, at);
          wire.destroy();
        }
        // Where an upgrade was asked for and not given, Node leaves what it can't parse afterwards without an answer.
        if (attempt.bytes.includes("\r\nUpgrade: ")) wire.destroy();
      } catch (error) {
        wire.destroy();
        if (target.kith.process.exitCode !== null || target.kith.process.signalCode !== null) {
          note("Kith has ended", attempt, at);
          failed = error;
          return;
        }
        note(`${(error as Error).message} after ${before}`, attempt, at);
      }
      before = at;
      if (at % REFRESH_EVERY === REFRESH_EVERY - 1) {
        refreshing = (refreshing ?? Promise.resolve()).then(() => target.refresh());
        await refreshing;
      }
      if (at % Math.ceil(requests / 100) === 0) {
        report.seconds = (Date.now() - began) / 1000;
        report.memory.push(target.memory());
        options.progress?.(report);
      }
    }
    wire.destroy();
  }
  await Promise.all(Array.from({ length: connections }, work));
  report.attempts = made;
  // What a short run missed by chance, or asks for rarely since it costs a sign-in.
  const left = () => options.routes.filter(({ method, url }) => !report.reached.has(`${method} ${url}`));
  const missed = left();
  if (reachAll && missed.length > 0) {
    until = () => left().length === 0;
    await target.refresh();
    maker = new Requests(target, missed);
    last = number + missed.length * MORE_FOR_EACH_MISSED;
    await Promise.all(Array.from({ length: connections }, work));
  }
  report.seconds = (Date.now() - began) / 1000;
  report.memory.push(target.memory());
  if (failed !== undefined && report.faults.length === 0) throw failed;
  return report;
}

/** Memory once it had time to grow to what the work needs, and at the end: medians of a fifth of the readings each. */
export function memoryGrowth({ memory }: FuzzReport): { early: number; late: number } {
  const fifth = Math.max(1, Math.floor(memory.length / 5));
  const median = (readings: number[]) => readings.sort((a, b) => a - b)[Math.floor(readings.length / 2)] as number;
  return { early: median(memory.slice(fifth, 2 * fifth)), late: median(memory.slice(-fifth)) };
}

export function summary(report: FuzzReport, routes: FuzzOptions["routes"]): string {
  const statuses = [...report.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  const { early, late } = memoryGrowth(report);
  return [
    `${report.requests} requests in ${report.seconds.toFixed(1)} s, ${Math.round(report.requests / report.seconds)} a second`,
    `faults ${report.faults.length}; ${statuses.join(", ")}`,
    `routes reached signed in: ${report.reached.size} of ${routes.length}`,
    `memory ${early.toFixed(0)} MiB early, ${late.toFixed(0)} MiB late`,
  ].join("\n");
}
