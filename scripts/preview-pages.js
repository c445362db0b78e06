// Renders every page in every state into a folder, to be looked at: node scripts/preview-pages.js [folder]
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createView } from "../dist/web/view.js";
import { PAGE_STATES, SAMPLE_DAY } from "../dist-test/support/page-states.js";

const folder = resolve(process.argv[2] ?? join(tmpdir(), "kith-pages"));
const view = createView({ today: () => SAMPLE_DAY, strict: true });
mkdirSync(folder, { recursive: true });
cpSync(fileURLToPath(new URL("../public/", import.meta.url)), folder, { recursive: true });
const links = [];
for (const language of ["en", "de"]) {
  for (const state of PAGE_STATES) {
    const file = `${state.name}.${language}.html`;
    const html = state.render(view, language).replaceAll(/(href|src)="\/(kith\.|favicon)/g, '$1="$2');
    writeFileSync(join(folder, file), html);
    links.push(`<li><a href="${file}">${file}</a></li>`);
  }
}
writeFileSync(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><ul>${links.join("\n")}</ul>`);
console.log(`${links.length} pages in ${folder}`);
