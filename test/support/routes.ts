import type { FastifyInstance } from "fastify";

export interface ListedRoute {
  url: string;
  methods: ("GET" | "POST")[];
}

/** Every route that an app really has, from the tree that its router prints. */
export function routesOf(app: FastifyInstance): ListedRoute[] {
  const path: string[] = [];
  const routes: ListedRoute[] = [];
  for (const line of app.printRoutes({ commonPrefix: false }).split("\n")) {
    const match = /^(.*?)[├└]── (\S+)(?: \(([^)]*)\))?/.exec(line);
    if (!match) continue;
    const depth = (match[1] as string).length / 4;
    path.splice(depth, path.length, match[2] as string);
    const methods = (match[3] ?? "").split(", ").filter((method) => method === "GET" || method === "POST");
    if (methods.length > 0) routes.push({ url: path.join(""), methods });
  }
  return routes;
}

/** The same route with something in place of its parameters. */
export function filled(url: string): string {
  return url.replace(":letter", "A".repeat(86)).replace(":secret", "A".repeat(43)).replace("*", "no-such-file");
}
