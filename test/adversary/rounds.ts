import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { deserialize, serialize } from "node:v8";
import { temporaryDirectory } from "../support/temporary.js";
import { chanceOf, interval, judge, type Sample, type Verdict } from "./classifier.js";
import { coins } from "./dice.js";
import { Features, featuresOf, type Packed } from "./features.js";
import { Loot } from "./loot.js";
import { openServer, openStage } from "./stage.js";
import { FACTS, type Fact, found, tell, type World } from "./story.js";
import { Thief } from "./thief.js";

/** These compiled tests. */
const OWN = fileURLToPath(new URL("..", import.meta.url));
/** Another community after so many rounds, so that nothing is learnt about one. */
const ROUNDS_OF_ONE_STAGE = 20;

export interface Round {
  world: World;
  features: Features;
}

export interface RoundOptions {
  rounds: number;
  seed: number;
  facts: readonly Fact[];
}

/** Plays rounds, each with a coin for every fact. */
export async function playRounds(
  programs: { postgres: string; pg_waldump: string },
  options: RoundOptions,
): Promise<Round[]> {
  const coin = coins(options.seed);
  const server = await openServer(programs.postgres);
  const rounds: Round[] = [];
  while (rounds.length < options.rounds) {
    const stage = await openStage(server, found);
    for (let turn = 0; turn < ROUNDS_OF_ONE_STAGE && rounds.length < options.rounds; turn++) {
      const world = Object.fromEntries(Object.keys(FACTS).map((fact) => [fact, coin()])) as World;
      const round = await stage.reset();
      const thief = await Thief.enter(stage, programs.pg_waldump);
      await tell(stage.place, world, options.facts, () => thief.look());
      const haul = await thief.leave();
      await round.close();
      rounds.push({ world, features: featuresOf(await new Loot(haul).sort()) });
    }
    await stage.close();
  }
  await server.stop();
  return rounds;
}

/** The same by several processes at once, each with seeds of its own. */
export async function playRoundsAtOnce(options: RoundOptions, processes: number): Promise<Round[]> {
  const shares = Array.from({ length: processes }, (_, at) => Math.ceil((options.rounds - at) / processes));
  const played = shares.map(async (rounds, at) => {
    return readRounds(await runPlay("rounds", { ...options, rounds, seed: options.seed + at }));
  });
  return (await Promise.all(played)).flat();
}

/** Rounds that another process played. */
export function readRounds(file: string): Round[] {
  const { told, features } = deserialize(readFileSync(file)) as { told: Omit<Round, "features">[]; features: Packed };
  return Features.unpack(features).map((features, round) => ({
    ...(told[round] as Omit<Round, "features">),
    features,
  }));
}

/** Writes rounds down for the process that asked for them. */
export function packRounds(rounds: readonly Round[]): Buffer {
  const features = Features.pack(rounds.map((round) => round.features));
  return serialize({ told: rounds.map(({ world }) => ({ world })), features });
}

/**
 * Plays in a process of its own.
 *
 * @param folder of compiled tests, if not these
 * @returns the file with what came of it
 */
export async function runPlay(how: "pair" | "rounds", options: RoundOptions, folder = OWN): Promise<string> {
  const result = join(temporaryDirectory(), "result");
  const { rounds, seed, facts } = options;
  const more = ["--rounds", `${rounds}`, "--seed", `${seed}`, "--facts", facts.join(), "--result", result];
  await promisify(execFile)(process.execPath, [join(folder, "adversary/play.js"), how, ...more], {
    maxBuffer: 1 << 26,
  });
  return result;
}

export function judgeRounds(rounds: readonly Round[], facts: readonly Fact[]): Record<Fact, Verdict> {
  const verdicts = facts.map((fact) => {
    const samples: Sample[] = rounds.map(({ features, world }) => ({ features, world: world[fact] }));
    return [fact, judge(samples)];
  });
  return Object.fromEntries(verdicts) as Record<Fact, Verdict>;
}

export function lineOf(fact: Fact, { right, guesses, questions, best }: Verdict): string {
  const [low, high] = interval(right, guesses).map((part) => (100 * part).toFixed(1));
  const share = ((100 * right) / guesses).toFixed(1);
  const corrected = Math.min(1, best.p * questions).toExponential(1);
  return (
    `${fact}: ${right} of ${guesses} (${share} %, 95 %: ${low}–${high}; by chance ${chanceOf(right, guesses).toExponential(1)}); ` +
    `best of ${questions} questions: ${best.name} (corrected p ${corrected})`
  );
}
