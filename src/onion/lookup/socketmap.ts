import { postfixNexthop } from "./postfix-nexthop.js";
import { type Protocol, utf8 } from "./protocol.js";

/** The name of the map in `socketmap:inet:host:port:onion`. */
export const SOCKETMAP_NAME = "onion";
const MAX_REQUEST_BYTES = 4096;

/**
 * Postfix's (and Sendmail's) `socketmap:` tables: netstrings `LENGTH:NAME KEY,`.
 *
 * @see https://www.postfix.org/socketmap_table.5.html
 */
export const socketmap: Protocol = {
  name: "socketmap",
  maxRequestBytes: MAX_REQUEST_BYTES,
  oneShot: false,
  cut(input, from) {
    const colon = input.indexOf(":", from);
    const digits = colon === -1 ? input.slice(from) : input.slice(from, colon);
    // No leading zero, no sign, no more digits than the limit has: anything else is not a netstring.
    if (!/^(?:0|[1-9]\d{0,3})?$/.test(digits) || (colon !== -1 && digits === "")) {
      return { kind: "broken", why: "not a netstring" };
    }
    if (colon === -1) return { kind: "incomplete" };
    const start = colon + 1;
    const end = start + Number(digits);
    if (end + 1 - from > MAX_REQUEST_BYTES) return { kind: "broken", why: "request too long" };
    if (input.length <= end) return { kind: "incomplete" };
    if (input[end] !== ",") return { kind: "broken", why: "not a netstring" };
    const at = end + 1;
    const text = input.slice(start, end);
    const space = text.indexOf(" ");
    if (space <= 0) return { kind: "refuse", why: "a map name and a key are wanted", at };
    if (text.slice(0, space) !== SOCKETMAP_NAME) return { kind: "refuse", why: "no map of this name", at };
    return { kind: "ask", key: utf8(text.slice(space + 1)), at };
  },
  answer(answer) {
    if (answer === "absent") return netstring("NOTFOUND ");
    if (answer === "unknown") return netstring("TEMP try again later");
    return netstring(`OK ${postfixNexthop(answer)}`);
  },
  // TEMP rather than PERM: Postfix may bounce on PERM, and a mistake in main.cf must not cost anybody mail.
  refuse(why) {
    return netstring(`TEMP ${why}`);
  },
};

function netstring(text: string): string {
  return `${text.length}:${text},`;
}
