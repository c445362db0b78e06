import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { promisify } from "node:util";
import { need } from "../support/need.js";
import { temporaryDirectory } from "../support/temporary.js";
import { kithVariant } from "../support/variant.js";
import { type Gateway, openGateway } from "./gateway.js";
import { type AttackedRoute, attackedRoutes } from "./routes.js";
import { startTarget } from "./target.js";

// wapiti, signed in, over every page and form. Kith believes to be on https, as where it is really used; what asks other
// hosts is told that nothing was seen there. Left out: `nikto` and `wapp`, which load lists from elsewhere.

const { wapiti, skip } = need("wapiti");
const MODULES =
  "backup,blindsql,brute_login_form,buster,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,ssrf,xss,xxe";

interface Finding {
  kind: string;
  path: string;
  info: string;
  parameter: string | null;
}

/** @param more where to begin, and how far to go from there */
async function scan(gateway: Gateway, modules: string, more: string[]): Promise<Finding[]> {
  const folder = temporaryDirectory();
  const file = join(folder, "report.json");
  const args = [
    ["-m", modules, ...more],
    ["--endpoint", gateway.seen, "--flush-session", "--no-bugreport", "-t", "60", "-v", "1"],
    ["--store-session", folder, "--store-config", folder, "-f", "json", "-o", file],
  ].flat();
  const options = { maxBuffer: 2 ** 28, env: { PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8" } };
  const { stdout } = await promisify(execFile)(wapiti, args, options);
  if (!stdout.includes("[*] Launching module")) throw new Error(`wapiti attacked nothing:\n${stdout.slice(-3_000)}`);
  const report = JSON.parse(readFileSync(file, "utf8"));
  return ["vulnerabilities", "anomalies"].flatMap((part) =>
    Object.entries(report[part] as Record<string, Omit<Finding, "kind">[]>).flatMap(([kind, found]) =>
      found.map(({ path, info, parameter }) => ({ kind, path, info, parameter })),
    ),
  );
}

/** wapiti 3.0 asks for `X-XSS-Protection: 1`: a filter that browsers took out since it made holes; ours says 0, as OWASP advises. */
function isMeant({ info }: Finding): boolean {
  return info !== "X-XSS-Protection is not set";
}

describe("wapiti", { skip }, () => {
  let routes: AttackedRoute[];
  before(async () => {
    routes = await attackedRoutes();
  });
  const start = (cli?: string) => startTarget({ KITH_ORIGIN: "https://kith.example" }, cli);

  it("finds a page that gives back what was typed as markup", async () => {
    const target = await start(
      kithVariant([{ file: "web/view.js", from: "autoescape: true", to: "autoescape: false" }]),
    );
    const gateway = await openGateway(target, routes, { signedIn: false });
    const found = await scan(gateway, "xss", ["-u", `${gateway.origin}/sign-in?next=%2F`, "--scope", "page"]);
    assert.ok(found.some(({ kind }) => kind === "Cross Site Scripting"));
    await target.kith.stop();
  });

  it("finds nothing, signed in, on nearly every page and form", async () => {
    const target = await start();
    const gateway = await openGateway(target, routes, { signedIn: true });
    const began = Date.now();
    // The index leads to every page and form: there is nothing further away.
    const everywhere = ["-u", `${gateway.origin}/`, "-s", gateway.index, "--scope", "domain", "-d", "1"];
    const found = await scan(gateway, MODULES, everywhere);
    const missed = routes.map(({ method, url }) => `${method} ${url}`).filter((route) => !gateway.reached.has(route));
    const minutes = ((Date.now() - began) / 60_000).toFixed(1);
    console.log(`# ${gateway.requests()} requests in ${minutes} minutes; ${found.length} findings`);
    console.log(`# routes reached signed in: ${routes.length - missed.length} of ${routes.length}`);
    assert.deepEqual(found.filter(isMeant), []);
    assert.ok(missed.length <= routes.length * 0.05, `not reached: ${missed.join(", ")}`);
    assert.deepEqual(gateway.broken, []);
    assert.deepEqual(target.errors, []);
    await target.kith.stop();
  });
});
