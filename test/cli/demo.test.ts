import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { runKith, startKith } from "../support/kith.js";
import { temporaryDirectory } from "../support/temporary.js";

interface Told {
  signIn: string;
  cast: { username: string; password: string; about: string }[];
  reset: { username: string; newPassword: string; words: string[]; missing: string };
}

describe("the demo", () => {
  const env: Record<string, string> = {};
  let told: Told;
  let url = "";
  before(async () => {
    env.KITH_DATA_DIR = temporaryDirectory();
    const { status, stdout, stderr } = await runKith(["demo", "--json"], env);
    assert.equal(status, 0, stderr);
    told = JSON.parse(stdout);
    ({ url } = await startKith(env));
  });

  /** Signs in with a browser's cookies and no script. */
  async function signIn(username: string, password: string) {
    const form = await fetch(new URL("/sign-in", url));
    const token = /name="_csrf" value="([^"]+)"/.exec(await form.text())?.[1] ?? "";
    const cookie = form.headers.getSetCookie().map((line) => line.split(";")[0]);
    const answer = await fetch(new URL("/sign-in", url), {
      method: "POST",
      redirect: "manual",
      headers: { cookie: cookie.join("; ") },
      body: new URLSearchParams({ _csrf: token, username, password }),
    });
    return { status: answer.status, cookies: answer.headers.getSetCookie(), html: await answer.text() };
  }
  const passwordOf = (username: string) => told.cast.find((one) => one.username === username)!.password;

  it("has ten people, each with a password of their own", () => {
    assert.equal(told.cast.length, 10);
    assert.equal(new Set(told.cast.map(({ password }) => password)).size, 10);
  });

  it("lets everybody in but who is suspended", async () => {
    for (const { username, password } of told.cast) {
      if (username === told.reset.username) continue;
      const expected = username === "ivo" ? 403 : 303;
      assert.equal((await signIn(username, password)).status, expected, username);
    }
  });

  it("has a reset under way, which waits for one more yes and shows its words", async () => {
    const { status, cookies, html } = await signIn(told.reset.username, told.reset.newPassword);
    assert.equal(status, 200);
    assert.ok(!cookies.some((cookie) => cookie.startsWith("session=")));
    for (const word of told.reset.words) assert.ok(html.includes(word), word);
  });

  it("is refused where there are members, and changes nothing", async () => {
    const { status, stdout, stderr } = await runKith(["demo"], env);
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /^kith: there are members already: .*\n$/);
    assert.equal((await signIn("ada", passwordOf("ada"))).status, 303);
  });

  it("is told where members may not invite and slots are few", async () => {
    const few = {
      KITH_DATA_DIR: temporaryDirectory(),
      KITH_INVITES_PER_MEMBER: "0",
      KITH_TRUST_SLOTS: "2",
      KITH_PASSWORD_MIN: "60",
    };
    const { status, stdout, stderr } = await runKith(["demo"], few);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /dora is being let back in/);
  });
});
