import { fileURLToPath } from "node:url";
import nunjucks from "nunjucks";
import type { Language } from "../config.js";
import { caseCircle, circle, ownName } from "../trust/circle.js";
import { type TrustedPerson, trustSummary } from "../trust/statement.js";
import { type Day, LANGUAGES, type Translator, translator, utcToday } from "./i18n.js";
import { ADMIN_PAGES, type FieldError, type Pages, type Shell } from "./pages.js";
import { qrPicture } from "./qr.js";

export interface ViewOptions {
  /** Folder of the templates (default: `views/` beside `dist/`). */
  viewsDir?: string;
  /** The present day in UTC; dates on the pages are told from it. */
  today?: () => Day;
  /** Throw on a sentence that a catalogue lacks (default: everywhere but in production). */
  strict?: boolean;
}

export interface View {
  render<Template extends keyof Pages>(template: Template, shell: Shell, data: Pages[Template]): string;
}

/**
 * The pages.
 *
 * Everything that comes out of a variable is escaped; there is no way round it in a template (a test holds that).
 * Printing something undefined is an error, so that a page never has a hole where a route forgot a value.
 * Templates are compiled once a language, at first use.
 */
export function createView(options: ViewOptions = {}): View {
  const viewsDir = options.viewsDir ?? fileURLToPath(new URL("../../views/", import.meta.url));
  const today = options.today ?? utcToday;
  const environments = new Map<Language, nunjucks.Environment>(
    LANGUAGES.map((language) => {
      const t = translator(language, {
        today,
        ...(options.strict !== undefined && { strict: options.strict }),
      });
      return [language, environment(viewsDir, t, today)];
    }),
  );
  return {
    render(template, shell, data) {
      const env = environments.get(shell.lang);
      if (!env) throw new Error("A page was asked for in a language that has no catalogue");
      return env.render(`${template}.njk`, { ...data, shell: { ...shell, errors: shell.errors.map(withId) } });
    },
  };
}

/** The id of the control that a message is about: the field's name, after its form's where a page has several. */
function withId(error: FieldError): FieldError & { id: string } {
  return { ...error, id: error.form ? `${error.form}-${error.field}` : error.field };
}

function environment(viewsDir: string, t: Translator, today: () => Day): nunjucks.Environment {
  const loader = new nunjucks.FileSystemLoader(viewsDir, { watch: false, noCache: false });
  const env = new nunjucks.Environment(loader, {
    autoescape: true,
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  });
  env.addGlobal("t", t);
  env.addGlobal("rich", t.rich);
  env.addGlobal("today", today);
  env.addGlobal("qrPicture", qrPicture);
  env.addGlobal("trustSummary", trustSummary);
  env.addGlobal("addDays", addDays);
  env.addGlobal("trustCircle", (people: readonly TrustedPerson[], crop = false) =>
    circle(
      people.map(({ username, standing }) => ({ name: username, linked: standing === "counts" })),
      { crop },
    ),
  );
  env.addGlobal("cardCircle", (names: readonly string[]) =>
    circle(
      names.map((name) => ({ name, linked: true })),
      { crop: true },
    ),
  );
  env.addGlobal("caseCircle", (missing: number) =>
    caseCircle(t("circle.you"), missing > 0 ? t("circle.missing", { count: missing }) : undefined),
  );
  env.addGlobal("adminPages", ADMIN_PAGES);
  env.addGlobal("ownName", ownName);
  env.addGlobal("linkedNames", (people: readonly TrustedPerson[], linked: boolean) =>
    people.filter(({ standing }) => (standing === "counts") === linked).map(({ username }) => username),
  );
  env.addGlobal("names", (prefix: string, keys: readonly string[]) => keys.map((key) => t(prefix + key)));
  env.addGlobal("thresholds", (total: number) => Array.from({ length: Math.max(total, 1) }, (_, index) => index + 1));
  return env;
}

function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
