import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Place, passwordOf } from "../support/app.js";
import { needBrowser } from "../support/need.js";
import { openCommunity, trustAll, turnOnSecondStep } from "../support/resets.js";

// Resets as people go through them, in a real browser without script, on a phone.

const { executablePath, skip } = needBrowser();
const PHONE = { width: 390, height: 844 };

describe("a reset in a browser without script", { skip }, () => {
  let browser: Browser;

  before(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  });
  after(async () => {
    await browser?.close();
  });

  async function listen(place: Place): Promise<string> {
    return await place.app.listen({ host: "127.0.0.1", port: 0 });
  }

  /** A phone of somebody's own. */
  async function phone(origin: string): Promise<Page> {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: PHONE, baseURL: origin });
    return await context.newPage();
  }

  async function signIn(page: Page, username: string, password = passwordOf(username)): Promise<void> {
    await page.goto("/sign-in");
    await page.getByLabel("Username").fill(username);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  async function name(page: Page, username: string): Promise<void> {
    await page.getByRole("link", { name: "Help someone" }).first().click();
    await page.getByLabel("Whom do you help?").fill(username);
    await page.getByRole("button", { name: "Help", exact: true }).click();
  }

  const words = async (page: Page) => await page.getByTestId("words").first().locator("li").allTextContents();
  /** What stands in the link's box, as a path: the place's own origin is another one in tests. */
  const handover = async (page: Page) =>
    new URL((await page.getByTestId("handover-link").textContent()) ?? "").pathname;

  async function chooseAt(page: Page, path: string, password: string): Promise<string[]> {
    await page.goto(path);
    await page.getByLabel("New password").fill(password);
    await page.getByRole("button", { name: "Use this password" }).click();
    await page.getByRole("heading", { name: "Now read out four words" }).waitFor();
    return await words(page);
  }

  async function agree(page: Page, username: string, read: string[]): Promise<void> {
    await name(page, username);
    const form = page.getByTestId("case").filter({ hasText: read[0] as string });
    assert.deepEqual(await form.getByTestId("words").locator("li").allTextContents(), read);
    await form.getByRole("button", { name: /match/ }).click();
    await page.getByRole("heading", { name: "You have agreed" }).waitFor();
  }

  test("by two of three, with a wait: from the link to being back in", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    await trustAll(who.ada, ["bea", "cem", "dora"], { threshold: 2, waitDays: 3 });
    const origin = await listen(place);
    const [ada, bea, cem] = [await phone(origin), await phone(origin), await phone(origin)];
    await signIn(bea, "bea");
    await name(bea, "ada");
    const path = await handover(bea);
    const read = await chooseAt(ada, path, passwordOf("ada", 2));
    await agree(bea, "ada", read);
    await signIn(ada, "ada", passwordOf("ada", 2));
    assert.match((await ada.locator("main").textContent()) ?? "", /Not yet, ada/);
    assert.match((await ada.locator("main").textContent()) ?? "", /1 of 2 have agreed/);
    assert.deepEqual(await words(ada), read);
    await signIn(cem, "cem");
    await agree(cem, "ada", read);
    place.days(3);
    await signIn(ada, "ada", passwordOf("ada", 2));
    await ada.getByText("You are back in, ada").waitFor();
    await ada.goto(path);
    await ada.getByRole("heading", { name: "This link is dead" }).waitFor();
  });

  test("stopped by the button that stands on every page of an open session", async () => {
    const { place, who } = await openCommunity(["ada", "bea"]);
    await trustAll(who.ada, ["bea"]);
    const origin = await listen(place);
    const [ada, bea, intruder] = [await phone(origin), await phone(origin), await phone(origin)];
    await signIn(ada, "ada");
    await signIn(bea, "bea");
    await name(bea, "ada");
    const read = await chooseAt(intruder, await handover(bea), passwordOf("intruder"));
    await agree(bea, "ada", read);
    for (const link of ["Trust", "Invites", "Security", "Home"]) {
      await ada.getByRole("link", { name: link, exact: true }).first().click();
      assert.equal(await ada.getByRole("button", { name: "Stop this reset" }).count(), 1, link);
    }
    await ada.getByRole("button", { name: "Stop this reset" }).click();
    await ada.getByRole("heading", { name: "The reset is stopped" }).waitFor();
    assert.match((await ada.locator("main").textContent()) ?? "", /Bea had agreed/);
    await signIn(intruder, "ada", passwordOf("intruder"));
    await intruder.getByText("Username and password don’t go together").first().waitFor();
  });

  test("with the key kept, and a removal that asks for the password", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem", "dora"]);
    const origin = await listen(place);
    const [ada, bea, cem] = [await phone(origin), await phone(origin), await phone(origin)];
    for (const trusted of ["bea", "cem", "dora"]) await who.ada.trust(trusted);
    await signIn(ada, "ada");
    await ada.getByRole("link", { name: "Trust", exact: true }).first().click();
    await ada.getByLabel("How many must agree").selectOption("2");
    await ada.getByLabel("Give me my key back too").check();
    await ada.getByLabel("Your password").fill(passwordOf("ada"));
    await ada.getByRole("button", { name: "Save the rules" }).click();
    await ada.getByText("Your rules are saved.").waitFor();
    await ada.getByRole("button", { name: "Remove dora" }).click();
    await ada.getByRole("heading", { name: "Remove dora?" }).waitFor();
    await ada.getByTestId("confirm-removal").getByLabel("Your password").fill(passwordOf("ada"));
    await ada.getByTestId("confirm-removal").getByRole("button", { name: "Remove dora" }).click();
    assert.match((await ada.getByRole("status").textContent()) ?? "", /You have a new key/);
    assert.equal(await ada.getByTestId("statement").textContent(), "Bea and cem together can let you back in.");

    await signIn(bea, "bea");
    await name(bea, "ada");
    const locked = await phone(origin);
    const read = await chooseAt(locked, await handover(bea), passwordOf("ada", 2));
    await agree(bea, "ada", read);
    await signIn(cem, "cem");
    await agree(cem, "ada", read);
    await signIn(locked, "ada", passwordOf("ada", 2));
    await locked.getByText("Your people and your letters are as they were").waitFor();
    await locked.getByRole("link", { name: "Trust", exact: true }).first().click();
    assert.equal(await locked.getByTestId("statement").textContent(), "Bea and cem together can let you back in.");
  });

  test("two resets side by side, and a lost second step", async () => {
    const { place, who } = await openCommunity(["ada", "bea", "cem"]);
    await trustAll(who.ada, ["bea", "cem"]);
    await turnOnSecondStep(place, who.ada);
    const origin = await listen(place);
    const [one, other] = [await phone(origin), await phone(origin)];
    const real = await chooseAt(one, await who.bea.openCase("ada"), passwordOf("ada", 2));
    await other.goto(await who.cem.openCase("ada", true));
    await other.getByLabel("New password").fill(passwordOf("intruder"));
    await other.getByLabel("I also lost my second step").check();
    await other.getByRole("button", { name: "Use this password" }).click();
    const bea = await phone(origin);
    await signIn(bea, "bea");
    await name(bea, "ada");
    assert.equal(await bea.getByTestId("case").count(), 2);
    await bea.getByText("somebody else is trying to get in").waitFor();
    await bea.getByText("Ada also lost the second step.").waitFor();
    const overflow = await bea.getByTestId("case").nth(1).boundingBox();
    assert.ok(overflow && overflow.x >= 0 && overflow.x + overflow.width <= PHONE.width, "fits a phone");
    const form = bea.getByTestId("case").filter({ hasText: real.join("") });
    await form.getByRole("button", { name: /match/ }).click();
    await bea.getByRole("heading", { name: "You have agreed" }).waitFor();
  });
});
