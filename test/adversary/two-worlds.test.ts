import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { numberArgument } from "../support/arguments.js";
import { need } from "../support/need.js";
import { temporaryDirectory } from "../support/temporary.js";
import { testsOfVariant } from "../support/variant.js";
import { chanceOf, type Verdict } from "./classifier.js";
import { LEAKS, type Leak } from "./leaks.js";
import { playPair } from "./pair.js";
import { judgeRounds, lineOf, playRounds } from "./rounds.js";
import { ALL_FACTS, APART, FACTS, type Fact } from "./story.js";

// One story is played in installations that differ in one fact: whom somebody trusts, who invited whom. A thief holds
// everything but the server secret, and must not be able to tell which of the two it was.
//
//   npm run test:adversary        1,000 rounds, 100 of each leak, 100 of what is inherent
//   npm test                      40 rounds; leaks by comparing two plays

const ROUNDS = numberArgument("rounds", 40);
const LEAK_ROUNDS = numberArgument("leak-rounds", 0);
const APART_ROUNDS = numberArgument("apart-rounds", 0);
const SEED = numberArgument("seed", Math.floor(Math.random() * 2 ** 31));
/** What a coin would do less often than this is no coin's doing. */
const NO_COIN = 1e-5;
/** Share of rounds of which at least so many are guessed right when something leaks. */
const CAUGHT = 0.9;

const { skip, ...programs } = need("postgres", "pg_waldump");
const run = promisify(execFile);

/** Plays in a copy of Kith that leaks. */
async function playLeaking<Result>({ fact, patches }: Leak, how: "pair" | "rounds", rounds = 0): Promise<Result> {
  const result = join(temporaryDirectory(), "result");
  const script = join(testsOfVariant(patches), "adversary/play.js");
  const options = ["--fact", fact, "--rounds", `${rounds}`, "--seed", `${SEED}`, "--result", result];
  await run(process.execPath, [script, how, ...options], { maxBuffer: 1 << 26 });
  return JSON.parse(readFileSync(result, "utf8"));
}

describe("two worlds that differ in one fact", { skip, concurrency: false }, () => {
  it("are the same to the byte in all that a thief finds, where both draw the same dice", async () => {
    for (const { fact, differences } of await playPair(programs)) {
      assert.deepEqual(differences, [], fact === "same" ? "one world, played twice" : FACTS[fact]);
    }
  });

  it(`are told apart by a classifier no better than by a coin: ${ROUNDS} rounds`, async (test) => {
    test.diagnostic(`seed ${SEED}`);
    const rounds = await playRounds(programs, { rounds: ROUNDS, seed: SEED, facts: ALL_FACTS });
    const verdicts = judgeRounds(rounds, ALL_FACTS);
    for (const fact of ALL_FACTS) test.diagnostic(lineOf(fact, verdicts[fact]));
    for (const fact of ALL_FACTS) {
      const { right, questions, best } = verdicts[fact];
      const hint = lineOf(fact, verdicts[fact]);
      assert.ok(chanceOf(Math.max(right, ROUNDS - right), ROUNDS) > NO_COIN, hint);
      assert.ok(best.p * questions > NO_COIN, hint);
      if (ROUNDS >= 1_000) assert.ok(right >= 0.45 * ROUNDS && right <= 0.55 * ROUNDS, hint);
    }
  });

  if (APART_ROUNDS > 0) {
    for (const fact of APART) {
      it(`tell what is inherent, as the threat model says: ${FACTS[fact]}`, async (test) => {
        const options = { rounds: APART_ROUNDS, seed: SEED, facts: [fact] };
        const verdicts = judgeRounds(await playRounds(programs, options), [fact]);
        test.diagnostic(lineOf(fact, verdicts[fact]));
      });
    }
  }

  for (const [name, leak] of Object.entries(LEAKS)) {
    it(`are told apart where ${name}`, async (test) => {
      if (LEAK_ROUNDS > 0) {
        const verdicts = await playLeaking<Record<Fact, Verdict>>(leak, "rounds", LEAK_ROUNDS);
        test.diagnostic(lineOf(leak.fact, verdicts[leak.fact]));
        assert.ok(verdicts[leak.fact].right >= CAUGHT * LEAK_ROUNDS);
        return;
      }
      const [same, different] = await playLeaking<Awaited<ReturnType<typeof playPair>>>(leak, "pair");
      assert.deepEqual(same?.differences, []);
      test.diagnostic(`${different?.differences[0]}`);
      assert.notDeepEqual(different?.differences, []);
    });
  }
});
