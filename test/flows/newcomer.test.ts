import { describe, it } from "node:test";
import { openPlace } from "../support/app.js";
import { tellNewcomer } from "../support/newcomer.js";

describe("what a newcomer sees", () => {
  it("join, trust, forget the password, be let back in, and be trusted again", async () => {
    await tellNewcomer(await openPlace());
  });
});
