import { createServer, type Server, type Socket } from "node:net";
import type { Listen } from "../../config.js";
import type { Answer, Answerer } from "./answerer.js";
import type { Protocol } from "./protocol.js";

/** A connection that starts a request and does not finish it is closed after this. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Mail servers keep a connection open between questions; one that is silent for this long is forgotten. */
const IDLE_TIMEOUT_MS = 600_000;
/** Not answered faster than read: beyond this many bytes waiting for a slow reader nothing more is read from it. */
const MAX_WAITING_BYTES = 65_536;
const MAX_CONNECTIONS = 4096;

export type Outcome = "found" | "absent" | "unknown" | "refused";

export interface LookupServerOptions {
  protocol: Protocol;
  answerer: Answerer;
  /** Told how a question was answered, never what was asked. */
  count?: (outcome: Outcome) => void;
  requestTimeoutMs?: number;
}

export interface LookupServer {
  server: Server;
  /** Stops listening and ends what is open. */
  stop(): Promise<void>;
}

/**
 * A server for one of the look-up protocols, not yet listening.
 *
 * Exim half-closes after its question, so half-open connections are allowed and answered.
 */
export function createLookupServer(options: LookupServerOptions): LookupServer {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serve(socket, options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return {
    server,
    stop: () =>
      new Promise((resolve) => {
        if (!server.listening) return resolve();
        server.close(() => resolve());
        // Mail servers keep connections open for long; they connect again, or to another instance.
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** @throws the system's error (`EADDRINUSE` …) if it can't listen there */
export function listen(server: Server, where: Listen): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(
      "path" in where ? { path: where.path } : { host: where.host, port: where.port, backlog: 1024 },
      () => {
        server.off("error", reject);
        resolve();
      },
    );
  });
}

function serve(socket: Socket, { protocol, answerer, count, requestTimeoutMs }: LookupServerOptions): void {
  /** What arrived and is not answered yet, one character a byte. */
  let input = "";
  let ended = false;
  /** An answer is being looked for: later requests wait, so answers keep the order of the questions. */
  let busy = false;
  let closing = false;
  /** Nothing is read until the reader has taken what is written. */
  let waiting = false;

  socket.setEncoding("latin1");
  socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
  let deadline: NodeJS.Timeout | undefined;

  socket.on("data", (chunk: string) => {
    if (closing) return;
    input = input === "" ? chunk : input + chunk;
    if (busy && input.length > MAX_WAITING_BYTES) socket.pause();
    answerAll();
  });
  socket.on("end", () => {
    ended = true;
    answerAll();
  });
  // A client that goes away is no news; and the error must not end the process.
  socket.on("error", () => socket.destroy());
  socket.on("close", () => clearTimeout(deadline));

  /** What was written last has left: the reader keeps up again. */
  function flushed(): void {
    if (!waiting || socket.destroyed) return;
    waiting = false;
    socket.resume();
    answerAll();
  }

  function answerAll(): void {
    if (busy || closing || waiting) return;
    let at = 0;
    let out = "";
    while (!closing) {
      if (out.length > MAX_WAITING_BYTES || (out !== "" && socket.writableLength > MAX_WAITING_BYTES)) {
        waiting = true;
        socket.pause();
        break;
      }
      if (at === input.length && !(protocol.oneShot && ended && at === 0)) break;
      const request = protocol.cut(input, at, ended);
      if (request.kind === "incomplete") {
        if (input.length - at >= protocol.maxRequestBytes) out += close("request too long");
        break;
      }
      if (request.kind === "broken") {
        out += close(request.why);
        break;
      }
      if (request.at - at > protocol.maxRequestBytes) {
        out += close("request too long");
        break;
      }
      at = request.at;
      if (request.kind === "refuse") {
        count?.("refused");
        out += protocol.refuse(request.why);
      } else {
        const answer = answerer.ask(request.key);
        if (typeof answer === "object" && "then" in answer) {
          busy = true;
          void answer.then(resume, () => resume("unknown"));
          break;
        }
        count?.(typeof answer === "object" ? "found" : answer);
        out += protocol.answer(answer);
      }
      if (protocol.oneShot) closing = true;
    }
    input = at === input.length ? "" : input.slice(at);
    if (out !== "") {
      // The callback costs as much as a look-up: only where somebody waits for it.
      if (waiting) socket.write(out, "latin1", flushed);
      else socket.write(out, "latin1");
    }
    if (closing || (ended && !busy && !waiting)) finish();
    else watch(at > 0);
  }

  function resume(answer: Answer): void {
    busy = false;
    if (socket.destroyed) return;
    count?.(typeof answer === "object" ? "found" : answer);
    // As above: who does not read must not make answers pile up.
    if (socket.writableLength > MAX_WAITING_BYTES && !protocol.oneShot) {
      waiting = true;
      socket.pause();
    }
    socket.write(protocol.answer(answer), "latin1", flushed);
    if (!waiting) socket.resume();
    if (protocol.oneShot) {
      closing = true;
      finish();
    } else answerAll();
  }

  function close(why: string): string {
    closing = true;
    count?.("refused");
    return protocol.refuse(why);
  }

  /** Sends what is left, reads and drops what still comes, and does not wait for the client for ever. */
  function finish(): void {
    closing = true;
    input = "";
    socket.end();
    socket.resume();
    clearTimeout(deadline);
    deadline = setTimeout(() => socket.destroy(), requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
    deadline.unref();
  }

  /** A request has to be finished, and an answer to be taken, in time, however slowly it trickles. */
  function watch(progress: boolean): void {
    const open = input !== "" || protocol.oneShot;
    if (deadline !== undefined && (progress || !open)) {
      clearTimeout(deadline);
      deadline = undefined;
    }
    if (!open || deadline !== undefined) return;
    deadline = setTimeout(() => socket.destroy(), requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
    deadline.unref();
  }
}
