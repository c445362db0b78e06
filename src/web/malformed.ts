import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** A form arrives at once; whoever takes longer keeps a connection busy (slowloris). Milliseconds. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** Nothing at all on a connection, in either direction, while a request or its answer is under way. Milliseconds. */
export const IDLE_TIMEOUT_MS = 120_000;

/**
 * Answers what never became a request: no HTTP, headers that are too long, a body that does not come. No page, since
 * nothing is known of the visitor; but with the headers of every answer.
 */
export function answerMalformed(headers: Readonly<Record<string, string>>) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }[error.code ?? ""] ?? 400;
    const body = `${STATUS_CODES[status]}\n`;
    const lines = Object.entries({
      ...headers,
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": String(body.length),
      Connection: "close",
    }).map(([name, value]) => `${name}: ${value}`);
    socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, "", body].join("\r\n"));
  };
}
