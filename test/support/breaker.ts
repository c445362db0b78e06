import { connect, createServer, type Socket } from "node:net";
import { after } from "node:test";

/** Where a connection is cut: at which statement since the plan was made, and on which side of it. */
export interface Plan {
  statement: number;
  /** `before`: the server is not told to execute it. `after`: it has, and its answer is lost. */
  side: "before" | "after";
  /** What happens there instead of the cut. */
  strike?: () => void;
}

export interface Breaker {
  /** For `DATABASE_URL`: the same database, by way of the breaker. */
  url: string;
  /** Begins to count statements; at the planned one all connections are cut, and none is taken until `mend`. */
  plan(plan: Plan): void;
  /** Statements since the plan was made. */
  count(): number;
  /** Cuts all connections now. */
  cut(): void;
  /** @returns whether there was a cut */
  mend(): boolean;
}

const closing: (() => void)[] = [];
// Here, not in `openBreaker`: called from a `before` hook, that would be over as soon as the hook is.
after(() => {
  for (const close of closing) close();
});

/** Stands between Kith and PostgreSQL and knows where one statement ends and the next begins. */
export async function openBreaker(databaseUrl: string): Promise<Breaker> {
  const target = new URL(databaseUrl);
  const host = target.searchParams.get("host");
  const port = Number(target.port);
  const open = new Set<Socket>();
  let planned: Plan | undefined;
  let statements = 0;
  let isCut = false;

  function cut(): void {
    isCut = true;
    for (const socket of open) socket.destroy();
    open.clear();
  }

  function reach(): void {
    const strike = planned?.strike ?? cut;
    planned = undefined;
    strike();
  }

  const server = createServer((inner) => {
    if (isCut) return void inner.destroy();
    const outer = host === null ? connect(port, target.hostname) : connect(`${host}/.s.PGSQL.${port}`);
    let last: Plan | undefined;
    const held: Buffer[] = [];
    for (const socket of [inner, outer]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        inner.destroy();
        outer.destroy();
      });
    }
    // The first message has no type; it is the one that opens the connection.
    const toServer = messages(true, (type, bytes) => {
      // Sync and Query make the server do what it was sent, and commit it unless a transaction is open.
      if (type === "S" || type === "Q") {
        statements += 1;
        if (statements === planned?.statement) {
          if (planned.side === "before") return reach();
          last = planned;
        }
      }
      if (!isCut) outer.write(bytes);
    });
    // Z: the server is ready for the next one.
    const toKith = messages(false, (type, bytes) => {
      if (last && last === planned) return type === "Z" ? reach() : void held.push(bytes);
      // Held back for a plan that is over.
      for (const earlier of held.splice(0)) inner.write(earlier);
      if (!isCut) inner.write(bytes);
    });
    inner.on("data", toServer);
    outer.on("data", toKith);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const listening = server.address() as { port: number };
  closing.push(() => {
    cut();
    server.close();
  });
  return {
    url: `postgresql://${target.username}:${target.password}@127.0.0.1:${listening.port}${target.pathname}`,
    plan(plan) {
      planned = plan;
      statements = 0;
    },
    count: () => statements,
    cut,
    mend() {
      const happened = isCut;
      planned = undefined;
      isCut = false;
      return happened;
    },
  };
}

/** Splits a stream into PostgreSQL's messages: a type of one byte, then a length that counts itself. */
function messages(
  beginsWithoutType: boolean,
  take: (type: string, bytes: Buffer) => void,
): (chunk: Buffer | string) => void {
  let rest = Buffer.alloc(0);
  let hasType = !beginsWithoutType;
  return (chunk) => {
    rest = Buffer.concat([rest, Buffer.from(chunk as Buffer)]);
    for (;;) {
      const head = hasType ? 1 : 0;
      if (rest.length < head + 4) return;
      const length = head + rest.readUInt32BE(head);
      if (rest.length < length) return;
      const type = hasType ? String.fromCharCode(rest[0] as number) : "";
      const bytes = rest.subarray(0, length);
      rest = rest.subarray(length);
      hasType = true;
      take(type, bytes);
    }
  };
}
