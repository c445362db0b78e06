import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { before, describe, it } from "node:test";
import { promisify } from "node:util";
import { numberArgument, textArgument } from "../support/arguments.js";
import { need } from "../support/need.js";
import { temporaryDirectory } from "../support/temporary.js";
import { kithVariant } from "../support/variant.js";
import { FORMS, QUERIES } from "./forms.js";
import { filledIn, type Gateway, openGateway, usual } from "./gateway.js";
import { type AttackedRoute, attackedRoutes } from "./routes.js";
import { startTarget } from "./target.js";
import { type Parameter, readVerdict, type Verdict } from "./verdict.js";

// sqlmap on every field of every form, every query of every page and every part of an address, signed in and out.
//
// It is not given cookies: the gateway puts its own into each request, and none comes near a statement but as bytes that
// are derived from it. What is made of strange cookies, fuzz.ts tries.

const { sqlmap, skip } = need("sqlmap");
const LEVEL = numberArgument("level", 3);
const RISK = numberArgument("risk", 2);
/** Only places whose name holds this. */
const ONLY = textArgument("only", "");
/** How many run at once. */
const SIDE_BY_SIDE = numberArgument("side-by-side", 2);

export interface Place {
  /** `GET` of an address, or `POST` of a form. */
  name: string;
  path: string;
  data?: string;
  /** All that sqlmap is to test there. */
  parameters: Parameter[];
}

/** Every place where something can be put in: forms, queries, and what stands in addresses. */
function placesOf(routes: readonly AttackedRoute[]): Place[] {
  const places: Place[] = [];
  const pairs = (names: readonly string[]) =>
    names.map((name) => `${name}=${encodeURIComponent(usual(name))}`).join("&");
  for (const { method, url } of routes) {
    const path = filledIn(url);
    const names = (method === "POST" ? FORMS[url] : QUERIES[url]) ?? [];
    const data = pairs(names);
    const fields = names.map((name): Parameter => `${method} ${name}`);
    // What stands in the address; with a form, both at once.
    const marked = { path: `${path}*`, parameters: ["URI #1*"] satisfies Parameter[] };
    const isMarked = /[:*]/.test(url);
    if (method === "GET") {
      if (names.length > 0) places.push({ name: `GET ${url}`, path: `${path}?${data}`, parameters: fields });
      if (isMarked) places.push({ name: `address of ${url}`, ...marked });
    } else if (isMarked) {
      places.push({ name: `POST ${url}`, path: marked.path, data, parameters: [...fields, ...marked.parameters] });
    } else if (names.length > 0) places.push({ name: `POST ${url}`, path, data, parameters: fields });
  }
  return places.filter(({ name }) => name.includes(ONLY));
}

interface Attacked extends Verdict {
  place: string;
  seconds: number;
}

async function attack(gateway: Gateway, place: Place): Promise<Attacked> {
  const began = Date.now();
  const folder = temporaryDirectory();
  const args = [
    ["-u", gateway.origin + place.path],
    place.data === undefined ? [] : ["--data", place.data],
    ["--level", String(LEVEL), "--risk", String(RISK), "--batch", "--dbms", "postgresql", "--flush-session"],
    // No header comes near a statement; fuzz.ts sends strange ones.
    ["--skip", "user-agent,referer,host", "--disable-coloring", "--output-dir", folder, "--timeout", "60"],
    [
      "--ignore-code",
      "401,403,404",
      "--threads",
      "2",
      "--answers",
      // To what these words are found in, the address and fields of the place with it: `keep` would be in `keep_key`.
      "follow=N,redirect=N,fill=N,keep testing=N,URI=Y,process=Y",
    ],
  ].flat();
  const { stdout } = await promisify(execFile)(sqlmap, args, {
    maxBuffer: 2 ** 26,
    env: { PATH: process.env.PATH, HOME: folder },
  });
  return { place: place.name, ...readVerdict(stdout, place.parameters), seconds: (Date.now() - began) / 1000 };
}

async function attackAll(gateway: Gateway, places: readonly Place[]): Promise<Attacked[]> {
  const left = [...places];
  const verdicts: Attacked[] = [];
  const work = async () => {
    for (let place = left.shift(); place !== undefined; place = left.shift()) {
      const verdict = await attack(gateway, place);
      verdicts.push(verdict);
      const found = verdict.injectable.length > 0 ? `INJECTABLE ${verdict.injectable.join(", ")}` : "nothing";
      console.log(
        `# ${verdict.place}: ${verdict.tested.length} tested, ${found}, ${verdict.seconds.toFixed(0)} s, ${gateway.requests()} requests so far`,
      );
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  return verdicts;
}

describe("sqlmap", { skip }, () => {
  let routes: AttackedRoute[];
  before(async () => {
    routes = await attackedRoutes();
  });

  it("finds a query that was put together from text", async () => {
    const target = await startTarget({}, kithVariant([CONCATENATED]));
    const gateway = await openGateway(target, routes, { signedIn: true });
    const place = placesOf(routes).find(({ name }) => name === "GET /admin/onion");
    const verdict = await attack(gateway, place!);
    assert.deepEqual(verdict.injectable, ["q (GET)"]);
    await target.kith.stop();
  });

  for (const signedIn of [true, false]) {
    it(`finds nothing to inject into, signed ${signedIn ? "in" : "out"}`, async () => {
      const target = await startTarget();
      const gateway = await openGateway(target, routes, { signedIn });
      const verdicts = await attackAll(gateway, placesOf(routes));
      const tested = verdicts.reduce((sum, one) => sum + one.tested.length, 0);
      console.log(`# signed ${signedIn ? "in" : "out"}: ${tested} parameters, ${gateway.requests()} requests`);
      assert.deepEqual(
        verdicts.filter(({ injectable }) => injectable.length > 0),
        [],
      );
      assert.deepEqual(gateway.broken, []);
      assert.deepEqual(target.errors, []);
      await target.kith.stop();
    });
  }
});

/** The admins' search in the onion map, with what they type as part of the statement. */
const CONCATENATED = {
  file: "onion/queries.js",
  from: `sql \`position(\${part} in domain) > 0\``,
  to: `sql\`domain like \${sql.raw("'%" + part + "%'")}\``,
};
