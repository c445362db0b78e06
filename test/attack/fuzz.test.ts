import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { numberArgument } from "../support/arguments.js";
import { kithVariant } from "../support/variant.js";
import { FORMS, isKnownField } from "./forms.js";
import { type FuzzReport, fuzz, memoryGrowth, summary, UNANSWERED } from "./fuzz.js";
import { type AttackedRoute, attackedRoutes } from "./routes.js";
import { startTarget } from "./target.js";

// Malformed requests as bytes on connections, against `kith start` as it is shipped, with limits that let them through
// and once more with those it comes with.

const REQUESTS = numberArgument("requests", 300);
const SEED = numberArgument("seed", Math.floor(Math.random() * 2 ** 31));
/** A run that takes longer ends, and fails. */
const MINUTES = numberArgument("minutes", 1_000);
/** From here on memory had time to become what it stays. */
const ENOUGH_FOR_MEMORY = 100_000;

describe("malformed requests", () => {
  let routes: AttackedRoute[];
  before(async () => {
    routes = await attackedRoutes();
    console.log(`# seed ${SEED}`);
  });

  it("cover every form there is", () => {
    const posts = routes.filter(({ method }) => method === "POST").map(({ url }) => url);
    assert.deepEqual(Object.keys(FORMS).sort(), posts.sort());
  });

  it("are all answered without a fault, and Kith stays as it was", async () => {
    const target = await startTarget();
    const report = await fuzz(target, {
      routes,
      seed: SEED,
      requests: REQUESTS,
      seconds: 60 * MINUTES,
      progress: (so) => {
        if (REQUESTS >= ENOUGH_FOR_MEMORY)
          console.log(
            `# ${so.requests} requests, ${so.seconds.toFixed(0)} s, ${so.memory.at(-1)?.toFixed(0)} MiB, ${so.faults.length} faults`,
          );
      },
    });
    console.log(summary(report, routes).replaceAll(/^/gm, "# "));
    assert.deepEqual(report.faults.slice(0, 5), []);
    assert.ok(report.attempts >= REQUESTS, `${report.attempts} of ${REQUESTS} were made`);
    assert.deepEqual(target.errors, [], "nothing but answers stands in the log");
    const missed = routes.map(({ method, url }) => `${method} ${url}`).filter((route) => !report.reached.has(route));
    assert.ok(missed.length <= routes.length * 0.05, `not reached signed in: ${missed.join(", ")}`);
    assert.deepEqual(
      [...report.pages.values()].flatMap(strangeFields),
      [],
      "no page has a field that is not known here",
    );
    for (const actor of Object.values(target.actors)) await actor.renew();
    if (report.requests >= ENOUGH_FOR_MEMORY) {
      const { early, late } = memoryGrowth(report);
      assert.ok(late < early * 1.15 + 16, `memory grew from ${early} to ${late} MiB`);
    }
    assert.ok(Math.max(...report.memory) < 600, "quality.md's bound for a busy Kith");
    assert.equal((await target.kith.stop()).status, 0);
  });

  it("are answered without a fault with the usual limits behind a proxy on a secure origin, too", async () => {
    const target = await startTarget({
      KITH_LIMITS: "",
      KITH_ORIGIN: "https://kith.example",
      KITH_ONION_ORIGIN: `http://${"a".repeat(56)}.onion`,
      KITH_TRUSTED_PROXIES: "127.0.0.1",
    });
    const requests = Math.ceil(REQUESTS / 6);
    const report = await fuzz(target, { routes, seed: SEED + 1, requests, reachAll: false });
    console.log(summary(report, routes).replaceAll(/^/gm, "# "));
    assert.deepEqual(report.faults.slice(0, 5), []);
    assert.ok(report.attempts >= requests, `${report.attempts} of ${requests} were made`);
    assert.deepEqual(target.errors, []);
    assert.equal((await target.kith.stop()).status, 0);
  });

  it("are told by it from answers of a Kith that is broken on purpose", async () => {
    const target = await startTarget({}, kithVariant(BROKEN));
    const few = ["/admin/accounts", "/admin/onion", "/trust"].flatMap((url) => [
      { method: "GET" as const, url },
      ...(url === "/admin/accounts" ? [] : [{ method: "POST" as const, url }]),
    ]);
    const broken = ["answered 500", "markup came back", "it leads elsewhere", UNANSWERED];
    const unseen = ({ faults }: FuzzReport) => broken.filter((what) => faults.every((fault) => fault.what !== what));
    const report = await fuzz(target, {
      routes: few,
      seed: 7,
      requests: 1_500,
      until: (so) => unseen(so).length === 0,
      reachAll: false,
    });
    console.log(`# all of it told after ${report.attempts} requests`);
    assert.deepEqual(unseen(report), []);
    assert.ok(target.errors.some((line) => line.includes("a request failed")));
    await target.kith.stop();
  });
});

/** Fields of forms on a page that `FORMS` does not have: they would never be tried. */
function strangeFields(html: string): string[] {
  return [...html.matchAll(/<form[^>]* action="([^"?]*)[^"]*"[^>]*>(.*?)<\/form>/gs)].flatMap(([, action, inside]) => {
    const url = (action as string)
      .replace(/^\/invite\/[^/]+$/, "/invite/:letter")
      .replace(/^\/handover\/[^/]+$/, "/handover/:secret");
    const names = [...(inside as string).matchAll(/ name="([^"]+)"/g)].map(([, name]) => name as string);
    return names.filter((name) => !isKnownField(url, name)).map((name) => `${name} of ${url}`);
  });
}

/** Nothing is escaped, NUL reaches the database, what follows a change of the list is another host's, and a search of members ends the connection. */
const BROKEN = [
  { file: "web/view.js", from: "autoescape: true", to: "autoescape: false" },
  { file: "web/visit.js", from: 'value.replaceAll("\\u0000", "")', to: "value" },
  { file: "web/visit.js", from: "redirect(path, 303)", to: 'redirect(path === "/trust" ? "//trust" : path, 303)' },
  {
    file: "web/app.js",
    from: "reply.headers(headers);\n        const onion",
    to: 'if (request.url.startsWith("/admin/accounts?")) return void request.raw.destroy();\n        reply.headers(headers);\n        const onion',
  },
];
