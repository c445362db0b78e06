import { need } from "../support/need.js";
import { openServer, openStage } from "./stage.js";
import { ALL_FACTS, found, tell, type World } from "./story.js";
import { Thief } from "./thief.js";

const { postgres, pg_waldump } = need("postgres", "pg_waldump");
let last = performance.now();
const lap = (what: string) => {
  console.log(what, Math.round(performance.now() - last));
  last = performance.now();
};
const server = await openServer(postgres);
lap("server");
const stage = await openStage(server, found);
lap("stage");
for (let i = 0; i < 4; i++) {
  const round = await stage.reset();
  lap("reset");
  const thief = await Thief.enter(stage, pg_waldump);
  lap("enter");
  const world = Object.fromEntries(ALL_FACTS.map((fact) => [fact, i % 2 === 0])) as World;
  await tell(stage.place, world, ALL_FACTS, async () => {
    lap("told");
    await thief.look();
    lap("look");
  });
  const haul = await thief.leave();
  lap("leave");
  await round.close();
  lap("close");
  if (i === 3) {
    console.log(
      haul.wal.length,
      haul.changes.length,
      haul.kithLog.length,
      haul.serverLog.slice(0, 5),
      haul.mail.length,
      haul.backup.length,
      haul.snapshots[1]!.heap.length,
      haul.snapshots[1]!.index.length,
      haul.snapshots[1]!.counters.length,
      haul.snapshots[1]!.pages.length,
    );
    console.log(
      haul.wal.slice(0, 30),
      haul.changes.slice(0, 12).map((c) => c.text.slice(0, 150)),
      haul.metrics.slice(0, 800),
    );
  }
}
process.exit(0);
