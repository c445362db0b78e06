import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { randomFrom } from "../support/random.js";
import { judge, type Sample } from "./classifier.js";
import { Features } from "./features.js";

/** Rounds in communities of twenty, in which nothing tells the world but what `tell` adds. */
function rounds(
  communities: number,
  tell: (world: boolean, community: number, random: () => number) => [string, number][],
  share: (community: number) => number = () => 0.5,
): Sample[] {
  const random = randomFrom(7);
  return Array.from({ length: communities * 20 }, (_, at) => {
    const community = Math.floor(at / 20);
    const world = random() < share(community);
    const noise = Array.from({ length: 40 }, (_, n): [string, number] => [`noise ${n}`, Math.floor(random() * 5)]);
    return {
      world,
      community: `${community}`,
      features: new Features(new Map([...noise, ...tell(world, community, random)])),
    };
  });
}

describe("the classifier", () => {
  it("finds a length that is another in nine rounds of ten", () => {
    const { right, rounds: all } = judge(
      rounds(15, (world, _, random) => [["length", random() < 0.9 === world ? 405 : 421]]),
    );
    assert.ok(right >= 0.85 * all, `${right} of ${all}`);
  });

  it("puts many weak hints together", () => {
    const hints = (world: boolean, random: () => number) =>
      Array.from({ length: 9 }, (_, n): [string, number] => [`hint ${n}`, random() < 0.65 === world ? 1 : 2]);
    const { right, rounds: all } = judge(rounds(15, (world, _, random) => hints(world, random)));
    assert.ok(right >= 0.72 * all, `${right} of ${all}, where the best hint alone gives 65 %`);
  });

  it("does not take a community's own pages for a leak where the coin fell on one side more often", () => {
    const own = randomFrom(11);
    const pages = Array.from({ length: 60 }, () => Array.from({ length: 20 }, () => Math.floor(own() * 4)));
    const sides = pages.map(() => (own() < 0.5 ? 0.8 : 0.2));
    const played = rounds(
      60,
      (_, community) => (pages[community] as number[]).map((free, page) => [`free on page ${page}`, free]),
      (community) => sides[community] as number,
    );
    const { right, rounds: all } = judge(played);
    assert.ok(right / all < 0.55, `${right} of ${all}`);
    const mixed = judge(played.map((round, at) => ({ ...round, community: `${at}` })));
    assert.ok(mixed.right / all > 0.65, `a trap indeed: ${mixed.right} of ${all}`);
  });
});
