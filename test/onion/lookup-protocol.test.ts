import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { Domain } from "#kith/onion/domain.js";
import { type Answer, Answerer } from "#kith/onion/lookup/answerer.js";
import type { Protocol } from "#kith/onion/lookup/protocol.js";
import { readsocket } from "#kith/onion/lookup/readsocket.js";
import { createLookupServer, listen, type Outcome } from "#kith/onion/lookup/server.js";
import { socketmap } from "#kith/onion/lookup/socketmap.js";
import { tcpTable } from "#kith/onion/lookup/tcp-table.js";
import { onionOfKey } from "#kith/onion/onion-address.js";
import type { Route } from "#kith/onion/route.js";

const ONION = onionOfKey(Buffer.alloc(32, 1));
const SECOND = onionOfKey(Buffer.alloc(32, 2));
const NEXTHOP = `smtptor:[${ONION}]:25`;

const route = (domain: string, more: Partial<Route> = {}): [string, Route] => [
  domain,
  {
    domain: domain as Domain,
    source: "pinned",
    inTheClear: false,
    expires: undefined,
    targets: [{ onion: ONION, port: 25, priority: 0, weight: 0, virtual: "10.192.0.1" }],
    ...more,
  },
];
const ROUTES = new Map([
  route("a.example"),
  route("xn--bcher-kva.example"),
  route("own.example"),
  route("down.example", { inTheClear: true }),
  route("two.example", {
    targets: [
      { onion: ONION, port: 25, priority: 0, weight: 0, virtual: "10.192.0.1" },
      { onion: SECOND, port: 2525, priority: 10, weight: 0, virtual: "10.192.0.2" },
    ],
  }),
]);

async function serve(
  protocol: Protocol,
  options: {
    routes?: ReadonlyMap<string, Route> | undefined;
    onMiss?: (domain: Domain) => Promise<Answer>;
    requestTimeoutMs?: number;
  } = {
    routes: ROUTES,
  },
) {
  const answerer = new Answerer(["own.example"], options.onMiss);
  if (options.routes !== undefined) answerer.routes = options.routes;
  const outcomes: Outcome[] = [];
  const { server, stop } = createLookupServer({
    protocol,
    answerer,
    count: (outcome) => outcomes.push(outcome),
    requestTimeoutMs: options.requestTimeoutMs ?? 400,
  });
  await listen(server, { host: "127.0.0.1", port: 0 });
  after(stop);
  const { port } = server.address() as { port: number };
  /** Sends the chunks one after the other, half-closes, and gives back all that was answered. */
  const say = (...chunks: (string | Buffer)[]) =>
    new Promise<string>((resolve, reject) => {
      let heard = "";
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.setEncoding("latin1").on("data", (text: string) => {
        heard += text;
      });
      socket.on("error", reject).on("close", () => resolve(heard));
      void (async () => {
        for (const chunk of chunks) {
          socket.write(chunk);
          if (chunks.length > 1) await sleep(1);
        }
        socket.end();
      })();
    });
  return { port, say, outcomes, server };
}

