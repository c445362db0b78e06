import { utf8 } from "./protocol/bytes.js";

/** Whether a text has control characters. No line needs them: JSON makes six bytes of most, PostgreSQL refuses one. */
export function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** The text on one line: a blank for control characters, such as ends of lines; none before and after. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").trim();
}

/** How many bytes a text takes inside of JSON, where quotation marks and backslashes take two. */
export function jsonBytes(text: string): number {
  return utf8(JSON.stringify(text)).length - 2;
}
