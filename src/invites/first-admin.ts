import type { Context } from "../context.js";

export async function firstAdminLink(_context: Context): Promise<string | undefined> {
  return undefined;
}
