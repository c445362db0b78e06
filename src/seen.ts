import type { Context } from "./context.js";

type Remembering = Pick<Context, "seen">;

/** The moment of a question to the database: its answer is not measured by what was learnt afterwards. */
export function ask({ seen }: Remembering): number {
  seen.moment += 1;
  return seen.moment;
}

/** Whether this process knew a newer version of an account before it asked: then the one it got was put back. */
export function cameBack({ seen }: Remembering, id: string, version: number, asked: number): boolean {
  const known = seen.versions.get(id);
  return known !== undefined && known.since < asked && version < known.version;
}

/** Remembers how far an account has come. */
export function noteVersion(context: Remembering, id: string, version: number): void {
  const known = context.seen.versions.get(id)?.version ?? 1;
  if (version > known) context.seen.versions.set(id, { version, since: ask(context) });
}
