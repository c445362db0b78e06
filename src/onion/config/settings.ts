import type { Config, Listen } from "../../config.js";

/** Where the look-up protocols are expected when no setting says: what the generated texts and `serve` agree on. */
export const SUGGESTED = {
  tcpTable: { host: "127.0.0.1", port: 2527 },
  socketmap: { host: "127.0.0.1", port: 2528 },
  readsocket: { host: "127.0.0.1", port: 2529 },
} as const satisfies Record<string, Listen>;

/** What a generated configuration text depends on. */
export interface MtaSettings {
  /** The own mail domains; the first names the installation in the texts. */
  domains: readonly [string, ...string[]];
  tcpTable: Listen;
  readsocket: Listen;
  torSocks: { host: string; port: number };
  /**
   * Where Tor hands over what comes in for the own onion MX. Not 127.0.0.1: mail servers trust that address, and Tor's
   * connections to 127.0.0.2 come *from* 127.0.0.1, so the mail server has to tell them by where they arrive.
   */
  receive: { host: string; port: number };
}

/** Exim tells by the address, so the port of all others will do. */
export const EXIM_RECEIVE = { host: "127.0.0.2", port: 25 } as const;
/** Postfix tells by the listener, and port 25 of every address is usually taken by its main one. */
export const POSTFIX_RECEIVE = { host: "127.0.0.2", port: 2525 } as const;

export function mtaSettings(
  config: Pick<Config, "domains" | "onionTcpTable" | "onionReadsocket" | "torSocks">,
  receive: { host: string; port: number },
): MtaSettings {
  return {
    domains: config.domains,
    tcpTable: config.onionTcpTable ?? SUGGESTED.tcpTable,
    readsocket: config.onionReadsocket ?? SUGGESTED.readsocket,
    torSocks: config.torSocks,
    receive,
  };
}

/** `127.0.0.1:2527`, `[::1]:2527`, or the path of a socket. */
export function writeListen(listen: Listen): string {
  if ("path" in listen) return listen.path;
  return listen.host.includes(":") ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`;
}
