/** A module hook: whoever imports `node:test` gets the harness. */
export async function resolve(
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => Promise<unknown>,
): Promise<unknown> {
  if (specifier !== "node:test") return await next(specifier, context);
  return { url: new URL("./harness.js", import.meta.url).href, format: "module", shortCircuit: true };
}
