import { type Domain, domainOfKey } from "../domain.js";
import type { Route } from "../route.js";

/**
 * `absent`: there is certainly no onion for it, the clear net is right.
 * `unknown`: something broke; the mail has to wait. Never the same as absent.
 */
export type Answer = Route | "absent" | "unknown";

/** Asked about a domain that the map does not know; rejects or answers `unknown` if it could not find out. */
export type OnMiss = (domain: Domain) => Promise<Answer>;

/**
 * Answers mail servers from memory.
 *
 * What was asked is not kept: no log, no counter, no cache and no error message here holds a key or a part of one.
 */
export class Answerer {
  #routes: ReadonlyMap<string, Route> | undefined;
  readonly #own: ReadonlySet<string>;
  readonly #onMiss: OnMiss | undefined;

  /** @param ownDomains always answered `absent`: mail to them never leaves this house */
  constructor(ownDomains: Iterable<string>, onMiss?: OnMiss) {
    this.#own = new Set(ownDomains);
    this.#onMiss = onMiss;
  }

  /** The map to answer from; until the first one every answer is `unknown`. */
  set routes(routes: ReadonlyMap<string, Route>) {
    this.#routes = routes;
  }

  /** @param key a full address, a bare domain, or any pattern that a mail server tries */
  ask(key: string): Answer | Promise<Answer> {
    const routes = this.#routes;
    if (routes === undefined) return "unknown";
    // What the map holds is valid and in its canonical form: most questions need no more than this.
    const plain = key.slice(key.lastIndexOf("@") + 1);
    const known = routes.get(plain);
    if (known !== undefined && !this.#own.has(plain)) return known.inTheClear ? "absent" : known;
    const domain = domainOfKey(key);
    if (domain === undefined || this.#own.has(domain)) return "absent";
    const route = routes.get(domain);
    if (route !== undefined) return route.inTheClear ? "absent" : route;
    return this.#onMiss === undefined ? "absent" : this.#onMiss(domain).catch(() => "unknown" as const);
  }
}
