import { pino } from "pino";

/** Fields that must never be written, wherever somebody puts them by mistake. */
const SECRET_FIELDS = [
  "password",
  "current_password",
  "cookie",
  "secret",
  "code",
  "passphrase",
  "authorization",
  "_csrf",
];

/**
 * JSON lines on stderr, from level `info`. No host name and no process number: they tell nobody anything here.
 */
export function createLog(): pino.Logger {
  return pino(
    {
      level: "info",
      base: null,
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), remove: true },
    },
    // Synchronous, so that nothing is lost at the end.
    pino.destination({ fd: 2, sync: true }),
  );
}
