const FAMILIES: readonly [RegExp, string][] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:HeadlessChrome|Chrome|CriOS|Chromium)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];

/** Family of a browser for the list of sessions, such as `Firefox` or `Safari phone`; `unknown` if it says nothing. */
export function clientFamily(userAgent: string | undefined): string {
  const family = FAMILIES.find(([pattern]) => pattern.test(userAgent ?? ""))?.[1] ?? "unknown";
  return /Mobile|Android|iPhone/.test(userAgent ?? "") ? `${family} phone` : family;
}
