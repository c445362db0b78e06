import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// V8 gives no other way to ask for it.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options: { type: "minor" }) => void;

/**
 * Clears away what lately made objects have left in memory, in a millisecond or two. It would be done at some time anyway:
 * the sooner, the more a page took, and then within somebody's next request, whose commit stands in PostgreSQL's log with
 * its time.
 */
export function tidyYoungMemory(): void {
  collect({ type: "minor" });
}
