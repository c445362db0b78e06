import { domainToASCII } from "node:url";

/** A mail domain in the form the map is keyed by: lower-case ASCII (IDNA), no trailing dot, at least two labels. */
export type Domain = string & { readonly brand: "Domain" };

const MAX_DOMAIN_CHARACTERS = 253;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the point is to let nothing of ASCII through but these
const ASCII_OTHER_THAN_LDH = /[\x00-\x2c/\x3a-\x40\x5b-\x60\x7b-\x7f]/;

/**
 * Reads a domain as people and mail servers write it; undefined if it is none that mail could go to.
 *
 * The label rules are our own, before and after IDNA: `domainToASCII` alone follows the rules for URLs, turns
 * `1.2.3` into the IP address `1.2.0.3`, decodes `%41` and lets `_x.org` through.
 */
export function parseDomain(text: string): Domain | undefined {
  let name = text.endsWith(".") ? text.slice(0, -1) : text;
  // 1,000 characters is more than any spelling of a valid name needs; IDNA need not look at longer ones.
  if (name.length === 0 || name.length > 1000 || ASCII_OTHER_THAN_LDH.test(name)) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  if (/[^\x00-\x7f]/.test(name) || /xn--/i.test(name)) name = domainToASCII(name);
  name = name.toLowerCase();
  if (name.length > MAX_DOMAIN_CHARACTERS) return undefined;
  const labels = name.split(".");
  if (labels.length < 2 || !labels.every((label) => LABEL.test(label))) return undefined;
  const top = labels[labels.length - 1]!;
  // A numeric last label makes an IP address of it; `.onion` names are addresses already, not domains with one.
  if (/^\d+$/.test(top) || top === "onion") return undefined;
  return name as Domain;
}

/**
 * The domain of what a mail server asks about: a full address, a bare domain, or a pattern such as `*` that is none.
 * The part before the last `@` is dropped here and goes nowhere else.
 */
export function domainOfKey(key: string): Domain | undefined {
  return parseDomain(key.slice(key.lastIndexOf("@") + 1));
}
