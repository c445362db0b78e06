import assert from "node:assert/strict";
import pg from "pg";
import { findAccountByName } from "#kith/accounts/account.js";
import { openSession } from "#kith/accounts/sessions.js";
import { toBase64url } from "#kith/protocol/bytes.js";
import { newRecoveryPhrase } from "#kith/protocol/review.js";
import { newSessionCookie } from "#kith/protocol/session.js";
import { keepRecovery } from "#kith/review/acts.js";
import { openPlace, type Place, passwordOf, type Visitor } from "../support/app.js";
import { freshDatabase } from "../support/database.js";
import { choose, trustAll, turnOnSecondStep } from "../support/resets.js";
import { copyTables, type Rows } from "./tables.js";

const NAMES = [
  "omar",
  "rana",
  "ada",
  "bea",
  "cem",
  "dora",
  "emil",
  "fern",
  "gita",
  "hana",
  "ivo",
  "lena",
  "mal",
  "kai",
];

/** Everything there is to know about a community, for those who try to get more of it than they may. */
export interface Community {
  place: Place;
  /** A superuser of the database: the writer. */
  writer: pg.Client;
  who: Record<string, Visitor>;
  /** Names with the passwords that are tried on them: right, old, pending, somebody else's. */
  passwords: [name: string, label: string, password: string][];
  /** Session cookies, of now and of before. */
  cookies: [label: string, cookie: string][];
  /** Paths of letters and handover links. */
  letters: [label: string, text: string][];
  links: [label: string, text: string][];
  /** Private keys in the hands of those who write to the database. */
  keys: Map<string, Uint8Array>;
  /** Copies of all tables, taken earlier. */
  earlier: { label: string; tables: Map<string, Rows> }[];
}

const act = async (visitor: Visitor, what: string, fields: Record<string, string>) => {
  const answer = await visitor.post(`/admin/accounts/${what}`, fields, "/admin/accounts");
  assert.equal(answer.statusCode, 303, `${what} ${fields.username}`);
};
const done = async (answer: Promise<{ statusCode: number }>) => assert.equal((await answer).statusCode, 303);
/** Ends the one other session that is listed. */
const endOther = async (visitor: Visitor) => {
  const id = /name="session" value="([^"]+)"/.exec((await visitor.get("/security")).body)?.[1];
  assert.ok(id, "another session is listed");
  await done(visitor.post("/security/sessions/end", { session: id }, "/security"));
};
const last = (path: string) => path.split("/").at(-1) as string;

