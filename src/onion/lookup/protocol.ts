import type { Answer } from "./answerer.js";

/** One request cut out of what a client sent. */
export type Request =
  /** `at`: where the next request starts */
  | { kind: "ask"; key: string; at: number }
  /** understood as a request, but a wrong one; answered, and the connection goes on */
  | { kind: "refuse"; why: string; at: number }
  /** where the next request starts can't be known: answered, then closed */
  | { kind: "broken"; why: string }
  | { kind: "incomplete" };

/** How one of the look-up protocols looks on the wire. Text here is Latin-1: a character for each byte. */
export interface Protocol {
  readonly name: "tcp_table" | "socketmap" | "readsocket";
  /** The longest request taken, in bytes, with its framing. A longer one is refused and the connection closed. */
  readonly maxRequestBytes: number;
  /** One question a connection, which the client may end by half-closing it. */
  readonly oneShot: boolean;
  /**
   * Cuts the request that starts at `from`.
   * @param ended the client has half-closed: nothing will follow
   */
  cut(input: string, from: number, ended: boolean): Request;
  answer(answer: Answer): string;
  refuse(why: string): string;
}

/** Bytes that arrived as Latin-1, read as UTF-8 (an internationalised address); unchanged if they are ASCII. */
export function utf8(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, "latin1").toString("utf8");
}
