import { connect, type Socket } from "node:net";

/** What came back, byte for byte: text is latin1. */
export interface Answer {
  status: number;
  headers: readonly (readonly [name: string, value: string])[];
  body: string;
}

/** Milliseconds after which a request counts as never answered. */
const PATIENCE_MS = 120_000;

/** One connection to a web server on loopback, for bytes that no client would send. */
export class Wire {
  private readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private wake: () => void = () => undefined;
  closed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    this.socket.on("data", (data: Buffer) => {
      this.received = this.received.length === 0 ? data : Buffer.concat([this.received, data]);
      this.wake();
    });
    // A reset is one of the answers that broken bytes get.
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("end", () => this.end());
    this.socket.on("close", () => this.end());
  }

  /**
   * Sends requests in one piece and reads an answer for each.
   *
   * @param methods of the requests, in their order: an answer to HEAD has no body
   * @returns fewer answers if the server closed the connection
   * @throws if nothing comes
   */
  async exchange(bytes: Buffer, methods: readonly string[]): Promise<Answer[]> {
    this.socket.write(bytes);
    const answers: Answer[] = [];
    for (const method of methods) {
      const answer = await this.read(method);
      if (answer === undefined) break;
      answers.push(answer);
      if (answer.headers.some(([name, value]) => name === "connection" && value.toLowerCase() === "close")) {
        this.destroy();
        break;
      }
    }
    return answers;
  }

  /** Sends pieces one after the other, then ends: `half` closes only this side, `reset` cuts. @returns what came until then */
  async blurt(pieces: readonly Buffer[], ending: "half" | "reset" | "wait"): Promise<Answer[]> {
    for (const piece of pieces) {
      this.socket.write(piece);
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
    if (ending === "reset") {
      await new Promise((resolve) => setTimeout(resolve, 1));
      this.socket.resetAndDestroy();
      this.closed = true;
      return [];
    }
    if (ending === "half") this.socket.end();
    const answers: Answer[] = [];
    for (;;) {
      const answer = await this.read("GET");
      if (answer === undefined) break;
      answers.push(answer);
      if (ending === "wait") break;
    }
    this.destroy();
    return answers;
  }

  /** Bytes that came although nothing was asked any more: an answer too many. */
  get surplus(): string {
    return this.received.toString("latin1");
  }

  destroy(): void {
    this.closed = true;
    this.socket.destroy();
  }

  private end(): void {
    this.closed = true;
    this.wake();
  }

  private async read(method: string): Promise<Answer | undefined> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = this.parse(method);
      if (answer !== undefined && answer.status >= 200) return answer;
      if (answer !== undefined) continue;
      if (this.closed) return undefined;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error("no answer");
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        timer = setTimeout(resolve, left);
        this.wake = resolve;
      });
      clearTimeout(timer);
    }
  }

  /** Takes one whole answer from the front of what was received. */
  private parse(method: string): Answer | undefined {
    const end = this.received.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const [statusLine = "", ...lines] = this.received.toString("latin1", 0, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
    if (!status) throw new Error(`not an answer: ${statusLine.slice(0, 100)}`);
    const headers = lines.map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
    });
    const start = end + 4;
    const header = (wanted: string) => headers.find(([name]) => name === wanted)?.[1];
    // What can't be parsed is answered before anybody knows that it was HEAD: a word of text, no page.
    const unparsed = status >= 400 && header("content-type")?.startsWith("text/plain");
    if ((method === "HEAD" && !unparsed) || status < 200 || status === 204 || status === 304)
      return this.take({ status, headers }, start);
    if (header("transfer-encoding") === "chunked") return this.parseChunks({ status, headers }, start);
    const length = Number(header("content-length") ?? Number.NaN);
    if (Number.isNaN(length)) {
      // Until the end of the connection.
      return this.closed ? this.take({ status, headers }, start, this.received.length) : undefined;
    }
    return this.received.length < start + length ? undefined : this.take({ status, headers }, start, start + length);
  }

  private parseChunks(head: Omit<Answer, "body">, from: number): Answer | undefined {
    let body = "";
    let at = from;
    for (;;) {
      const line = this.received.indexOf("\r\n", at);
      if (line < 0) return undefined;
      const size = Number.parseInt(this.received.toString("latin1", at, line), 16);
      const start = line + 2;
      if (this.received.length < start + size + 2) return undefined;
      body += this.received.toString("latin1", start, start + size);
      at = start + size + 2;
      if (size === 0) break;
    }
    this.received = this.received.subarray(at);
    return { ...head, body };
  }

  private take(head: Omit<Answer, "body">, start: number, end = start): Answer {
    const body = this.received.toString("latin1", start, end);
    this.received = this.received.subarray(end);
    return { ...head, body };
  }
}

export function headerOf(answer: Answer, wanted: string): string | undefined {
  return answer.headers.find(([name]) => name === wanted)?.[1];
}
