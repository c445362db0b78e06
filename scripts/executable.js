// tsc writes files without the executable bit; `npx kith` needs it.
import { chmodSync, existsSync } from "node:fs";

const cli = new URL("../dist/cli/kith.js", import.meta.url);
if (existsSync(cli)) chmodSync(cli, 0o755);
