import type pg from "pg";

/**
 * Does something once, as if somebody else did it at that very moment: when statements like these were sent one after
 * the other, before the last of them is.
 */
export async function beforeStatement(pool: pg.Pool, like: RegExp[], act: () => Promise<unknown>): Promise<void> {
  const coming = [...like];
  await watchStatements(pool, (text) => {
    if (!coming[0]?.test(text)) return undefined;
    coming.shift();
    return coming.length === 0 ? act() : undefined;
  });
}

/** From now on `note` is told of every statement that Kith sends over this pool, and waited for if it takes time. */
export async function watchStatements(
  pool: pg.Pool,
  note: (text: string, values: readonly unknown[]) => unknown,
): Promise<void> {
  const watch = (client: pg.PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    // biome-ignore lint/suspicious/noExplicitAny: all of pg's ways to call it
    (client as any).query = (...args: any[]) => {
      const text = typeof args[0] === "string" ? args[0] : args[0]?.text;
      const noted = note(String(text), (Array.isArray(args[1]) ? args[1] : args[0]?.values) ?? []);
      return noted instanceof Promise ? noted.then(() => query(...args)) : query(...args);
    };
  };
  // Connections that are open already were made without being watched.
  const clients = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()));
  for (const client of clients) client.release(true);
  pool.on("connect", watch as never);
}
