import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { passwordOf } from "../support/app.js";
import { type RunningKith, startKith } from "../support/kith.js";
import { needBrowser } from "../support/need.js";
import { temporaryDirectory } from "../support/temporary.js";

// What a newcomer sees, on a phone, in a browser that runs no script.

const { executablePath, skip } = needBrowser();
const PHONE = { width: 360, height: 740 };

describe("in a browser without script", { skip }, () => {
  let kith: RunningKith;
  let browser: Browser;
  const problems: string[] = [];

  before(async () => {
    kith = await startKith({ KITH_DATA_DIR: temporaryDirectory() });
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  });
  after(async () => {
    await browser?.close();
    await kith?.stop();
  });

  /** A browser of somebody's own, with what its console says noted. */
  async function person(): Promise<{ context: BrowserContext; page: Page }> {
    const context = await browser.newContext({
      javaScriptEnabled: false,
      viewport: PHONE,
      isMobile: true,
      hasTouch: true,
      locale: "en-GB",
      baseURL: kith.url,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => {
      // A form that is answered 422 shows in the console as a resource that failed.
      if (message.type() === "error" && !/status of (422|404)/.test(message.text())) problems.push(message.text());
    });
    page.on("requestfailed", (request) => {
      // Aborted: the next step came before the page was complete.
      const why = request.failure()?.errorText;
      if (why !== "net::ERR_ABORTED") problems.push(`${request.url()}: ${why}`);
    });
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== new URL(kith.url).origin) problems.push(`asked for ${request.url()}`);
    });
    return { context, page };
  }
  /** The path of a link that Kith shows: its origin is the configured one, the port is the test's. */
  const pathOf = async (page: Page, testid: string) =>
    new URL((await page.getByTestId(testid).innerText()).trim()).pathname;
  const words = async (page: Page) =>
    (await page.getByTestId("words").first().locator("li").allInnerTexts()).map((word) => word.trim());
  const main = (page: Page) => page.locator("main").innerText();

  async function join(page: Page, path: string, username: string, trust = true) {
    await page.goto(path);
    await page.getByLabel("Username").fill(username);
    await page.locator("input[name=password]").fill(passwordOf(username));
    if (!trust) await page.locator("input[name=trust_inviter]").uncheck();
    await page.locator("main form button:not([hidden])").last().click();
    assert.equal(new URL(page.url()).pathname, "/welcome");
    assert.match(await main(page), new RegExp(username));
  }
  async function signIn(page: Page, username: string, password: string) {
    await page.goto("/sign-in");
    await page.locator("input[name=username]").fill(username);
    await page.locator("input[name=password]").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }
  async function help(page: Page, username: string) {
    await page.goto("/help");
    await page.locator("form[action='/help'] input[name=username]").fill(username);
    await page.locator("form[action='/help'] button").click();
  }
  async function invite(page: Page): Promise<string> {
    await page.goto("/invites");
    await page.locator("form[action='/invites'] button").click();
    return await pathOf(page, "invite-link");
  }
  async function trust(page: Page, username: string) {
    await page.goto("/trust");
    await page.locator("form[action='/trust'] input[name=username]").fill(username);
    await page.locator("form[action='/trust'] button").click();
    assert.match(await main(page), new RegExp(username));
  }
  const fits = async (page: Page) => {
    const { width } = (await page.locator("html").boundingBox()) as { width: number };
    assert.ok(width <= PHONE.width, `${page.url()} is ${width} px wide`);
  };

  it("join, trust, forget the password, be let back in, and be trusted again", async () => {
    const [nour, bea, ada] = await Promise.all([person(), person(), person()]);
    const first = /http:\/\/\S+\/invite\/\S+/.exec(kith.output().stdout)?.[0];
    assert.ok(first, "the first admin's link is printed");
    await join(nour.page, new URL(first).pathname, "nour");

    await join(bea.page, await invite(nour.page), "bea");
    await bea.page.goto("/trust");
    assert.equal(await bea.page.getByTestId("trusted").count(), 1, "the inviter is the first trusted person");
    await join(ada.page, await invite(nour.page), "ada", false);
    await ada.page.goto("/trust");
    assert.equal(await ada.page.getByTestId("trusted").count(), 0, "unticked");
    await fits(ada.page);

    await trust(ada.page, "bea");
    await trust(bea.page, "ada");
    await fits(bea.page);
    await ada.page.getByRole("button", { name: "Sign out" }).click();
    assert.equal(new URL(ada.page.url()).pathname, "/sign-in");

    // Ada forgets the password, and phones Bea.
    await signIn(ada.page, "ada", "not the password at all");
    assert.match(await main(ada.page), /don’t go together/);
    assert.equal(await ada.page.locator("input[name=password]").inputValue(), "");
    await help(bea.page, "ada");
    await fits(bea.page);
    assert.ok((await bea.page.locator("main svg").count()) > 0, "a QR code");
    const link = await pathOf(bea.page, "handover-link");
    await ada.page.goto(link);
    await ada.page.locator("input[name=password]").fill("short");
    await ada.page.locator("main form button:not([hidden])").last().click();
    assert.equal(await ada.page.locator("input[name=password]").count(), 1, "asked again");
    await ada.page.locator("input[name=password]").fill(passwordOf("ada", 2));
    await ada.page.locator("main form button:not([hidden])").last().click();
    const read = await words(ada.page);
    assert.equal(read.length, 4);
    await fits(ada.page);

    await help(bea.page, "ada");
    assert.deepEqual(await words(bea.page), read, "bea sees the same four words");
    await fits(bea.page);
    await bea.page.getByTestId("case").locator("button").first().click();
    assert.equal(new URL(bea.page.url()).pathname, "/help/agreed");

    await signIn(ada.page, "ada", passwordOf("ada", 2));
    assert.equal(new URL(ada.page.url()).pathname, "/");
    assert.match(await main(ada.page), /You are back in, ada/);
    await ada.page.goto("/trust");
    assert.equal(await ada.page.getByTestId("trusted").count(), 0, "asked to name people anew");

    // Bea trusts Ada: asked at the next sign-in; before the yes, Ada can't help her.
    await help(ada.page, "bea");
    assert.equal(await ada.page.getByTestId("handover-link").count(), 0);
    await bea.page.getByRole("button", { name: "Sign out" }).click();
    await signIn(bea.page, "bea", passwordOf("bea"));
    assert.equal(new URL(bea.page.url()).pathname, "/trust/confirm");
    await fits(bea.page);
    await bea.page.getByRole("button", { name: /keep trusting ada/ }).click();
    await help(ada.page, "bea");
    assert.equal(await ada.page.getByTestId("handover-link").count(), 1);
    assert.deepEqual(problems, []);
    assert.doesNotMatch(kith.output().stderr, /ada|bea|nour|handover\/[A-Za-z0-9_-]{20}/, "and the log names nobody");
  });
});