describe("Postfix's tcp_table", async () => {
  const { say, port } = await serve(tcpTable);

  it("answers the onion of a domain for every way Postfix asks for it", async () => {
    for (const key of [
      "ann@a.example",
      "a.example",
      "ann@A.EXAMPLE",
      "ann@a.example.",
      "ann%2Btag@a.example",
      "%22a%40b%22@a.example",
      "ann@%61.example",
    ]) {
      assert.equal(await say(`get ${key}\n`), `200 ${NEXTHOP}\n`, key);
    }
    assert.equal(await say("get ann@b%C3%BCcher.example\n"), `200 ${NEXTHOP}\n`);
    assert.equal(await say("get ann@xn--bcher-kva.example\n"), `200 ${NEXTHOP}\n`);
  });

  it("says “certainly not” for what has no onion, for patterns, and for own domains even if the map has them", async () => {
    for (const key of [
      "*",
      "other.example",
      "ann@other.example",
      ".a.example",
      "ann",
      "ann@",
      "@",
      "ann@own.example",
      "OWN.example.",
      "ann@[127.0.0.1]",
    ]) {
      assert.equal(await say(`get ${key}\n`), "500 no onion\n", key);
    }
  });

  it("an entry that may take the clear net while unreachable is answered like an absent one", async () => {
    assert.equal(await say("get ann@down.example\n"), "500 no onion\n");
  });

  it("several onions are one value, in their order", async () => {
    assert.equal(await say("get two.example\n"), `200 smtptor:[${ONION}]:25,%20[${SECOND}]:2525\n`);
  });

  it("pipelined requests are all answered, in order", async () => {
    const asked = `${"get a.example\nget other.example\nget *\nput x y\n".repeat(500)}`;
    const answered = `200 ${NEXTHOP}\n500 no onion\n500 no onion\n400 only%20get%20is%20understood\n`.repeat(500);
    assert.equal(await say(asked), answered);
  });

  it("a request split at any position is answered the same", async () => {
    const asked = "get ann%2Bx@a.example\nget *\n";
    for (let at = 1; at < asked.length; at++) {
      assert.equal(await say(asked.slice(0, at), asked.slice(at)), `200 ${NEXTHOP}\n500 no onion\n`, String(at));
    }
    assert.equal(await say(...asked), `200 ${NEXTHOP}\n500 no onion\n`);
  });

  it("what is no request is a temporary error, and the connection goes on", async () => {
    for (const wrong of [
      "put a b",
      "GET a.example",
      "get",
      "get ",
      "get a b",
      "",
      "get a%zz",
      "get a%4",
      "get a\t",
      "get a\r",
    ]) {
      assert.match(await say(`${wrong}\nget *\n`), /^400 [\x21-\x7e]+\n500 no onion\n$/, JSON.stringify(wrong));
    }
    assert.match(await say(Buffer.from([0, 255, 10, 103, 101, 116, 32, 0, 200, 10])), /^400 .*\n400 .*\n$/);
  });

  it("a line beyond the limit is refused, and the connection closed, newline or not", async () => {
    const longest = `get ${"a".repeat(4091)}`;
    assert.equal(await say(`${longest}\n`), "500 no onion\n");
    assert.equal(await say(`${longest}a\nget *\n`), "400 request%20too%20long\n");
    assert.equal(await say("x".repeat(100_000)), "400 request%20too%20long\n");
  });

  it("a request that nobody finishes ends the connection, not the server", async () => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.write("get a.exa");
    await once(socket.resume(), "close", { signal: AbortSignal.timeout(60_000) });
    assert.equal(await say("get *\n"), "500 no onion\n");
  });

  it("a thousand connections at once are all answered", async () => {
    const answers = await Promise.all(Array.from({ length: 1000 }, () => say("get ann@a.example\nget *\n")));
    assert.ok(answers.every((answer) => answer === `200 ${NEXTHOP}\n500 no onion\n`));
  });

  it("somebody who asks and does not read is not read from for ever, and gets all answers in the end", async () => {
    const count = 20_000;
    const socket = connect({ port, host: "127.0.0.1" });
    socket.pause();
    let written = 0;
    for (; written < count; written++) socket.write("get two.example\n");
    await sleep(200);
    let heard = 0;
    socket.on("data", (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10) heard++;
    });
    socket.resume();
    socket.end();
    await new Promise((resolve) => socket.once("close", resolve));
    assert.equal(heard, count);
  });

  it("a client that goes away in the middle disturbs nobody", async () => {
    for (let round = 0; round < 20; round++) {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.write("get a.example\nget a.e");
      socket.resetAndDestroy();
    }
    assert.equal(await say("get *\n"), "500 no onion\n");
  });
});

describe("Postfix's socketmap", async () => {
  const { say } = await serve(socketmap);
  const netstring = (text: string) => `${text.length}:${text},`;
  const ask = (key: string) => netstring(`onion ${key}`);

  it("answers the onion, or that there certainly is none", async () => {
    assert.equal(await say(ask("ann@a.example")), netstring(`OK ${NEXTHOP}`));
    assert.equal(await say("21:onion bücher.example,"), netstring(`OK ${NEXTHOP}`));
    for (const key of ["*", "ann@own.example", "other.example"])
      assert.equal(await say(ask(key)), netstring("NOTFOUND "));
  });

  it("pipelined and split requests are answered in order", async () => {
    const asked = ask("a.example") + ask("*");
    const answered = netstring(`OK ${NEXTHOP}`) + netstring("NOTFOUND ");
    assert.equal(await say(asked.repeat(200)), answered.repeat(200));
    for (let at = 1; at < asked.length; at++) assert.equal(await say(asked.slice(0, at), asked.slice(at)), answered);
  });

  it("another map, or no key, is a temporary error, and the connection goes on", async () => {
    for (const wrong of ["other a.example", "onion", " a.example", ""]) {
      assert.match(await say(netstring(wrong) + ask("*")), /^\d+:TEMP [^,]*,9:NOTFOUND ,$/, wrong);
    }
  });

  it("what is no netstring is refused and the connection closed", async () => {
    for (const wrong of [
      "x:",
      ":a,",
      "-1:a,",
      "03:abc,",
      "3:abcd,",
      "99999:",
      `5000:${"a".repeat(5000)},`,
      "\u0000\u0001",
    ]) {
      assert.match(await say(wrong + ask("*")), /^\d+:TEMP [^,]*,$/, JSON.stringify(wrong).slice(0, 30));
    }
  });
});

