import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { Failure } from "../failure.js";
import { importList } from "../onion/edit-map.js";
import { guessFormat, IMPORT_FORMATS, type ImportFormat } from "../onion/formats/formats.js";
import { BEGINS_WHERE_TOLD, withContext } from "./with-database.js";

export function addOnionImport(onion: Command): void {
  onion
    .command("import <file>")
    .description("pins the entries of a list; names line and domain of what it refuses, and exits with 1 then")
    .addOption(new Option("--format <format>", "instead of a look at the file").choices(IMPORT_FORMATS))
    .option("--strict", "take nothing if a single entry is refused")
    .option("--json", "print JSON")
    .action(async (path: string, options: { format?: ImportFormat; strict?: boolean; json?: boolean }) => {
      const file = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        throw new Failure(`${path} can't be read (${error.code})`, { cause: error });
      });
      const format = options.format ?? guessFormat(file);
      const result = await withContext(
        (context) =>
          importList(context, file, { format, strict: options.strict ?? false, actor: "import" }).catch((error) => {
            if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
            throw new Failure(`${path} can't be read as ${format}: ${error.message}`, { cause: error });
          }),
        BEGINS_WHERE_TOLD,
      );
      const { changed, unchanged, refused } = result;
      for (const { line, domain, reason } of refused) {
        console.error(`${path}:${line}: ${domain === undefined ? "" : `${domain}: `}${reason}`);
      }
      if (options.json) console.log(JSON.stringify({ format, ...result }));
      else if (refused.length > 0 && options.strict) console.log(`Nothing taken, ${refused.length} refused.`);
      else console.log(`${changed} taken, ${unchanged} as before, ${refused.length} refused.`);
      if (refused.length > 0) process.exitCode = 1;
    });
}
