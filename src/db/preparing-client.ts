import pg from "pg";

/** More different statements than Kith has; lists of changing length must not fill the server's memory. */
const MAX_STATEMENTS = 400;
/** Longer ones are rare, and spend their time elsewhere. */
const MAX_STATEMENT_CHARACTERS = 5_000;
/** What PostgreSQL says of a prepared `select *` after another instance has migrated the table. */
const STALE_PLAN = "0A000";

/** Names by text, the same for every connection; undefined: not to be prepared any more. */
const names = new Map<string, string | undefined>();

function nameOf(text: string): string | undefined {
  if (!names.has(text) && names.size < MAX_STATEMENTS && text.length <= MAX_STATEMENT_CHARACTERS) {
    names.set(text, `kith_${names.size}`);
  }
  return names.get(text);
}

/**
 * A connection that prepares each statement at its first use, so that the server parses and plans it once and not at
 * every request. A query on a connection that the server has ended fails with what the server said then.
 */
export class PreparingClient extends pg.Client {
  #end: unknown;

  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on("error", (error: Error & { code?: string }) => {
      if (error.code !== undefined) this.#end ??= error;
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: pg has seven signatures for one function
  override query(config: any, values?: any, callback?: any): any {
    const name = typeof config === "string" && Array.isArray(values) && values.length > 0 ? nameOf(config) : undefined;
    const failed = (error: { code?: string }) => {
      throw error.code === undefined ? (this.#end ?? error) : error;
    };
    if (name === undefined || callback !== undefined) {
      const result: unknown = super.query(config, values, callback);
      return result instanceof Promise ? result.catch(failed) : result;
    }
    return super.query({ name, text: config, values }).catch((error: { code?: string }) => {
      if (error.code !== STALE_PLAN) return failed(error);
      names.set(config, undefined);
      return super.query(config, values);
    });
  }
}
