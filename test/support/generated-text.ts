/** The parts of a text that `kith onion config` prints, by the word in their heading `#### word: file`. */
export function partsOf(text: string): Record<string, string> {
  const parts: Record<string, string> = {};
  for (const part of text.split(/^#### /m).slice(1)) {
    const [, name = "", body = ""] = /^(\w+):[^\n]*\n([\s\S]*)$/.exec(part) ?? [];
    parts[name] = body;
  }
  return parts;
}
