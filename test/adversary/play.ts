// Plays in this copy of Kith, which may be a broken one, and writes down what came of it:
//
//   node play.js pair|rounds --facts trusted,count --rounds 100 --seed 1 --result FILE
//   node play.js judge --facts trusted,count FILE…     rounds that several such plays wrote down, as one
import { writeFileSync } from "node:fs";
import { numberArgument, textArgument } from "../support/arguments.js";
import { need } from "../support/need.js";
import { eachAlone, playPair } from "./pair.js";
import { judgeRounds, lineOf, packRounds, playRounds, readRounds } from "./rounds.js";
import type { Fact } from "./story.js";

const facts = textArgument("facts").split(",") as Fact[];
if (process.argv[2] === "judge") {
  const files = process.argv.slice(process.argv.indexOf("--facts") + 2);
  const rounds = files.flatMap(readRounds);
  for (const fact of facts) {
    const verdict = judgeRounds(rounds, [fact])[fact];
    console.log(lineOf(fact, verdict));
    console.log(`  ${verdict.suspects.slice(0, 5).join("; ")}`);
  }
  process.exit(0);
}
const programs = need("postgres", "pg_waldump");
const options = { rounds: numberArgument("rounds", 40), seed: numberArgument("seed", 1), facts };
const result =
  process.argv[2] === "pair"
    ? JSON.stringify((await playPair(programs, eachAlone(facts), facts)).results)
    : packRounds(await playRounds(programs, options));
writeFileSync(textArgument("result"), result);
// What the place keeps open would keep this alive.
process.exit(0);
