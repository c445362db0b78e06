import { openPlace } from "../support/app.js";
import { routesOf } from "../support/routes.js";

export interface AttackedRoute {
  method: "GET" | "POST";
  url: string;
}

/** Every route of Kith, one by one. */
export async function attackedRoutes(): Promise<AttackedRoute[]> {
  const { app } = await openPlace();
  return routesOf(app).flatMap(({ url, methods }) => methods.map((method) => ({ method, url })));
}
