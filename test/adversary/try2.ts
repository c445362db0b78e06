import { need } from "../support/need.js";
import { playPair } from "./pair.js";
import { ALL_FACTS, type Fact } from "./story.js";

const { postgres, pg_waldump } = need("postgres", "pg_waldump");
const facts = (process.argv[2] ? process.argv[2].split(",") : ALL_FACTS) as Fact[];
for (const { fact, differences } of await playPair(postgres, pg_waldump, facts)) {
  console.log(fact, differences.length);
  const c = new Map<string, number>();
  for (const line of differences) {
    const k = line.split(":")[0]!;
    c.set(k, (c.get(k) ?? 0) + 1);
  }
  console.log([...c].join(" | "));
  for (const line of differences.slice(0, 40)) console.log("   ", line.slice(0, 400));
}
process.exit(0);
