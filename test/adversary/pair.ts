import { differences } from "./compare.js";
import { coins, Dice } from "./dice.js";
import { Loot } from "./loot.js";
import { connectTo, openServer, openStage, type Stage } from "./stage.js";
import { ALL_FACTS, FACTS, type Fact, found, tell, type World } from "./story.js";
import { Thief } from "./thief.js";

/** Nothing that runs by a timer: two plays are to be the same to the byte. */
const QUIET = {
  autovacuum: "off",
  checkpoint_timeout: "1h",
  max_wal_size: "8GB",
  bgwriter_lru_maxpages: "0",
};

/** What two worlds differ in; nothing, where one world is played twice. */
type Apart = readonly Fact[];

/** To see that nothing differs by itself, and then what each fact makes differ. */
export const eachAlone = (facts: readonly Fact[] = ALL_FACTS): Apart[] => [[], ...facts.map((fact) => [fact])];

/**
 * The same in three plays: one half of the facts together, which half the seed decides, and then the other. Only two
 * differences that undo each other to the byte would not show, and not in the next halves.
 */
export function halves(seed: number): Apart[] {
  const coin = coins(seed);
  const [one, other]: [Fact[], Fact[]] = [[], []];
  for (const fact of ALL_FACTS) (coin() ? one : other).push(fact);
  return [[], one, other];
}

export interface PlayedPair {
  /** What was found where no fact is true. */
  plain: Loot;
  results: { facts: Apart; differences: string[] }[];
}

/**
 * Plays two worlds with the same dice and the same clock, everything else alike, and lists what differs.
 *
 * @param told the facts that the story is about
 */
export async function playPair(
  programs: { postgres: string; pg_waldump: string },
  apart: readonly Apart[],
  told: readonly Fact[] = ALL_FACTS,
): Promise<PlayedPair> {
  const server = await openServer(programs.postgres, QUIET);
  let requests = 0;
  const stage = await openStage(server, found, { deliver: false });
  // One connection: the order of statements is then Kith's own.
  stage.place.context.pool.options.max = 1;
  const start = stage.place.context.clock().getTime();
  // Some twenty minutes in all: a quarter hour begins meanwhile, on which something might depend.
  stage.place.context.clock = () => new Date(start + requests * 4000);

  async function play(world: World): Promise<Loot> {
    requests = 0;
    const dice = new Dice(start.toString());
    stage.hooks.request = () => {
      requests++;
      dice.next();
    };
    try {
      const round = await stage.reset();
      await makeLimitsLogged(stage);
      await stage.admin.query("checkpoint");
      const thief = await Thief.enter(stage, programs.pg_waldump);
      await tell(stage.place, world, told, () => thief.look());
      const haul = await thief.leave();
      await round.close();
      return await new Loot(haul).sort();
    } finally {
      dice.restore();
    }
  }

  const base = Object.fromEntries(Object.keys(FACTS).map((fact) => [fact, false])) as World;
  const plain = await play(base);
  const results: PlayedPair["results"] = [];
  for (const facts of apart) {
    const world = { ...base, ...Object.fromEntries(facts.map((fact) => [fact, true])) };
    results.push({ facts, differences: differences(plain, await play(world)) });
  }
  await stage.close();
  await server.stop();
  return { plain, results };
}

/**
 * A commit that only touched an unlogged table is not waited for, and until it is on the disk it keeps neighbours from
 * being marked as committed: that is a matter of milliseconds, which no two plays have alike.
 */
async function makeLimitsLogged(stage: Stage): Promise<void> {
  const client = await connectTo(stage.server.adminUrl, stage.database);
  await client.query("alter table limits_points set logged");
  await client.end();
}
