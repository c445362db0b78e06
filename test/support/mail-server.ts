import { createServer, type Server, type Socket } from "node:net";
import { after } from "node:test";

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and body as they came. */
  raw: string;
  subject: string;
  /** The body, decoded. */
  text: string;
}

export interface MailServer {
  url: string;
  received: ReceivedMail[];
  /** Visitors who wait for an answer. */
  kept: ReadonlySet<Socket>;
  /** Waits until so many letters came. */
  until(count: number, milliseconds?: number): Promise<ReceivedMail[]>;
}

export interface MailServerOptions {
  /** Answers nothing at all. */
  silent?: boolean;
  /** Who is never answered from RCPT on; or line by line without an end, which is never idle. */
  stuck?: { to: RegExp; drips: boolean };
}

/** A mail server on loopback that takes everything, or keeps its visitors. */
export async function openMailServer({ silent = false, stuck }: MailServerOptions = {}): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  const kept = new Set<Socket>();
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (silent) return;
    socket.setEncoding("utf8");
    let buffer = "";
    let data: string[] | undefined;
    let from = "";
    let to: string[] = [];
    const say = (line: string) => socket.write(`${line}\r\n`);
    say("220 kith.test");
    socket.on("data", (chunk) => {
      buffer += chunk;
      for (let end = buffer.indexOf("\r\n"); end >= 0; end = buffer.indexOf("\r\n")) {
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        if (data) {
          if (line !== ".") {
            data.push(line.startsWith(".") ? line.slice(1) : line);
            continue;
          }
          received.push(readMail(from, to, data.join("\n")));
          data = undefined;
          to = [];
          say("250 taken");
        } else if (/^(EHLO|HELO)/i.test(line)) say("250 kith.test");
        else if (/^MAIL FROM:/i.test(line)) {
          from = /<([^>]*)>/.exec(line)?.[1] ?? "";
          say("250 ok");
        } else if (/^RCPT TO:/i.test(line) && stuck?.to.test(line)) {
          kept.add(socket);
          const dripping = setInterval(() => stuck.drips && say("250-wait"), 50);
          socket.on("close", () => {
            clearInterval(dripping);
            kept.delete(socket);
          });
        } else if (/^RCPT TO:/i.test(line)) {
          to.push(/<([^>]*)>/.exec(line)?.[1] ?? "");
          say("250 ok");
        } else if (/^DATA/i.test(line)) {
          data = [];
          say("354 go on");
        } else if (/^QUIT/i.test(line)) {
          say("221 bye");
          socket.end();
        } else say("250 ok");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  after(() => void server.close());
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    kept,
    async until(count, milliseconds = 10_000) {
      const end = Date.now() + milliseconds;
      while (received.length < count && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
      return received;
    },
  };
}

function readMail(from: string, to: string[], raw: string): ReceivedMail {
  const split = raw.indexOf("\n\n");
  const head = raw.slice(0, split).replaceAll(/\n[ \t]+/g, " ");
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1] ?? "";
  const encoding = header("content-transfer-encoding").toLowerCase();
  const body = raw.slice(split + 2);
  return { from, to: [...to], raw, subject: decodeWords(header("subject")), text: decodeBody(body, encoding) };
}

function decodeBody(body: string, encoding: string): string {
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  return encoding === "quoted-printable" ? quotedPrintable(body.replaceAll("=\n", "")) : body;
}

function quotedPrintable(text: string): string {
  const bytes = text.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function decodeWords(text: string): string {
  return text
    .replaceAll(/\?=\s+=\?/g, "?==?")
    .replaceAll(/=\?UTF-8\?([QB])\?([^?]*)\?=/gi, (_, kind: string, word: string) =>
      kind.toUpperCase() === "B"
        ? Buffer.from(word, "base64").toString("utf8")
        : quotedPrintable(word.replaceAll("_", " ")),
    );
}
