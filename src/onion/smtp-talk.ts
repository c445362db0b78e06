import type { Socket } from "node:net";

/** More than any mail server says at once. */
const MAX_REPLY_BYTES = 65_536;

export interface SmtpReply {
  /** 220, 250, 550 … */
  code: number;
  lines: string[];
}

/**
 * The few words of SMTP that a check needs. It never sends `DATA`: nothing that is checked ever becomes a mail.
 */
export class SmtpTalk {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  #input = "";
  #failed: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      this.#input += chunk;
      if (this.#input.length > MAX_REPLY_BYTES) this.#fail(new Error("too long a reply"));
      this.#wake?.();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("closed")));
    socket.resume();
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    this.#socket.destroy();
    this.#wake?.();
  }

  /** @throws Error if the other side is silent, closes, or does not speak SMTP */
  async reply(): Promise<SmtpReply> {
    const timer = setTimeout(() => this.#fail(new Error("no answer in time")), this.#timeoutMs);
    try {
      for (;;) {
        const match = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\r?\n/.exec(this.#input);
        if (match !== null) {
          this.#input = this.#input.slice(match[0].length);
          const lines = match[0].trimEnd().split(/\r?\n/);
          return { code: Number(lines[0]!.slice(0, 3)), lines: lines.map((line) => line.slice(4)) };
        }
        if (/^(?!\d{3}[ -])[^\n]{3,}\n/.test(this.#input)) throw new Error("not SMTP");
        if (this.#failed !== undefined) throw this.#failed;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  command(line: string): Promise<SmtpReply> {
    this.#socket.write(`${line}\r\n`, "latin1");
    return this.reply();
  }

  quit(): void {
    if (!this.#socket.destroyed) this.#socket.end("QUIT\r\n");
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }
}
