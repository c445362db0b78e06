import type pg from "pg";

/** From now on `note` is told of every statement that Kith sends over this pool. */
export async function watchStatements(
  pool: pg.Pool,
  note: (text: string, values: readonly unknown[]) => void,
): Promise<void> {
  const watch = (client: pg.PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    // biome-ignore lint/suspicious/noExplicitAny: all of pg's ways to call it
    (client as any).query = (...args: any[]) => {
      const text = typeof args[0] === "string" ? args[0] : args[0]?.text;
      note(String(text), (Array.isArray(args[1]) ? args[1] : args[0]?.values) ?? []);
      return query(...args);
    };
  };
  // Connections that are open already were made without being watched.
  const clients = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()));
  for (const client of clients) client.release(true);
  pool.on("connect", watch as never);
}
