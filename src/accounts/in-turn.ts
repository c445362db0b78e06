import pLimit, { type LimitFunction } from "p-limit";

/** Whose turn it is, by what is changed. */
const turns = new Map<string, LimitFunction>();

/**
 * Does work on one thing after the other, within this process.
 *
 * @param id of the account or session that is changed
 */
export async function inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
  const turn = turns.get(id) ?? pLimit(1);
  turns.set(id, turn);
  try {
    return await turn(work);
  } finally {
    if (turn.activeCount + turn.pendingCount === 0) turns.delete(id);
  }
}
