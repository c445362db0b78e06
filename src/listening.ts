import type { Listen } from "./config.js";
import { Failure } from "./failure.js";
import { writeListen } from "./onion/config/settings.js";

/**
 * Waits until something listens.
 *
 * @param setting the one that says where, for whoever has to change it
 * @throws Failure if the system does not let it
 */
export async function listening<T>(setting: string, where: Listen, begun: Promise<T>): Promise<T> {
  try {
    return await begun;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    const place = writeListen(where);
    const why =
      code === "EADDRINUSE" ? `something else already listens on ${place}` : `can't listen on ${place} (${code})`;
    throw new Failure(`${why}: set ${setting}`, { cause: error });
  }
}
