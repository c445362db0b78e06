import { readFileSync } from "node:fs";
import i18next from "i18next";
import type { Language } from "../config.js";

export const LANGUAGES: readonly Language[] = ["en", "de"];

/** `YYYY-MM-DD`, a day in UTC. */
export type Day = string;
/** `YYYY-MM`, a month in UTC. */
export type Month = string;

export type Variables = Readonly<Record<string, string | number | readonly string[]>>;

/** A sentence by its key in the catalogues, with what is put into it. */
export interface Message {
  key: string;
  vars?: Variables;
}

/** A piece of a sentence; `tag` says which element it stands in. */
export interface Segment {
  text: string;
  tag: "" | "b" | "code" | "a";
}

export interface Translator {
  (key: string, vars?: Variables): string;
  language: Language;
  /** A sentence whose catalogue text has `<b>`, `<code>` or `<a>` in it, as segments to be escaped one by one. */
  rich(key: string, vars?: Variables): Segment[];
}

export interface TranslatorOptions {
  /** The present day; formats such as "today" and "on Monday" are counted from it. */
  today?: () => Day;
  /** Throw on a missing key or variable (default: everywhere but in production, which shows the key). */
  strict?: boolean;
}

const localesDir = new URL("../../locales/", import.meta.url);
const catalogues = new Map<Language, object>();

function catalogue(language: Language): object {
  let found = catalogues.get(language);
  if (!found) {
    found = JSON.parse(readFileSync(new URL(`${language}.json`, localesDir), "utf8")) as object;
    catalogues.set(language, found);
  }
  return found;
}

export function utcToday(): Day {
  return new Date().toISOString().slice(0, 10);
}

/**
 * The sentences of one language.
 *
 * Besides plain variables the catalogues use formats: `{{people, and}}` joins a list, `{{name, begin}}` begins a
 * sentence, `{{date, on}}` says "today", "on Monday" or "on 12 November". Which one fits is the language's business,
 * so it stands in the catalogue and not in a template.
 */
export function translator(language: Language, options: TranslatorOptions = {}): Translator {
  const strict = options.strict ?? process.env.NODE_ENV !== "production";
  const i18n = i18next.createInstance();
  void i18n.init({
    lng: language,
    fallbackLng: false,
    resources: { [language]: { translation: catalogue(language) } },
    initAsync: false,
    showSupportNotice: false,
    nsSeparator: false,
    returnObjects: false,
    // The catalogues nest no sentences: nothing begins one. Whatever sign for it a value held would take exponential time.
    interpolation: { escapeValue: false, nestingPrefix: "", nestingPrefixEscaped: "(?!)" },
    parseMissingKeyHandler: (key: string) => {
      if (strict) throw new Error(`The catalogue "${language}" has no "${key}"`);
      return key;
    },
    ...(strict && {
      missingInterpolationHandler: (text: string, match: RegExpExecArray) => {
        throw new Error(`Nothing given for ${match[0]} in "${text}" (${language})`);
      },
    }),
  });
  const formatter = i18n.services.formatter;
  if (!formatter) throw new Error("i18next came without its formatter");
  for (const [name, format] of Object.entries(formats(language, options.today ?? utcToday))) {
    formatter.add(name, (value: unknown) => {
      if (value === undefined || value === null) throw new Error(`Nothing given to the format "${name}" (${language})`);
      return format(value);
    });
  }

  const constants = new Map<string, string>();
  const richConstants = new Map<string, Segment[]>();

  const look = (key: string, vars: Record<string, unknown> | undefined): string => i18n.t(key, vars ?? {});

  const t = ((key: string, vars?: Variables): string => {
    if (vars) return look(key, vars);
    let text = constants.get(key);
    if (text === undefined) {
      text = look(key, undefined);
      constants.set(key, text);
    }
    return text;
  }) as Translator;

  t.language = language;
  t.rich = (key, vars) => {
    if (vars) return segments(look(key, guarded(vars)));
    let parts = richConstants.get(key);
    if (!parts) {
      parts = segments(look(key, undefined));
      richConstants.set(key, parts);
    }
    return parts;
  };
  return t;
}

/** Stands for "<" in what is put into a sentence, so that only the catalogue's own tags are read as tags. */
const GUARD = "\uE000";

function guarded(vars: Variables): Record<string, unknown> {
  const guard = (text: string) => text.replaceAll("<", GUARD);
  return Object.fromEntries(
    Object.entries(vars).map(([name, value]) => [
      name,
      typeof value === "string" ? guard(value) : Array.isArray(value) ? value.map(guard) : value,
    ]),
  );
}

function segments(text: string): Segment[] {
  const result: Segment[] = [];
  let tag: Segment["tag"] = "";
  for (const part of text.split(/(<\/?(?:b|code|a)>)/)) {
    if (part.startsWith("</")) tag = "";
    else if (/^<(?:b|code|a)>$/.test(part)) tag = part.slice(1, -1) as Segment["tag"];
    else if (part !== "") result.push({ text: part.replaceAll(GUARD, "<"), tag });
  }
  return result;
}

const NUMBER_WORDS: Record<Language, readonly string[]> = {
  en: ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
  de: ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"],
};

