import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openPlace } from "../support/app.js";

const ONION = "http://duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion";

describe("Onion-Location", () => {
  it("names the same page of the onion service, but no page with a secret in its address", async () => {
    const place = await openPlace({ env: { KITH_ORIGIN: "https://kith.example.org", KITH_ONION_ORIGIN: ONION } });
    const header = async (url: string, host = "kith.example.org") =>
      (await place.app.inject({ url, headers: { host } })).headers["onion-location"];
    assert.equal(await header("/sign-in?next=%2Ftrust"), `${ONION}/sign-in`);
    assert.equal(await header(`/invite/${"x".repeat(80)}`), undefined);
    assert.equal(await header(`/handover/${"x".repeat(43)}`), undefined);
    assert.equal(await header("/sign-in", new URL(ONION).host), undefined, "already there");
  });
});
