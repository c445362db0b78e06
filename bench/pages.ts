// Pages beside a bare Fastify route that renders the same template, with the same values, from constants.
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import type { Pages, Shell } from "#kith/web/pages.js";
import { createView } from "#kith/web/view.js";
import { Client, circle, openPlace, perSecond } from "./place.js";
import { quick, report } from "./support.js";

const ROUNDS = quick ? 5 : 9;
const REQUESTS = quick ? 200 : 600;
const AT_ONCE = 4;

const place = await openPlace("m=1024,t=1,p=1");
const { context } = place;
const [ada] = await circle(context);
if (!ada) throw new Error("nobody is there");

const view = createView({ today: () => "2026-11-24" });
const people = Array.from({ length: context.config.trustSlots }, (_, index) => ({
  username: `member${index + 1}`,
  standing: "counts" as const,
  since: "2026-11",
  reset: null,
  wasReset: true,
  newKey: null,
}));
const shell = (signedIn: boolean): Shell => ({
  lang: "en",
  csrf: "A".repeat(58),
  me: signedIn ? { username: "member0", label: "member0", isAdmin: false } : null,
  nav: signedIn ? ["home", "trust", "help", "invites", "security", "account"] : [],
  current: signedIn ? "trust" : null,
  collective: { name: "Kith", domain: "localhost", host: "localhost", origin: "http://localhost:3000", contact: null },
  switchHref: signedIn ? null : "?language=de",
  flash: null,
  band: signedIn ? [] : null,
  errors: [],
});
const rules = { threshold: 1, waitDays: 0, keepKey: false };
const form = { username: "", threshold: "1", waitDays: "0", keepKey: false };
const trust: Pages["trust/people"] = { people, rules, slots: people.length, isAdmin: false, form, removal: null };

const bare = Fastify({ logger: false });
const html = "text/html; charset=utf-8";
const signInData = { form: { username: "" }, next: null, lost: false };
bare.get("/sign-in", async (_request, reply) =>
  reply.type(html).send(view.render("accounts/sign-in", shell(false), signInData)),
);
bare.get("/trust", async (_request, reply) => reply.type(html).send(view.render("trust/people", shell(true), trust)));
await bare.listen({ host: "127.0.0.1", port: 0 });
const bareClient = new Client(`http://127.0.0.1:${(bare.server.address() as AddressInfo).port}`);
const client = new Client(place.url);
client.cookies.set("session", ada.session.cookie);
const visitor = new Client(place.url);
await visitor.prepare();

const figures = [
  { name: "sign-in form", path: "/sign-in", client: visitor },
  { name: "/trust with 8 people", path: "/trust", client },
].map((page) => ({ ...page, values: [] as number[], floors: [] as number[] }));
try {
  for (const { path, client } of figures) {
    // The same page, or the comparison says nothing.
    const [ours, theirs] = await Promise.all([client.send("GET", path), bareClient.send("GET", path)]);
    const [a, b] = [ours.body.length, theirs.body.length];
    if (ours.status !== 200 || theirs.status !== 200 || Math.abs(a - b) > 0.02 * a) {
      throw new Error(`${path}: ${ours.status} with ${a} characters beside ${theirs.status} with ${b}`);
    }
  }
  for (let round = -1; round < ROUNDS; round++) {
    for (const { path, client, values, floors } of figures) {
      const floor = await perSecond(REQUESTS, AT_ONCE, () => bareClient.send("GET", path));
      const value = await perSecond(REQUESTS, AT_ONCE, () => client.send("GET", path));
      if (round < 0) continue;
      floors.push(floor);
      values.push(value);
    }
  }
} finally {
  for (const one of [client, visitor, bareClient]) one.close();
  await bare.close();
  await place.close();
}
report(
  figures.map(({ name, values, floors }) => ({ name, unit: "/s", values, floor: floors, floorName: "bare route" })),
);
