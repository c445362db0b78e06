import { once } from "node:events";
import * as fs from "node:fs/promises";
import { connect } from "node:net";
import type { Listen } from "./config.js";
import { Failure } from "./failure.js";
import { writeListen } from "./onion/config/settings.js";

/**
 * Begins to listen, and waits until that is done.
 *
 * @param setting the one that says where, for whoever has to change it
 * @throws Failure if the system does not let it
 */
export async function listening<T>(setting: string, where: Listen, begin: () => Promise<T>): Promise<T> {
  try {
    if ("path" in where) await removeAbandoned(where.path);
    return await begin();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    const place = writeListen(where);
    const why =
      code === "EADDRINUSE" ? `something else already listens on ${place}` : `can't listen on ${place} (${code})`;
    throw new Failure(`${why}: set ${setting}`, { cause: error });
  }
}

/** A process that was killed leaves its socket behind, on which nobody else can listen. */
async function removeAbandoned(path: string): Promise<void> {
  const found = await fs.stat(path).catch(() => undefined);
  if (!found?.isSocket()) return;
  const socket = connect({ path });
  try {
    await once(socket, "connect");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") await fs.rm(path, { force: true });
  } finally {
    socket.destroy();
  }
}
