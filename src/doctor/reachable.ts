import { connect } from "node:net";
import type { Config } from "../config.js";
import type { Finding } from "./findings.js";

/** Milliseconds that a mail server or Tor may take to say something. */
const TIMEOUT_MS = 5_000;

/** The mail server, if notices are mailed; Tor, if anything here goes through it. */
export async function checkReachable(config: Config): Promise<Finding[]> {
  return Promise.all([checkMail(config), checkTor(config)]);
}

async function checkMail({ smtpUrl, mailFrom, mailOverOnion }: Config): Promise<Finding> {
  const about = "mail" as const;
  if (smtpUrl === undefined) {
    return {
      level: "note",
      about,
      text:
        mailFrom !== undefined && mailOverOnion
          ? "no mail server: notices are mailed to domains with an onion in the map only"
          : "no mail server: notices are shown on the pages only",
      todo: "set KITH_SMTP_URL and KITH_MAIL_FROM",
    };
  }
  const { hostname, port, protocol } = new URL(smtpUrl);
  const host = hostname.replace(/^\[|\]$/g, "");
  const at = `${hostname}:${port || (protocol === "smtps:" ? "465" : "587")}`;
  // On smtps the server waits for TLS, so that it takes the connection is all there is to see.
  const expected = protocol === "smtps:" ? undefined : (text: string) => /^220[ -]/.test(text);
  const problem = await converse(host, Number(port || (protocol === "smtps:" ? 465 : 587)), "", expected);
  if (problem === undefined) return { level: "good", about, text: `the mail server ${at} answers` };
  return {
    level: "wrong",
    about,
    text: `the mail server ${at} ${problem}`,
    todo: "start it, or correct KITH_SMTP_URL",
  };
}

async function checkTor({
  torSocks,
  onionTcpTable,
  onionSocketmap,
  onionReadsocket,
  onionOrigin,
  resolver,
}: Config): Promise<Finding> {
  const about = "tor" as const;
  const isUsed = [onionTcpTable, onionSocketmap, onionReadsocket, onionOrigin, resolver].some(
    (one) => one !== undefined,
  );
  const at = `${torSocks.host}:${torSocks.port}`;
  // SOCKS 5, one method offered: no authentication. The answer is 5, 0.
  const problem = await converse(torSocks.host, torSocks.port, "\u0005\u0001\u0000", (text) =>
    text.startsWith("\u0005\u0000"),
  );
  if (problem === undefined) return { level: "good", about, text: `Tor's SOCKS port ${at} answers` };
  if (!isUsed) {
    return {
      level: "note",
      about,
      text: `Tor's SOCKS port ${at} ${problem}; no setting needs it`,
      todo: "start tor before an onion is in the map: it is checked, and notices to its domain go there and nowhere else",
    };
  }
  return { level: "wrong", about, text: `Tor's SOCKS port ${at} ${problem}`, todo: "start tor, or set KITH_TOR_SOCKS" };
}

/** @returns what went wrong, or undefined if the first bytes of the answer are as expected */
function converse(
  host: string,
  port: number,
  hello: string,
  expected: ((text: string) => boolean) | undefined,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (problem: string | undefined) => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(TIMEOUT_MS, () => done("does not answer in time"));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => done(`can't be reached (${code})`));
    socket.once("connect", () => {
      if (expected === undefined) done(undefined);
      else socket.write(hello, "latin1");
    });
    socket.once("data", (bytes) => done(expected?.(bytes.toString("latin1")) ? undefined : "answers something else"));
    socket.once("end", () => done("hangs up"));
  });
}
