import { dictionary } from "@zxcvbn-ts/language-common";

/** Passwords from breaches, the commonest first, in lower case. */
const LIST = (dictionary["passwords-common"] as string[]).map((password) => password.toLowerCase());

/** How many bits it takes to name each: the logarithm of its place in the list. */
const BITS = new Map([...new Set(LIST)].map((password, place) => [password, Math.log2(place + 2)]));
const LONGEST_CHARACTERS = Math.max(...LIST.map((password) => password.length));

/** What is put together from common passwords in fewer than sixteen million ways is common itself: two of them mostly are. */
const MIN_BITS = 24;

/**
 * Whether a password is on the list; or is one on the list, or up to four characters, written several times over; or
 * is put together from few of them (`iloveyou` + `princess1`), with or without something between.
 *
 * Lists of breached passwords hold hardly any of 15 characters: whoever has to fill so many puts together what is at hand.
 *
 * @param folded in lower case
 */
export function isCommon(folded: string): boolean {
  const joined = folded.replaceAll(/[\s._-]/g, "");
  return BITS.has(folded) || BITS.has(joined) || isRepeated(folded) || bitsOf(joined) < MIN_BITS;
}

function isRepeated(folded: string): boolean {
  for (let period = 1; period <= folded.length / 2; period++) {
    if (folded.length % period !== 0) continue;
    const unit = folded.slice(0, period);
    if (unit.repeat(folded.length / period) === folded && (period <= 4 || BITS.has(unit))) return true;
  }
  return false;
}

/** Bits of the cheapest way to put a text together from what is on the list and single characters. */
function bitsOf(text: string): number {
  const characters = [...text];
  const cheapest = [0];
  for (let end = 1; end <= characters.length; end++) {
    let best = (cheapest[end - 1] as number) + bitsOfCharacter(characters[end - 1] as string);
    for (let start = Math.max(0, end - LONGEST_CHARACTERS); start < end - 1; start++) {
      const bits = BITS.get(characters.slice(start, end).join(""));
      if (bits !== undefined) best = Math.min(best, (cheapest[start] as number) + bits);
    }
    cheapest.push(best);
  }
  return cheapest[characters.length] as number;
}

/** One of ten digits, of 26 letters, or of many more. */
function bitsOfCharacter(character: string): number {
  if (/\d/.test(character)) return Math.log2(10);
  return /[a-z]/.test(character) ? Math.log2(26) : 6;
}
