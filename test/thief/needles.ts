import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Looks for many texts, in every way in which they could be written, in files of any kind. */
export class Needles {
  private readonly byStart = new Map<number, { label: string; bytes: Buffer }[]>();
  /** Whether anything begins with these three bytes. */
  private readonly starts = new Uint8Array(1 << 24);

  /** @param text at least eight characters, or bytes; anything shorter is found by chance */
  add(label: string, text: string | Uint8Array): void {
    const bytes = Buffer.from(text as string);
    if (bytes.length < 8) throw new Error(`${label} is too short`);
    const forms = writtenForms(bytes);
    for (const form of new Map(forms.map((one) => [one.toString("latin1"), one])).values()) {
      const start = form.readUIntBE(0, 3);
      this.starts[start] = 1;
      this.byStart.set(start, [...(this.byStart.get(start) ?? []), { label, bytes: form }]);
    }
  }

  /** How often each label is found; those that are not found are not in it. */
  countIn(haystack: Buffer, counts: Map<string, number> = new Map()): Map<string, number> {
    let start = 0;
    for (let at = 0; at < haystack.length; at++) {
      start = ((start << 8) | (haystack[at] as number)) & 0xffffff;
      if (this.starts[start] === 0 || at < 2) continue;
      for (const { label, bytes } of this.byStart.get(start) ?? []) {
        const from = at - 2;
        if (haystack.compare(bytes, 0, bytes.length, from, Math.min(from + bytes.length, haystack.length)) !== 0)
          continue;
        counts.set(label, (counts.get(label) ?? 0) + 1);
      }
    }
    return counts;
  }
}

/** As UTF-8 and UTF-16, in hex, in base64 at each of three offsets, in a URL, in a C string. */
function writtenForms(bytes: Buffer): Buffer[] {
  const text = bytes.toString("utf8");
  const isText = Buffer.from(text).equals(bytes);
  const forms = [bytes, Buffer.from(bytes.toString("hex")), Buffer.from(bytes.toString("hex").toUpperCase())];
  for (const offset of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
    // Without the characters that also depend on what stands before or behind.
    const from = [0, 2, 3][offset] as number;
    const length = Math.floor((shifted.length * 8) / 6);
    for (const encoding of ["base64", "base64url"] as const) {
      forms.push(Buffer.from(shifted.toString(encoding).slice(from, length)));
    }
  }
  if (isText) {
    forms.push(Buffer.from(text, "utf16le"));
    forms.push(
      Buffer.from(encodeURIComponent(text)),
      Buffer.from(new URLSearchParams([["", text]]).toString().slice(1)),
    );
    forms.push(Buffer.from(JSON.stringify(text).slice(1, -1)));
  }
  return forms;
}

/** Every file below a directory, as it is at this moment; what vanishes meanwhile is passed over. */
export function filesIn(directory: string): { name: string; bytes: Buffer }[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).flatMap((name) => {
    try {
      const path = join(directory, name);
      return statSync(path).isFile() ? [{ name, bytes: readFileSync(path) }] : [];
    } catch {
      return [];
    }
  });
}
