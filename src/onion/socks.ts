import { connect, type Socket } from "node:net";
import type { Outcome } from "./outcome.js";

/** Why Tor could not connect; `code` is SOCKS's reply, or the system's error if Tor itself did not answer. */
export class SocksError extends Error {
  constructor(
    readonly outcome: Outcome,
    readonly reply: string,
  ) {
    super(`${outcome} (${reply})`);
    this.name = "SocksError";
  }
}

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const CONNECT = 1;
const DOMAIN_NAME = 3;

/**
 * SOCKS replies; those from 0xF0 on are Tor's, sent only on a port with the flag `ExtendedErrors`.
 *
 * @see https://spec.torproject.org/socks-extensions.html, proposal 304
 */
const REPLIES: Record<number, Outcome> = {
  4: "failed",
  5: "port-closed",
  6: "timeout",
  240: "no-descriptor",
  241: "descriptor-unusable",
  242: "introduction-failed",
  243: "rendezvous-failed",
  244: "needs-authorization",
  245: "needs-authorization",
  246: "bad-address",
  247: "introduction-failed",
};

/**
 * Connects to a host by name through Tor's SOCKS port. Nothing is ever resolved or connected to on the open net.
 *
 * @param timeoutMs for everything up to the connection
 * @param signal ends it before that
 * @throws SocksError
 */
export function connectThroughTor(
  tor: { host: string; port: number },
  host: string,
  port: number,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(tor);
    let received = Buffer.alloc(0);
    let greeted = false;
    const timer = setTimeout(() => fail("timeout", "no answer in time"), timeoutMs);

    const onError = (error: NodeJS.ErrnoException) => fail("tor-down", error.code ?? error.message);
    const onEnd = () => fail("tor-down", "closed");
    const onAbort = () => fail("timeout", "given up");
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    socket.on("error", onError).on("end", onEnd).on("data", onData);
    socket.once("connect", () => socket.write(Buffer.of(VERSION, 1, NO_AUTHENTICATION)));

    function fail(outcome: Outcome, reply: string): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.destroy();
      reject(new SocksError(outcome, reply));
    }

    function onData(chunk: Buffer): void {
      received = Buffer.concat([received, chunk]);
      if (!greeted) {
        if (received.length < 2) return;
        if (received[0] !== VERSION || received[1] !== NO_AUTHENTICATION) {
          fail("tor-down", "not a SOCKS port");
          return;
        }
        greeted = true;
        received = received.subarray(2);
        const name = Buffer.from(host);
        const request = Buffer.concat([
          Buffer.of(VERSION, CONNECT, 0, DOMAIN_NAME, name.length),
          name,
          Buffer.of(port >> 8, port & 255),
        ]);
        socket.write(request);
      }
      const length = replyLength(received);
      if (length === undefined) return;
      const code = received[1]!;
      if (code !== 0) {
        const hex = `0x${code.toString(16).padStart(2, "0").toUpperCase()}`;
        fail(REPLIES[code] ?? "failed", hex);
        return;
      }
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", onError).off("end", onEnd).off("data", onData);
      socket.pause();
      // A server may speak first, and fast.
      if (received.length > length) socket.unshift(received.subarray(length));
      resolve(socket);
    }
  });
}

/** The whole length of a reply, once enough of it is there to know. */
function replyLength(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined;
  const addressLength = { 1: 4, 3: 1 + bytes[4]!, 4: 16 }[bytes[3]!] ?? 0;
  const length = 4 + addressLength + 2;
  return bytes.length < length ? undefined : length;
}
