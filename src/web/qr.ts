import qrcode from "qrcode";

/** Modules of white around a QR code; readers want four. */
const QUIET_ZONE = 4;

export interface QrPicture {
  /** Modules a side, quiet zone included. */
  size: number;
  /** SVG path data: one rectangle for each run of dark modules in a row. */
  path: string;
}

/** The QR code of a link, as numbers for the template that draws it. */
export function qrPicture(text: string): QrPicture {
  const { modules } = qrcode.create(text, { errorCorrectionLevel: "M" });
  const runs: string[] = [];
  for (let row = 0; row < modules.size; row++) {
    for (let column = 0; column < modules.size; column++) {
      if (!modules.get(row, column)) continue;
      const start = column;
      while (column + 1 < modules.size && modules.get(row, column + 1)) column++;
      const length = column - start + 1;
      runs.push(`M${start + QUIET_ZONE} ${row + QUIET_ZONE}h${length}v1h-${length}z`);
    }
  }
  return { size: modules.size + 2 * QUIET_ZONE, path: runs.join("") };
}