/** A dozen members with open resets in every stage, admins of now and of before, and old copies of everything. */
export async function openLively(): Promise<Community> {
  const { databaseUrl, adminUrl } = await freshDatabase();
  const env = { KITH_TRUST_SLOTS: "4", KITH_ARGON2: "m=64,t=1,p=1", KITH_INVITES_PER_MEMBER: "40" };
  const place = await openPlace({ databaseUrl, env });
  const writer = new pg.Client({ connectionString: adminUrl });
  await writer.connect();
  const earlier: Community["earlier"] = [];
  const copy = async (label: string) => void earlier.push({ label, tables: await copyTables(writer) });

  const nour = await place.founder();
  const who: Record<string, Visitor> = { nour };
  for (const name of NAMES) if (name !== "kai") who[name] = await nour.bring(name, { trust: false });
  const member = (name: string) => who[name] as Visitor;
  const cookieOf = (name: string) => member(name).cookies.get("session") as string;
  const keyOf = async (name: string) => {
    const session = await openSession(place.context, cookieOf(name));
    assert.ok(session, name);
    return (await session.privateKey()).write();
  };
  const letters: Community["letters"] = [];
  const letter = async (label: string, name: string) => {
    const path = await member(name).invite();
    letters.push([label, last(path)]);
    return path;
  };
  const spent = await letter("spent", "mal");
  who.kai = place.visitor();
  await done(member("kai").join(spent, "kai", { trust: false }));
  await letter("of suspended", "hana");
  await letter("of frozen", "ivo");
  await letter("open", "gita");
  await copy("joined");

  // Mal was trusted once, and began a reset then; two others were admins, one still is.
  await trustAll(member("fern"), ["mal"]);
  const malsLink = await member("mal").openCase("fern");
  const malsChoice = await choose(place, malsLink, passwordOf("fern", 9));
  await done(member("mal").agree("fern", malsChoice.words));
  await trustAll(member("ada"), ["bea"]);
  await trustAll(member("bea"), ["cem"]);
  for (const name of ["omar", "rana"]) {
    await act(nour, "role", { username: name, role: "admin" });
    await done(nour.post("/admin/confirm", { username: name }, "/admin/accounts"));
  }
  const keys = new Map([
    ["mal", await keyOf("mal")],
    ["rana", await keyOf("rana")],
    ["bea before", await keyOf("bea")],
  ]);
  const cookies: Community["cookies"] = [["bea before the reset", cookieOf("bea")]];
  const elsewhere = place.visitor();
  await done(elsewhere.signIn("dora", passwordOf("dora")));
  cookies.push(
    ["gita, signed out", cookieOf("gita")],
    ["dora, ended from elsewhere", elsewhere.cookies.get("session") as string],
  );
  await copy("mal was trusted, rana an admin");
  await member("gita").signOut();
  await done(member("gita").signIn());
  await endOther(member("dora"));

  await done(member("fern").signIn());
  await done(member("fern").post("/trust/remove", { username: "mal", confirm: "on" }, "/trust"));
  await trustAll(member("fern"), ["gita"]);
  await act(nour, "role", { username: "rana", role: "member" });
  await done(nour.signIn());
  await done(member("omar").signIn());
  // Bea's password was stolen: she was reset, and whoever trusts her said yes to the new key.
  const { browser, words } = await choose(place, await member("cem").openCase("bea"), passwordOf("bea", 2));
  await done(member("cem").agree("bea", words));
  await done(browser.signIn("bea", passwordOf("bea", 2)));
  who.bea = browser;
  await done(member("ada").signIn());
  await done(member("ada").post("/trust/confirm", { username: "bea" }, "/trust"));
  cookies.push(["kai before the change", cookieOf("kai")]);
  const change = { current_password: passwordOf("kai"), password: passwordOf("kai", 2) };
  await done(member("kai").post("/security/password", change, "/security"));
  await copy("bea was reset");

  const admin = await openSession(place.context, cookieOf("nour"));
  const account = await findAccountByName(place.context, "localhost", "nour");
  assert.ok(admin && account);
  const kept = await keepRecovery(place.context, account, await admin.privateKey(), newRecoveryPhrase());
  assert.equal(kept.outcome, "done");
  await done(nour.post("/admin/tree", { current_password: passwordOf("nour") }, "/admin/tree"));
  await nour.get("/admin/tree");
  await trustAll(member("bea"), ["ada"]);
  await trustAll(member("cem"), ["bea", "dora", "emil"], { threshold: 2 });
  await trustAll(member("dora"), ["emil", "fern"], { threshold: 2, keepKey: true });
  await trustAll(member("emil"), ["bea"], { threshold: 1, waitDays: 5 });
  await trustAll(member("gita"), ["fern", "ada"]);
  await trustAll(member("hana"), ["bea"]);
  await turnOnSecondStep(place, member("gita"));
  await done(member("gita").post("/account/contact", { address: "gita@mail.example" }, "/account"));
  await done(
    member("mal")
      .invite()
      .then(async (path) => {
        letters.push(["revoked", last(path)]);
        const id = /name="invite" value="([^"]+)"/.exec((await member("mal").get("/invites")).body)?.[1] ?? "";
        return await member("mal").post("/invites/revoke", { invite: id }, "/invites");
      }),
  );
  await act(nour, "invites", { username: "", everybody: "on", count: "3" });
  await copy("lists were made");

  const links: Community["links"] = [["fern, opened by mal before", last(malsLink)]];
  const passwords: Community["passwords"] = [
    ["fern", "chosen by mal before", passwordOf("fern", 9)],
    ["bea", "stolen", passwordOf("bea")],
    ["kai", "old", passwordOf("kai")],
    ["kai", "present", passwordOf("kai", 2)],
    ["bea", "present", passwordOf("bea", 2)],
  ];
  const openCase = async (helper: string, name: string, others: string[], label: string, version: number) => {
    const path = await member(helper).openCase(name, true);
    links.push([`${name}, ${label}`, last(path)]);
    const password = passwordOf(name, version);
    const choice = await choose(place, path, password);
    passwords.push([name, label, password]);
    for (const other of others) await done(member(other).agree(name, choice.words));
  };
  links.push(["ada", last(await member("bea").openCase("ada"))]);
  await copy("before the choices");
  await openCase("bea", "cem", ["bea"], "one agreed", 2);
  await openCase("dora", "cem", [], "chosen by mal", 8);
  await openCase("emil", "dora", ["emil", "fern"], "ripe", 2);
  await openCase("bea", "emil", ["bea"], "waits", 2);
  await copy("before the suspensions");

  await act(nour, "suspend", { username: "hana", reason: "Spam." });
  await act(nour, "freeze", { username: "ivo", what: "inviting", reason: "Too many." });
  await act(nour, "freeze", { username: "lena", what: "sign-in", reason: "A thief knows it." });
  await act(nour, "invites", { username: "mal", count: "2" });
  await act(nour, "invites", { username: "", everybody: "on", count: "2" });
  for (const name of Object.keys(who)) {
    if (!["bea", "kai"].includes(name)) passwords.push([name, "present", passwordOf(name)]);
    passwords.push([name, "mal's", passwordOf("mal")]);
    cookies.push([name, cookieOf(name)]);
  }
  cookies.push(["made up by mal", toBase64url(newSessionCookie())]);
  return { place, writer, who, passwords, cookies, letters, links, keys, earlier };
}
