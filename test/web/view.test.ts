import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { translator } from "#kith/web/i18n.js";
import { createView } from "#kith/web/view.js";
import { PAGE_STATES, SAMPLE_DAY, shell } from "../support/page-states.js";

const viewsDir = new URL("../../views/", import.meta.url);
const templates = readdirSync(viewsDir, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".njk"))
  .map((file) => ({ file, source: readFileSync(new URL(file, viewsDir), "utf8") }));
const catalogue = JSON.parse(readFileSync(new URL("../../locales/en.json", import.meta.url), "utf8")) as object;
const view = createView({ today: () => SAMPLE_DAY, strict: true });
const rendered = PAGE_STATES.flatMap((state) =>
  (["en", "de"] as const).map((language) => ({
    name: `${state.name} (${language})`,
    html: state.render(view, language),
  })),
);

test("no template goes round the escaping", () => {
  for (const { file, source } of templates) {
    assert.doesNotMatch(source, /\bsafe\b|autoescape/, file);
  }
});

test("no template has a style, a script or an event handler inside", () => {
  for (const { file, source } of templates) {
    assert.doesNotMatch(source, /<style|\sstyle=|\son[a-z]+=|javascript:/i, file);
    assert.doesNotMatch(source, /<script(?! src="\/kith\.js" defer><\/script>)/, file);
  }
});

test("every page has its template and its sample, and every template begins with what it needs", () => {
  const pages = templates
    .map(({ file }) => file.replace(/\.njk$/, ""))
    .filter((file) => file !== "layout" && !file.startsWith("partials/"));
  const sampled = new Set<string>(PAGE_STATES.map((state) => state.template));
  assert.deepEqual([...sampled].sort(), pages.sort());
  for (const { file, source } of templates) assert.ok(source.startsWith("{#"), file);
});

test("every sentence that a template asks for exists, and every sentence is asked for", () => {
  const keys = new Set<string>();
  const walk = (value: object, path: string) => {
    for (const [key, child] of Object.entries(value) as [string, unknown][]) {
      if (typeof child === "string") keys.add((path + key).replace(/_(one|other)$/, ""));
      else walk(child as object, `${path}${key}.`);
    }
  };
  walk(catalogue, "");
  const code = ["trust/statement.ts", "web/view.ts"].map((file) =>
    readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8"),
  );
  const sources = [...templates.map(({ source }) => source), ...code];
  const named = new Set(
    sources.flatMap((source) => [...source.matchAll(/["'`]([a-z]\w*(?:\.[\w-]+)+)["'`]/gi)].map((match) => match[1]!)),
  );
  const prefixes = sources.flatMap((source) =>
    [...source.matchAll(/["'`]([a-z]\w*\.(?:[\w-]+\.)*)(?:["'`]|\$\{)/gi)].map((match) => match[1]!),
  );
  for (const key of named) {
    if (/\.(njk|js|ts)$/.test(key)) continue;
    assert.ok(keys.has(key), `a template asks for "${key}"`);
  }
  // What routes choose by key.
  const chosenByRoutes = ["flash.", "event.", "problem.", "onion.problem.", "mail."];
  for (const key of keys) {
    const used = named.has(key) || [...prefixes, ...chosenByRoutes].some((prefix) => key.startsWith(prefix));
    assert.ok(used, `nothing asks for "${key}"`);
  }
});

test("each page has one main, one heading of the first rank, and ids that are unique and lead somewhere", () => {
  for (const { name, html } of rendered) {
    assert.ok(html.startsWith("<!doctype html>"), name);
    assert.equal(html.match(/<main/g)?.length, 1, name);
    assert.equal(html.match(/<h1/g)?.length, 1, name);
    const ids = [...html.matchAll(/\sid="([^"]*)"/g)].map((match) => match[1]!);
    assert.deepEqual(ids, [...new Set(ids)], name);
    for (const [, list] of html.matchAll(/\s(?:aria-labelledby|aria-describedby|for)="([^"]*)"/g)) {
      for (const id of list!.split(" ")) assert.ok(ids.includes(id), `${name}: nothing has the id "${id}"`);
    }
    for (const [, id] of html.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(id!), `${name}: #${id}`);
  }
});

test("every form is a POST that carries the token", () => {
  for (const { name, html } of rendered) {
    for (const [form] of html.matchAll(/<form[\s\S]*?<\/form>/g)) {
      assert.match(form, /^<form[^>]* method="post"/, name);
      assert.match(form, /<input type="hidden" name="_csrf" value="4tqv0m8Jt2bX">/, name);
    }
  }
});

test("what people type comes out as text", () => {
  for (const { name, html } of rendered) {
    assert.doesNotMatch(html, /<script(?! src="\/kith\.js")/, name);
    assert.doesNotMatch(html, /<b>cousin/, name);
    assert.doesNotMatch(html, /undefined|\[object|NaN|\{\{|&amp;lt;/, name);
  }
});

test("words stand in a list of four items with nothing but the words", () => {
  const lists = rendered.flatMap(({ html }) => html.match(/<ol class="words"[\s\S]*?<\/ol>/g) ?? []);
  assert.ok(lists.length > 20);
  for (const list of lists) {
    assert.match(list, /^<ol class="words" data-testid="words"[^>]*>(<li>[a-z]+<\/li>){4}<\/ol>$/);
  }
});

test("pages opened with a secret name nobody in their title", () => {
  for (const { name, html } of rendered) {
    if (!/^(invites\.redeem|resets\.handover)/.test(name)) continue;
    assert.doesNotMatch(/<title>(.*)<\/title>/.exec(html)?.[1] ?? "", /ada|dora/i, name);
  }
});

test("a reset under way is told on every page of an open session, with one button that stops it", () => {
  const band = [{ began: SAMPLE_DAY, chosen: null, agreed: 0, threshold: 1, earliest: null }];
  const html = view.render("resets/help", shell({ me: { username: "ada", label: "ada", isAdmin: false }, band }), {
    form: { username: "" },
  });
  assert.equal(html.match(/action="\/resets\/stop"/g)?.length, 1);
  const home = rendered.find(({ name }) => name === "accounts.home--everything (en)");
  assert.equal(home?.html.match(/action="\/resets\/stop"/g)?.length, 1);
});

test("an error stands in the title, in the summary and at the field", () => {
  const html = view.render(
    "resets/handover",
    shell({ errors: [{ field: "password", key: "problem.password.short", vars: { count: 11, min: 15 } }] }),
    {
      username: "ada",
      name: "ada@example.org",
      secret: "x",
      passwordMin: 15,
      threshold: 1,
      waitDays: 0,
      earliest: SAMPLE_DAY,
      form: { lostSecondStep: false },
      suggestion: null,
    },
  );
  const message = translator("en")("problem.password.short", { count: 11, min: 15 });
  assert.match(html, /<title>Error: Choose a new password · Kith, example\.org<\/title>/);
  assert.ok(html.includes(`<a href="#password">${message}</a>`));
  assert.match(html, /<input id="password"[^>]* aria-invalid="true" aria-describedby="password-error password-hint"/);
  assert.equal(html.split(message).length - 1, 2);
});
