import { hasControls } from "../../text.js";
import { type Domain, parseDomain } from "../domain.js";
import { explainOnionProblem, parseOnion } from "../onion-address.js";
import { DEFAULT_TARGET, type Target } from "../route.js";

/** A good entry of an imported list. */
export interface ListedEntry {
  line: number;
  domain: Domain;
  targets: [Target, ...Target[]];
  fallback?: boolean;
  note?: string;
}

/** An entry that was not taken, with everything needed to find and mend it. */
export interface Refusal {
  /** From 1, as editors count; in a cdb, which has no lines, the number of the record. */
  line: number;
  /** As written; undefined where the line names none. */
  domain: string | undefined;
  reason: string;
}

export interface ParsedList {
  entries: ListedEntry[];
  refused: Refusal[];
}

/** A target as some format writes it. */
export interface WrittenTarget {
  onion: string;
  port?: number;
  priority?: number;
  weight?: number;
}

/** How long a note may be, in characters. */
const NOTE_CHARACTERS = 500;

function noteProblem(note: string): string | undefined {
  if (hasControls(note)) return "the note has control characters, such as ends of lines";
  if (Array.from(note).length > NOTE_CHARACTERS) return `the note is longer than ${NOTE_CHARACTERS} characters`;
  return undefined;
}

/** Collects the entries of a list: the good ones, and beside them a reason for each other. */
export class ListBuilder {
  readonly #entries = new Map<Domain, ListedEntry>();
  readonly #refused: Refusal[] = [];
  /** Most lists name few onions many times; checking one costs a hash. */
  readonly #onions = new Map<string, ReturnType<typeof parseOnion>>();

  refuse(line: number, domain: string | undefined, reason: string): void {
    this.#refused.push({ line, domain: domain === "" ? undefined : domain, reason });
  }

  /** Takes one entry whole or refuses it with the first thing that is wrong. */
  add(
    line: number,
    domainText: string,
    written: readonly WrittenTarget[],
    more: { fallback?: boolean; note?: string } = {},
  ): void {
    const read = noteProblem(more.note ?? "") ?? this.#read(line, domainText, written);
    if (typeof read === "string") this.refuse(line, domainText, read);
    else this.#entries.set(read.domain, { ...read, ...more });
  }

  /** The entry, or the first thing that is wrong with it. */
  #read(line: number, domainText: string, written: readonly WrittenTarget[]): ListedEntry | string {
    const domain = parseDomain(domainText);
    if (domain === undefined) return "not a domain that mail can go to";
    const targets: Target[] = [];
    for (const target of written) {
      const read = readTarget(target, this.#onion(target.onion));
      if (typeof read === "string") return read;
      if (targets.some((other) => other.onion === read.onion && other.port === read.port)) {
        return "the same onion address twice";
      }
      targets.push(read);
    }
    const [first, ...others] = targets;
    if (first === undefined) return "no onion address";
    const before = this.#entries.get(domain);
    if (before !== undefined) {
      const same = before.targets[0].onion === first.onion && before.targets[0].port === first.port;
      return same ? `already on line ${before.line}` : `on line ${before.line} with another onion address`;
    }
    return { line, domain, targets: [first, ...others] };
  }

  #onion(text: string): ReturnType<typeof parseOnion> {
    let read = this.#onions.get(text);
    if (read === undefined) {
      read = parseOnion(text);
      this.#onions.set(text, read);
    }
    return read;
  }

  get list(): ParsedList {
    return {
      entries: [...this.#entries.values()],
      refused: this.#refused.sort((a, b) => a.line - b.line),
    };
  }
}

function readTarget(written: WrittenTarget, read: ReturnType<typeof parseOnion>): Target | string {
  if ("problem" in read) return explainOnionProblem(read.problem);
  const target = { ...DEFAULT_TARGET, ...written, onion: read.onion };
  if (!isUint16(target.port) || target.port === 0) return "the port is not from 1 to 65535";
  if (!isUint16(target.priority) || !isUint16(target.weight)) return "priority and weight are from 0 to 65535";
  return { onion: read.onion, port: target.port, priority: target.priority, weight: target.weight };
}

function isUint16(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535;
}

/** The lines of a text with their numbers, without line ends; a byte order mark is dropped. */
export function numberedLines(text: string): { line: number; text: string }[] {
  return text
    .replace(/^\ufeff/, "")
    .split(/\r\n?|\n/)
    .map((line, index) => ({ line: index + 1, text: line }));
}
