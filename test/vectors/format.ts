/** What a second implementation should find, too. */
export const EXPECTATIONS = ["success", "no match", "hash mismatch", "open failure"] as const;
export type Expectation = (typeof EXPECTATIONS)[number];

/** A vector: a header of `key: value` lines, a blank line, the body. A key may stand there several times. */
export interface Vector {
  header: Map<string, string[]>;
  body: string;
}

export function parseVector(text: string): Vector {
  const [head = "", ...rest] = text.split("\n\n");
  const header = new Map<string, string[]>();
  for (const line of head.split("\n")) {
    const match = /^([a-z][a-z-]*): (.*)$/.exec(line);
    if (!match) throw new Error(`not a header line: ${line}`);
    const [, key, value] = match as unknown as [string, string, string];
    header.set(key, [...(header.get(key) ?? []), value]);
  }
  return { header, body: rest.join("\n\n").replace(/\n$/, "") };
}

export function formatVector(header: readonly (readonly [string, string])[], body: string): string {
  return `${header.map(([key, value]) => `${key}: ${value}`).join("\n")}\n\n${body}\n`;
}

/** Bytes in a body: base64 in lines of 64 characters. */
export function bodyOf(bytes: Uint8Array): string {
  return (
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? []
  ).join("\n");
}
