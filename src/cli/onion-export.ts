import { type Command, Option } from "commander";
import { EXPORT_FORMATS, type ExportFormat, writeList } from "../onion/formats/formats.js";
import { readEntries } from "../onion/read-map.js";
import { withContext } from "./with-database.js";

export function addOnionExport(onion: Command): void {
  onion
    .command("export")
    .description("writes the map to standard output")
    .addOption(
      new Option("--format <format>", "for Exim's lsearch, for cdb look-ups, for postmap, or with everything")
        .choices(EXPORT_FORMATS)
        .makeOptionMandatory(),
    )
    .action(async ({ format }: { format: ExportFormat }) => {
      const entries = await withContext(({ db }) => readEntries(db));
      const list = writeList(format, entries);
      process.stdout.write(list);
    });
}