const NEAR_DAYS: Record<Language, Record<string, string>> = {
  en: { "-1": "yesterday", "0": "today", "1": "tomorrow" },
  de: { "-1": "gestern", "0": "heute", "1": "morgen" },
};

const DAY_MS = 86_400_000;

function formats(language: Language, today: () => Day): Record<string, (value: unknown) => string> {
  const locale = language === "en" ? "en-GB" : "de-DE";
  const on = language === "en" ? "on" : "am";
  const utc = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
  const weekday = utc({ weekday: "long" });
  const dayMonth = utc({ day: "numeric", month: "long" });
  const dayMonthYear = utc({ day: "numeric", month: "long", year: "numeric" });
  const monthOnly = utc({ month: "long" });
  const monthYear = utc({ month: "long", year: "numeric" });
  const and = new Intl.ListFormat(locale, { type: "conjunction" });
  const or = new Intl.ListFormat(locale, { type: "disjunction" });

  const parse = (value: unknown) => {
    const text = String(value);
    const date = new Date(`${text.length === 7 ? `${text}-01` : text}T00:00:00Z`);
    if (Number.isNaN(date.getTime())) throw new Error("Not a day or month in the form YYYY-MM-DD or YYYY-MM");
    return date;
  };
  const distance = (date: Date) => Math.round((date.getTime() - parse(today()).getTime()) / DAY_MS);
  const plain = (date: Date) => (Math.abs(distance(date)) > 300 ? dayMonthYear : dayMonth).format(date);
  const full = (date: Date) => `${weekday.format(date)}, ${plain(date)}`;
  const near = (date: Date) => NEAR_DAYS[language][String(distance(date))];
  const withinWeek = (date: Date) => Math.abs(distance(date)) < 7;
  const names = (value: unknown) => (value as readonly string[]).map(String);
  const strong = (value: unknown) => names(value).map((name) => `<b>${name}</b>`);
  const capital = (value: unknown) => String(value).charAt(0).toLocaleUpperCase(locale) + String(value).slice(1);
  const beginning = (value: unknown) => names(value).map((name, index) => (index === 0 ? capital(name) : name));
  const word = (value: unknown) => NUMBER_WORDS[language][Number(value)] ?? String(value);

  // i18next looks formats up in small letters: no two may differ in capitals only.
  return {
    // Lists and words
    and: (value) => and.format(names(value)),
    beginAnd: (value) => capital(and.format(names(value))),
    or: (value) => or.format(names(value)),
    strongAnd: (value) => and.format(strong(value)),
    strongOr: (value) => or.format(strong(value)),
    beginStrongAnd: (value) => and.format(strong(beginning(value))),
    beginStrongOr: (value) => or.format(strong(beginning(value))),
    begin: capital,
    word,
    beginWord: (value) => capital(word(value)),
    // Thursday, 27 November
    day: (value) => full(parse(value)),
    // 27 November
    date: (value) => plain(parse(value)),
    // March 2025; June (of this year)
    month: (value) => monthYear.format(parse(value)),
    shortMonth: (value) =>
      (String(value).slice(0, 4) === today().slice(0, 4) ? monthOnly : monthYear).format(parse(value)),
    // today; Thursday; Thursday, 27 November
    near: (value) => {
      const date = parse(value);
      return near(date) ?? (withinWeek(date) ? weekday.format(date) : full(date));
    },
    // today; on Monday; on 12 November
    on: (value) => {
      const date = parse(value);
      return near(date) ?? `${on} ${withinWeek(date) ? weekday.format(date) : plain(date)}`;
    },
    // today; on Thursday, 27 November
    onDay: (value) => {
      const date = parse(value);
      return near(date) ?? `${on} ${full(date)}`;
    },
    // Today; On Thursday, 27 November
    beginOn: (value) => {
      const date = parse(value);
      return capital(near(date) ?? `${on} ${full(date)}`);
    },
    // Today; Monday, 24 November
    beginDay: (value) => {
      const date = parse(value);
      return capital(near(date) ?? full(date));
    },
    // today; Sunday, 23 November; 18 November
    ago: (value) => {
      const date = parse(value);
      return near(date) ?? (withinWeek(date) ? full(date) : plain(date));
    },
    // today; Sunday; 18 November
    since: (value) => {
      const date = parse(value);
      return near(date) ?? (withinWeek(date) ? weekday.format(date) : plain(date));
    },
  };
}

/** The language of a page for somebody who is not signed in: the chosen one, else the browser's, else the default. */
export function pickLanguage(
  acceptLanguage: string | undefined,
  cookie: string | undefined,
  fallback: Language,
): Language {
  const chosen = LANGUAGES.find((language) => language === cookie);
  if (chosen) return chosen;
  const wanted = (acceptLanguage ?? "")
    .slice(0, 500)
    .split(",")
    .map((entry) => {
      const [range = "", ...parameters] = entry.trim().toLowerCase().split(";");
      const quality = parameters.map((parameter) => /^\s*q=([01](?:\.\d+)?)\s*$/.exec(parameter)?.[1]).find(Boolean);
      return { primary: range.trim().split("-")[0], quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter((entry) => entry.quality > 0)
    .sort((one, other) => other.quality - one.quality);
  for (const { primary } of wanted) {
    const match = LANGUAGES.find((language) => language === primary);
    if (match) return match;
  }
  return fallback;
}
