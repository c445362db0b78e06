import { LRUCache } from "lru-cache";
import type { Context } from "../../context.js";
import { discoverDomain, warnAboutPolicy } from "../discover.js";
import type { Resolver } from "../dns.js";
import type { Domain } from "../domain.js";
import { readRoutes } from "../queries.js";
import type { Route } from "../route.js";
import type { Answer } from "./answerer.js";

/** Domains without an onion that are remembered, in memory only: who is written to is nobody's business. */
const MAX_NEGATIVE = 10_000;
/** After a failure a domain is not asked about again for this long, and its mail waits. */
const FAILURE_MS = 5000;
/** Questions to the resolver at the same time; beyond, mail waits, so that a flood of look-ups does not become one of DNS. */
const MAX_AT_ONCE = 256;

/** Asks the DNS about domains that the map does not know, when a look-up misses. */
export class Discoverer {
  readonly #context: Pick<Context, "db" | "clock" | "config" | "log">;
  readonly #resolver: Resolver;
  readonly #put: (route: Route) => void;
  readonly #negative = new LRUCache<Domain, "absent" | "unknown">({ max: MAX_NEGATIVE });
  readonly #running = new Map<Domain, Promise<Answer>>();

  /** @param put takes a route that was found, so that the next look-up finds it in the map */
  constructor(
    context: Pick<Context, "db" | "clock" | "config" | "log">,
    resolver: Resolver,
    put: (route: Route) => void,
  ) {
    this.#context = context;
    this.#resolver = resolver;
    this.#put = put;
  }

  /** `unknown` if the DNS or the database can't tell: the mail has to wait. */
  ask(domain: Domain): Promise<Answer> {
    const known = this.#negative.get(domain);
    if (known !== undefined) return Promise.resolve(known);
    const running = this.#running.get(domain);
    if (running !== undefined) return running;
    if (this.#running.size >= MAX_AT_ONCE) return Promise.resolve("unknown");
    const asking = this.#discover(domain).finally(() => this.#running.delete(domain));
    this.#running.set(domain, asking);
    return asking;
  }

  async #discover(domain: Domain): Promise<Answer> {
    try {
      const discovery = await discoverDomain(this.#context, this.#resolver, domain);
      const { finding } = discovery;
      if (finding.kind === "failed") return this.#remember(domain, "unknown", FAILURE_MS);
      // In the background: it is a warning for admins and takes seconds.
      warnAboutPolicy(this.#context, this.#resolver, domain, discovery).catch(() => undefined);
      const route = (await readRoutes(this.#context.db, [domain])).get(domain);
      if (route === undefined) return this.#remember(domain, "absent", finding.ttlSeconds * 1000);
      this.#put(route);
      return route.inTheClear ? "absent" : route;
    } catch {
      // The database. Nothing of the error is logged here: it may quote the domain.
      return this.#remember(domain, "unknown", FAILURE_MS);
    }
  }

  #remember(domain: Domain, answer: "absent" | "unknown", ttl: number): Answer {
    this.#negative.set(domain, answer, { ttl });
    return answer;
  }
}
