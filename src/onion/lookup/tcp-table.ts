import { postfixNexthop } from "./postfix-nexthop.js";
import { type Protocol, utf8 } from "./protocol.js";

/** tcp_table(5): "get SPACE key NEWLINE"; the manual's own limit for a line is 4096 characters. */
const MAX_REQUEST_BYTES = 4096;

/** Most keys: nothing in them is escaped, or should have been. */
const PLAIN = /^[\x21-\x24\x26-\x7e]+$/;

/**
 * Postfix's `tcp:` tables.
 *
 * 500 means "certainly not there", and the mail takes the clear net; 400 means "could not find out", and it waits.
 *
 * @see https://www.postfix.org/tcp_table.5.html
 */
export const tcpTable: Protocol = {
  name: "tcp_table",
  maxRequestBytes: MAX_REQUEST_BYTES,
  oneShot: false,
  cut(input, from) {
    const end = input.indexOf("\n", from);
    if (end === -1) return { kind: "incomplete" };
    const at = end + 1;
    // The manual wants everything but printable ASCII written as %XX, so a raw byte is a broken client.
    if (!input.startsWith("get ", from)) return { kind: "refuse", why: "only get is understood", at };
    const written = input.slice(from + 4, end);
    if (PLAIN.test(written)) return { kind: "ask", key: written, at };
    if (!/^[\x21-\x7e]+$/.test(written)) return { kind: "refuse", why: "malformed key", at };
    if (/%(?![0-9a-f]{2})/i.test(written)) return { kind: "refuse", why: "malformed key", at };
    const bytes = written.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    return { kind: "ask", key: utf8(bytes), at };
  },
  answer(answer) {
    if (answer === "absent") return "500 no onion\n";
    if (answer === "unknown") return "400 try again later\n";
    const value = postfixNexthop(answer);
    // Only a list has spaces in it.
    return `200 ${answer.targets.length === 1 ? value : encode(value)}\n`;
  },
  refuse(why) {
    return `400 ${encode(why)}\n`;
  },
};

/** Spaces would end the value; nothing else that is answered needs it. */
function encode(text: string): string {
  return text.replaceAll(" ", "%20");
}
