import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { openPlace, type Place, passwordOf } from "../support/app.js";
import { needBrowser } from "../support/need.js";

// A review from the gate to the log, by an admin's browser without script.

const { executablePath, skip } = needBrowser();

describe("a review in a browser without script", { skip }, () => {
  let browser: Browser;
  let context: BrowserContext;
  let place: Place;
  let origin: string;

  before(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 375, height: 800 } });
    place = await openPlace();
    const nour = await place.founder();
    const dora = await nour.bring("dora");
    const emil = await dora.bring("emil");
    await emil.bring("hana");
    origin = await place.app.listen({ host: "127.0.0.1", port: 0 });
  });

  after(async () => {
    await browser?.close();
  });

  async function signIn(page: Page, username: string) {
    await page.goto(`${origin}/sign-in`);
    await page.getByLabel("Username").fill(username);
    await page.getByLabel("Password").fill(passwordOf(username));
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  it("opens the tree, finds a person, suspends the branch, and takes it back in the log", async () => {
    const page = await context.newPage();
    await signIn(page, "nour");
    await page.getByRole("link", { name: "Admin", exact: true }).click();
    await page.getByLabel("Your password, once more").fill(passwordOf("nour"));
    await page.getByRole("button", { name: "Open the tree" }).click();
    assert.equal(await page.getByTestId("tree-node").count(), 4);
    assert.equal(await page.locator("figure svg circle.node").count(), 4);

    await page.getByLabel("Find a person").fill("emi");
    await page.getByRole("button", { name: "Find", exact: true }).click();
    await page.getByTestId("tree-node").getByRole("link", { name: "emil" }).click();
    assert.equal(await page.locator("figure svg circle.node.cut").count(), 2, "emil's branch is marked");
    const suspend = page.locator("form[action='/admin/accounts/suspend']");
    await suspend.getByLabel("Reason").fill("Spam from both.");
    await suspend.getByRole("button", { name: "Suspend" }).click();
    await page.getByText("2 people are suspended").waitFor();

    const other = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await signIn(other, "hana");
    await other.getByText("Spam from both.").waitFor();

    await page.getByRole("link", { name: "Log", exact: true }).click();
    await page
      .getByRole("button", { name: /Take back/ })
      .first()
      .click();
    await page.getByText("That is taken back.").waitFor();
    await signIn(other, "hana");
    await other.getByText("Your account is open again.").waitFor();
    await other.getByRole("link", { name: "Account", exact: true }).click();
    assert.equal(await other.getByTestId("own-act").count(), 2);
    await other.getByText("The invite tree was last opened today by nour").waitFor();
  });

  it("shows a recovery phrase and asks for three of its words", async () => {
    const page = await context.newPage();
    await page.goto(`${origin}/admin/recovery`);
    await page.getByLabel("Your password").fill(passwordOf("nour"));
    await page.getByRole("button", { name: "Show me twelve words" }).click();
    const words = await page.getByTestId("recovery-phrase").getByRole("listitem").allTextContents();
    assert.equal(words.length, 12);
    await page.getByRole("link", { name: "I have written them down" }).click();
    for (const field of await page.locator("input[name^=word_]").all()) {
      const place = Number((await field.getAttribute("name"))?.slice(5));
      await field.fill(words[place - 1] as string);
    }
    await page.getByRole("button", { name: "Keep this phrase" }).click();
    await page.getByText("The recovery phrase is kept.").waitFor();
  });
});
