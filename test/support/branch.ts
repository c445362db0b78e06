import assert from "node:assert/strict";
import { openPlace, type Place, passwordOf, type Visitor } from "./app.js";

/** nour brought dora and bea; below dora is emil, below emil hana. The tree is open. */
export async function openBranch(): Promise<{ place: Place; nour: Visitor }> {
  const place = await openPlace();
  const nour = await place.founder();
  const dora = await nour.bring("dora");
  await (await dora.bring("emil")).bring("hana");
  await nour.bring("bea");
  const fields = { current_password: passwordOf("nour") };
  assert.equal((await nour.post("/admin/tree", fields, "/admin/tree")).statusCode, 303);
  return { place, nour };
}
