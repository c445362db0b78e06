import Fastify from "fastify";
import type { Context } from "../context.js";

export async function startWeb(context: Context): Promise<{ url: string; close(): Promise<void> }> {
  const app = Fastify({ forceCloseConnections: true });
  app.get("/", async () => "ok");
  const url = await app.listen(context.config.listen);
  return { url, close: () => app.close() };
}
