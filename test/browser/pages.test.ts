import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { createView } from "#kith/web/view.js";
import { needBrowser } from "../support/need.js";
import { PAGE_STATES, SAMPLE_DAY } from "../support/page-states.js";

// Every page in every state as a browser shows it, under the policy that production sends.

const { executablePath, skip } = needBrowser();
const ORIGIN = "http://kith.test";
const POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'";
const MAX_PAGE_BYTES = 60_000;
const WIDTHS = [320, 1280];
const SCHEMES = ["light", "dark"] as const;

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const asset = (name: string) => readFileSync(new URL(`../../public/${name}`, import.meta.url));
const assets = new Map([
  ["/kith.css", { contentType: "text/css", body: asset("kith.css") }],
  ["/kith.js", { contentType: "text/javascript", body: asset("kith.js") }],
  ["/favicon.svg", { contentType: "image/svg+xml", body: asset("favicon.svg") }],
]);
const assetBytes = [...assets.values()].reduce((sum, { body }) => sum + body.length, 0);
const view = createView({ today: () => SAMPLE_DAY, strict: true });

describe("the pages in a browser", { skip }, () => {
  let browser: Browser;
  let page: Page;
  let html = "";
  let problems: string[] = [];

  before(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    // Without transitions, so that a change of the colour scheme is complete when it is measured.
    const context = await browser.newContext({ reducedMotion: "reduce" });
    await context.route("**/*", (route) => {
      const { pathname } = new URL(route.request().url());
      const found = assets.get(pathname);
      if (found) return route.fulfill(found);
      return route.fulfill({
        contentType: "text/html; charset=utf-8",
        headers: { "content-security-policy": POLICY },
        body: html,
      });
    });
    // One for all: a new one would have to learn axe's half a million characters anew.
    page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(String(error)));
  });

  after(async () => {
    await browser?.close();
  });

  for (const state of PAGE_STATES) {
    test(`${state.name} is accessible, fits a small phone, and obeys the policy`, async () => {
      problems = [];
      // What is said has no colour of its own: one language is looked at by day and night; the other, and wide, by day and in
      // the first state of each page.
      const isFirst = !state.name.includes("--");
      for (const language of ["en", "de"] as const) {
        html = state.render(view, language);
        const bytes = Buffer.byteLength(html) + assetBytes;
        assert.ok(bytes < MAX_PAGE_BYTES, `${bytes} bytes`);
        await page.goto(`${ORIGIN}/page`);
        if (language === "en" || isFirst) await page.evaluate(axeSource);
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 800 });
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          assert.equal(overflow, 0, `${language} at ${width} px is ${overflow} px too wide`);
          const isPhone = width === WIDTHS[0];
          const isLookedAt = isFirst || (language === "en" && isPhone);
          const looks = !isLookedAt ? [] : !isPhone ? [SCHEMES[0]] : language === "en" ? SCHEMES : [SCHEMES[0]];
          for (const colorScheme of looks) {
            await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
            const violations = await page.evaluate(
              async (options) => {
                // biome-ignore lint/suspicious/noExplicitAny: put into the page as text, without its types
                const { violations } = await (globalThis as any).axe.run(document, options);
                return (violations as { id: string; nodes: { html: string; failureSummary: string }[] }[]).map(
                  ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`,
                );
              },
              // By night nothing but colours is another.
              { resultTypes: ["violations"], ...(colorScheme === "dark" && { runOnly: ["color-contrast"] }) },
            );
            assert.deepEqual(violations, [], `${language}, ${width} px, ${colorScheme}`);
          }
        }
      }
      assert.deepEqual(problems, []);
    });
  }
});