describe("Exim's readsocket", async () => {
  const { say, port } = await serve(readsocket);

  it("answers one line with the virtual address, with or without a newline in the question", async () => {
    for (const asked of ["a.example\n", "a.example", "a.example\r\n", "A.Example.\n", "ann@a.example"]) {
      assert.equal(await say(asked), "10.192.0.1::25\n", JSON.stringify(asked));
    }
    assert.equal(await say(...[..."a.example"]), "10.192.0.1::25\n");
    assert.equal(await say("two.example"), "10.192.0.1::25:10.192.0.2::2525\n");
  });

  it("answers an empty line for what has no onion", async () => {
    for (const asked of ["other.example", "own.example", "down.example", "*"]) assert.equal(await say(asked), "\n");
  });

  it("never answers nothing or an empty line to what it did not understand", async () => {
    for (const asked of ["", "\n", "a b\n", "\u0000\n", "x".repeat(2000)]) {
      assert.equal(await say(asked), "10.192.0.0::25\n", JSON.stringify(asked).slice(0, 30));
    }
  });

  it("answers before the client has closed its half", async () => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.write("a.example\n");
    const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    assert.equal(answer.toString(), "10.192.0.1::25\n");
    socket.end();
  });
});

describe("what is not known is never answered as absent", () => {
  const temporary = {
    tcp_table: "400 try again later\n",
    socketmap: "20:TEMP try again later,",
    readsocket: "10.192.0.0::25\n",
  };
  const asked = { tcp_table: "get ann@a.example\n", socketmap: "15:onion a.example,", readsocket: "a.example\n" };

  for (const protocol of [tcpTable, socketmap, readsocket]) {
    it(`${protocol.name}: without a map every answer is “try again later”`, async () => {
      const { say } = await serve(protocol, {});
      assert.equal(await say(asked[protocol.name]), temporary[protocol.name]);
    });

    it(`${protocol.name}: so it is when the DNS fails on a miss`, async () => {
      for (const onMiss of [() => Promise.reject(new Error("broken")), async () => "unknown" as const]) {
        const { say } = await serve(protocol, { routes: new Map(), onMiss });
        assert.equal(await say(asked[protocol.name]), temporary[protocol.name]);
      }
    });
  }

  it("while a miss is looked for in the DNS, later answers keep their place", async () => {
    const { say } = await serve(tcpTable, {
      routes: ROUTES,
      onMiss: async (domain) => {
        await sleep(domain.startsWith("slow") ? 30 : 1);
        return "absent";
      },
    });
    assert.equal(
      await say("get slow.example\nget a.example\nget fast.example\nget ann@own.example\n"),
      `500 no onion\n200 ${NEXTHOP}\n500 no onion\n500 no onion\n`,
    );
  });

  it("whoever asks what has to be looked for, and does not read, is not read from for ever, and gets all answers in the end", async () => {
    const [, found] = route("many.example", {
      targets: Array.from({ length: 100 }, () => ({ onion: ONION, port: 25, priority: 0, weight: 0, virtual: "" })),
    });
    const answerBytes = tcpTable.answer(found).length;
    // More than the system keeps for a connection, and yet few enough questions that those alone don't stop the reading.
    const count = 3000;
    let asked = 0;
    let mostWaiting = 0;
    let allAsked: (() => void) | undefined;
    const isAsked = new Promise<void>((resolve) => {
      allAsked = resolve;
    });
    let theirs: Socket | undefined;
    const { port, server } = await serve(tcpTable, {
      routes: new Map(),
      requestTimeoutMs: 60_000,
      onMiss: async () => {
        await setImmediate();
        mostWaiting = Math.max(mostWaiting, theirs?.writableLength ?? 0);
        if (++asked === count) allAsked?.();
        return found;
      },
    });
    const connected = once(server, "connection") as Promise<[Socket]>;
    const socket = connect({ port, host: "127.0.0.1" });
    socket.pause();
    [theirs] = await connected;
    const stopped = once(theirs, "pause");
    socket.write("get m.example\n".repeat(count));
    await Promise.race([stopped, isAsked]);
    assert.ok(asked < count, "it went on asking");
    let heard = 0;
    socket.on("data", (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10) heard++;
    });
    const closed = once(socket, "close");
    socket.resume();
    socket.end();
    await closed;
    assert.equal(heard, count);
    assert.ok(mostWaiting <= 65_536 + answerBytes, `${mostWaiting} bytes waited`);
  });

  it("own domains and patterns are never asked about in the DNS", async () => {
    const missed: string[] = [];
    const { say } = await serve(tcpTable, {
      routes: ROUTES,
      onMiss: async (domain) => {
        missed.push(domain);
        return "absent";
      },
    });
    await say("get *\nget ann@own.example\nget .x.example\nget ann@secret.example\n");
    assert.deepEqual(missed, ["secret.example"]);
  });

  it("only kinds of answers are counted", async () => {
    const { say, outcomes } = await serve(tcpTable);
    await say("get ann@a.example\nget *\nput x\n");
    assert.deepEqual(outcomes, ["found", "absent", "refused"]);
  });
});
