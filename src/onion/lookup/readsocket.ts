import { orderTargets, type Route } from "../route.js";
import { NOWHERE } from "../virtual-address.js";
import { type Protocol, utf8 } from "./protocol.js";

const MAX_REQUEST_BYTES = 1024;

/**
 * Exim's `${readsocket`: one domain in, one line out, then the connection ends.
 *
 * Every answer ends with a newline, the empty one for "absent" too. The generated router takes only a whole line for
 * an answer: if Kith dies in the middle, Exim sees something without a newline, defers, and the mail does not take
 * the clear net. For an operator with a router of their own: what is not known is answered with an address that Tor
 * refuses, never with an empty line.
 *
 * @see https://www.exim.org/exim-html-current/doc/html/spec_html/ch-string_expansions.html
 */
export const readsocket: Protocol = {
  name: "readsocket",
  maxRequestBytes: MAX_REQUEST_BYTES,
  oneShot: true,
  cut(input, from, ended) {
    const newline = input.indexOf("\n", from);
    if (newline === -1 && !ended) return { kind: "incomplete" };
    const end = newline === -1 ? input.length : newline;
    const text = input.slice(from, end).replace(/\r$/, "");
    const at = newline === -1 ? end : newline + 1;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (text === "" || /[\x00-\x20\x7f]/.test(text)) return { kind: "refuse", why: "a domain is wanted", at };
    return { kind: "ask", key: utf8(text), at };
  },
  answer(answer) {
    if (answer === "absent") return "\n";
    if (answer === "unknown") return `${NOWHERE}::25\n`;
    return `${eximHosts(answer)}\n`;
  },
  refuse() {
    return `${NOWHERE}::25\n`;
  },
};

/** A host list for `route_data`: no spaces, and the colon before the port doubled, since a single one separates hosts. */
function eximHosts(route: Route): string {
  const targets = route.targets.length === 1 ? route.targets : orderTargets(route.targets);
  return targets.map((target) => `${target.virtual}::${target.port}`).join(":");
}
