import type { Kysely } from "kysely";
import type { Database } from "../db/schema.js";
import type { Domain } from "./domain.js";
import { readRoutes } from "./queries.js";
import type { Route } from "./route.js";

/**
 * Where mail to a domain goes, for features that send some themselves.
 *
 * @returns undefined if it takes the clear net: it is not in the map, or an admin allows that while it is unreachable
 * @throws the database's error: not the same as "not in the map"
 */
export async function onionRoute(db: Kysely<Database>, domain: Domain): Promise<Route | undefined> {
  const route = (await readRoutes(db, [domain])).get(domain);
  return route?.inTheClear ? undefined : route;
}
