import { pino } from "pino";

/** Fields that must never be written, wherever somebody puts them by mistake. An error's code is logged as `errorCode`. */
const SECRET_FIELDS = [
  "password",
  "current_password",
  "cookie",
  "secret",
  // The one-time code; that of an error is logged as `errorCode`.
  "code",
  "passphrase",
  "authorization",
  "_csrf",
];

const SECOND_MILLISECONDS = 1_000;

/**
 * What a line holds. No host name and no process number: they tell nobody anything here. The time is that of the whole
 * second: between two lines a few milliseconds more would tell what the process had done before, and so which of two
 * pages was shown.
 */
export const LINES = {
  level: "info",
  base: null,
  timestamp: () => `,"time":${Math.floor(Date.now() / SECOND_MILLISECONDS) * SECOND_MILLISECONDS}`,
  redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), remove: true },
} satisfies pino.LoggerOptions;

const MOST_UNWRITTEN_BYTES = 65_536;

/** JSON lines on stderr, from level `info`. */
export function createLog(): pino.Logger {
  // Synchronous, so that nothing is lost at the end; but what can't be written, on a full disk, must end nothing else.
  const destination = pino.destination({ fd: 2, sync: true, maxLength: MOST_UNWRITTEN_BYTES });
  destination.on("error", () => undefined);
  return pino(LINES, destination);
}
