import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { randomFrom } from "../support/random.js";
import { chanceOf, judge, type Sample } from "./classifier.js";
import { Features } from "./features.js";

/** Rounds in communities of twenty, in which nothing tells the world but what `tell` adds. */
function rounds(
  count: number,
  random: () => number,
  tell: (world: boolean, community: number) => [string, number][] = () => [],
): Sample[] {
  return Array.from({ length: count }, (_, at) => {
    const world = random() < 0.5;
    const noise = Array.from({ length: 40 }, (_, n): [string, number] => [`noise ${n}`, Math.floor(random() * 5)]);
    return { world, features: new Features(new Map([...noise, ...tell(world, Math.floor(at / 20))])) };
  });
}

describe("the classifier", () => {
  it("finds a length that is another in nine rounds of ten", () => {
    const random = randomFrom(7);
    const { right, guesses } = judge(
      rounds(300, random, (world) => [["length", random() < 0.9 === world ? 405 : 421]]),
    );
    assert.ok(right >= 0.85 * guesses, `${right} of ${guesses}`);
  });

  it("puts many weak hints together", () => {
    const random = randomFrom(7);
    const { right, guesses } = judge(
      rounds(300, random, (world) =>
        Array.from({ length: 9 }, (_, n) => [`hint ${n}`, random() < 0.65 === world ? 1 : 2]),
      ),
    );
    assert.ok(right >= 0.72 * guesses, `${right} of ${guesses}, where the best hint alone gives 65 %`);
  });

  it("knows from a few rounds what tells in every one", () => {
    const { right, guesses } = judge(rounds(30, randomFrom(7), (world) => [["length", world ? 405 : 421]]));
    assert.ok(chanceOf(right, guesses) < 1e-4, `${right} of ${guesses}`);
  });

  it("guesses as a coin does where nothing tells, also where rounds of one community are alike", () => {
    const random = randomFrom(11);
    const own = Array.from({ length: 20 }, () => Array.from({ length: 20 }, () => Math.floor(random() * 4)));
    const verdicts = Array.from({ length: 150 }, () =>
      judge(
        rounds(30, random, (_, community) =>
          (own[community] as number[]).map((free, page) => [`free on page ${page}`, free]),
        ),
      ),
    );
    const guesses = verdicts[0]?.guesses as number;
    const mean = verdicts.reduce((sum, { right }) => sum + right, 0) / verdicts.length;
    const spread = verdicts.reduce((sum, { right }) => sum + (right - mean) ** 2, 0) / verdicts.length;
    // Cross-validation comes to 1.6 to 2.2 times a coin's spread here.
    assert.ok(Math.abs(mean - guesses / 2) < 0.5, `${mean} of ${guesses}`);
    assert.ok(spread < (1.35 * guesses) / 4, `${spread} where a coin's is ${guesses / 4}`);
  });
});
