import { readFileSync } from "node:fs";
import type { Config } from "../config.js";
import type { Finding } from "./findings.js";

/**
 * A clock that is far off lets cases and letters run out early, or never. Nothing outside is asked: the files of this
 * very Kith are older than now.
 */
export function checkClock(_config: Config): Finding[] {
  const about = "clock" as const;
  const built = releaseDay();
  const now = new Date();
  if (now < built) {
    return [
      {
        level: "wrong",
        about,
        text: `the clock says ${now.toISOString().slice(0, 10)}, which is before this Kith was written`,
        todo: "set it, and let chrony or systemd-timesyncd keep it",
      },
    ];
  }
  return [{ level: "good", about, text: `the clock says ${now.toISOString().slice(0, 16).replace("T", " ")} UTC` }];
}

/** The day of the newest migration, by its name. */
function releaseDay(): Date {
  const list = readFileSync(new URL("../migrations/index.js", import.meta.url), "utf8");
  const days = [...list.matchAll(/"(\d{4}-\d{2}-\d{2})-/g)].map((match) => match[1]!).sort();
  return new Date(days.at(-1) ?? 0);
}
