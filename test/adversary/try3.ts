import { numberArgument } from "../support/arguments.js";
import { need } from "../support/need.js";
import { judgeRounds, lineOf, playRounds } from "./rounds.js";
import { ALL_FACTS, type Fact } from "./story.js";

const programs = need("postgres", "pg_waldump");
const at = process.argv.indexOf("--facts");
const facts = at < 0 ? ALL_FACTS : (process.argv[at + 1]!.split(",") as Fact[]);
const began = performance.now();
const every = numberArgument("every", 50);
const report = (rounds: Parameters<typeof judgeRounds>[0]) => {
  console.log(
    new Date().toISOString(),
    rounds.length,
    "rounds",
    Math.round((performance.now() - began) / 1000),
    "s",
    Math.round(process.memoryUsage().rss / 1e6),
    "MB",
  );
  const t = performance.now();
  for (const [fact, verdict] of Object.entries(judgeRounds(rounds, facts))) {
    console.log("  ", lineOf(fact as Fact, verdict));
    if (process.argv.includes("--suspects")) console.log(verdict.suspects);
  }
  console.log("judged in", Math.round(performance.now() - t), "ms");
};
const rounds = await playRounds(programs, {
  rounds: numberArgument("rounds", 20),
  seed: numberArgument("seed", 1),
  facts,
  each: (rounds) => {
    if (rounds.length % every === 0) report(rounds);
  },
});
report(rounds);
process.exit(0);
