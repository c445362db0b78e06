// Plays in this copy of Kith, which may be a broken one, and writes down what the adversary makes of it:
//
//   node play.js pair|rounds --fact trusted --rounds 100 --seed 1 --result FILE
import { writeFileSync } from "node:fs";
import { numberArgument, textArgument } from "../support/arguments.js";
import { need } from "../support/need.js";
import { playPair } from "./pair.js";
import { judgeRounds, playRounds } from "./rounds.js";
import type { Fact } from "./story.js";

const programs = need("postgres", "pg_waldump");
const fact = textArgument("fact") as Fact;
const result =
  process.argv[2] === "pair"
    ? await playPair(programs, [fact], [fact])
    : judgeRounds(
        await playRounds(programs, {
          rounds: numberArgument("rounds", 40),
          seed: numberArgument("seed", 1),
          facts: [fact],
        }),
        [fact],
      );
writeFileSync(textArgument("result"), JSON.stringify(result));
// What the place keeps open would keep this alive.
process.exit(0);
