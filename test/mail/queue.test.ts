import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { deliver } from "#kith/mail/deliver.js";
import { sendNotice, startMailQueue } from "#kith/mail/queue.js";
import type { Domain } from "#kith/onion/domain.js";
import type { OnionAddress } from "#kith/onion/onion-address.js";
import { writeEntries } from "#kith/onion/queries.js";
import { openPlace, type Place } from "../support/app.js";
import { type MailServer, openMailServer } from "../support/mail-server.js";

const WAYS = [
  { how: "never answers", drips: false },
  { how: "drips its answer", drips: true },
] as const;

async function open(drips: boolean) {
  const mail = await openMailServer({ stuck: { to: /mal@/, drips } });
  const place = await openPlace({ env: { KITH_SMTP_URL: mail.url, KITH_MAIL_FROM: "kith@example.org" } });
  return { mail, place };
}

const notify = (place: Place, to: string) =>
  sendNotice(place.context, { to, language: "en", kind: "password-changed" });

async function until(what: string, isSo: () => boolean | Promise<boolean>) {
  const end = Date.now() + 60_000;
  while (!(await isSo())) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const jobs = async (place: Place) =>
  (await place.context.pool.query("select state, retry_count from pgboss.job where name = 'notices'")).rows;

async function start(place: Place, t: TestContext, deliverySeconds: number) {
  const queue = await startMailQueue(place.context, { pollSeconds: 0.1, deliverySeconds });
  t.after(() => queue.stop());
  return queue;
}

const isOver = (mail: MailServer) => mail.kept.size === 0;

describe("a mailbox whose server keeps a delivery", () => {
  for (const { how, drips } of WAYS) {
    it(`and ${how} holds up no other member's notice`, async (t) => {
      const { mail, place } = await open(drips);
      for (let count = 0; count < 7; count++) await notify(place, "mal@elsewhere.example");
      await notify(place, "ada@elsewhere.example");
      await start(place, t, 60);
      await mail.until(1, 30_000);
      assert.deepEqual(
        mail.received.map(({ to }) => to),
        [["ada@elsewhere.example"]],
      );
      assert.equal(mail.kept.size, 7, "the others are under way");
    });

    it(`and ${how} is left after the time that a delivery has, which counts as an attempt`, async (t) => {
      const { mail, place } = await open(drips);
      // More than are delivered at once.
      for (let count = 0; count < 9; count++) await notify(place, "mal@elsewhere.example");
      await notify(place, "ada@elsewhere.example");
      await start(place, t, 1);
      await mail.until(1, 30_000);
      assert.equal(mail.received.length, 1, "whoever comes after them waits that long");
      await until("all are given up", async () => (await jobs(place)).every(({ state }) => state === "retry"));
      assert.equal((await jobs(place)).length, 9, "they are tried again later");
      // What is not answered is closed from both ends, or cut off five seconds later.
      await until("the connections end", () => isOver(mail));
      const lines = place.log.filter((line) => line.includes("could not be delivered yet"));
      assert.equal(lines.length, 9);
      for (const line of lines) assert.equal(JSON.parse(line).attempt, 1);
      assert.doesNotMatch(place.log.join(""), /mal@|elsewhere/);
    });
  }

  it("does not keep Kith from stopping; the notice stays queued", async (t) => {
    const { mail, place } = await open(true);
    await notify(place, "mal@elsewhere.example");
    const queue = await start(place, t, 60);
    await until("it is under way", () => mail.kept.size === 1);
    const begun = Date.now();
    await queue.stop();
    assert.ok(Date.now() - begun < 30_000, "the delivery has twice as long");
    assert.deepEqual(await jobs(place), [{ state: "retry", retry_count: 0 }]);
    await until("the connection ends", () => isOver(mail));
  });
});

describe("a domain of many onions that do not answer", () => {
  it("costs one delivery's time, and the next attempt begins with the next onion", async (t) => {
    const asked: string[] = [];
    const open = new Set<Socket>();
    const tor = createServer((socket) => {
      open.add(socket.on("close", () => open.delete(socket)).on("error", () => undefined));
      socket.on("data", (bytes) => {
        if (bytes.length === 3) socket.write(Buffer.of(5, 0));
        else asked.push(bytes.subarray(5, -2).toString());
      });
    });
    await new Promise<void>((resolve) => tor.listen(0, "127.0.0.1", resolve));
    t.after(() => void tor.close());
    const { port } = tor.address() as { port: number };
    const { context } = await openPlace({
      env: {
        KITH_MAIL_FROM: "kith@example.org",
        KITH_TOR_SOCKS: `127.0.0.1:${port}`,
      },
    });
    const onions = ["a", "b"].map((letter) => `${letter.repeat(56)}.onion`);
    const targets = onions.map((onion, priority) => ({ onion: onion as OnionAddress, port: 25, priority, weight: 0 }));
    const entry = {
      domain: "there.example" as Domain,
      source: "pinned",
      targets,
      fallback: false,
      note: "",
      expiresAt: undefined,
    } as const;
    await context.db.transaction().execute((trx) => writeEntries(trx, { actor: "test", at: new Date() }, [entry]));
    const letter = { to: "ben@there.example", subject: "x", text: "x\n" };
    for (const attempt of [0, 1, 2]) {
      const signal = AbortSignal.timeout(300);
      await assert.rejects(deliver(context, letter, { signal, attempt }), { code: "EABORT" });
    }
    assert.deepEqual(asked, [onions[0], onions[1], onions[0]]);
    await until("Tor is let go", () => open.size === 0);
  });
});
