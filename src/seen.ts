import { LRUCache } from "lru-cache";
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

/** More than end while one of them could still be open. */
const ENDED_SESSIONS = 100_000;

export function rememberEndedSessions(): LRUCache<string, number> {
  return new LRUCache({ max: ENDED_SESSIONS });
}

/** Remembers how far an account has come. */
export function noteVersion(context: Remembering, id: string, version: number): void {
  const known = context.seen.versions.get(id)?.version ?? 1;
  if (version > known) context.seen.versions.set(id, { version, since: ask(context) });
}
