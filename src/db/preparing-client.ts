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
 * every request.
 */
export class PreparingClient extends pg.Client {
  // biome-ignore lint/suspicious/noExplicitAny: pg has seven signatures for one function
  override query(config: any, values?: any, callback?: any): any {
    const name = typeof config === "string" && Array.isArray(values) && values.length > 0 ? nameOf(config) : undefined;
    if (name === undefined || callback !== undefined) return super.query(config, values, callback);
    return super.query({ name, text: config, values }).catch((error: { code?: string }) => {
      if (error.code !== STALE_PLAN) throw error;
      names.set(config, undefined);
      return super.query(config, values);
    });
  }
}
