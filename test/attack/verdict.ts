/** What sqlmap was let loose on: `POST username`, `GET q`, or `URI #1*` for the marked place of an address. */
export type Parameter = `${"GET" | "POST" | "URI"} ${string}`;

export interface Verdict {
  tested: string[];
  /** As sqlmap names them: `q (GET)`. */
  injectable: string[];
}

/**
 * sqlmap's own words. Where it finds something it leaves the other parameters alone.
 *
 * @param parameters all that should have been tested
 * @throws if it found nothing and did not test each of them: that is not one that found nothing
 */
export function readVerdict(stdout: string, parameters: readonly Parameter[]): Verdict {
  const refused = [...stdout.matchAll(/\b(\w+) parameter '([^']+)' does not seem to be injectable/g)];
  const found = [...stdout.matchAll(/^Parameter: (.+) \((.+)\)$/gm)];
  const guessed = [...stdout.matchAll(/parameter '([^']+)' (?:is vulnerable|appears to be '.*' injectable)/g)];
  const tested = [
    ...refused.map(([, kind, name]) => `${kind} ${name}`),
    ...found.map(([, name, kind]) => `${kind} ${name}`),
  ];
  const missed = parameters.filter((parameter) => !tested.includes(parameter));
  if (found.length === 0 && (missed.length > 0 || parameters.length === 0))
    throw new Error(`sqlmap did not test ${missed.join(", ") || "anything"}:\n${stdout.slice(-3_000)}`);
  if (found.length === 0 && guessed.length > 0)
    console.log(`# sqlmap took back: ${guessed.map(([line]) => line).join("; ")}`);
  return { tested, injectable: found.map(([, name, kind]) => `${name} (${kind})`) };
}
