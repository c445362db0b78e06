import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { startAnchor } from "#kith/anchor.js";
import { LINES } from "#kith/log.js";
import { sendNotice, startMailQueue } from "#kith/mail/queue.js";
import { openPlace } from "./support/app.js";
import { temporaryDirectory } from "./support/temporary.js";

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));

describe("a line of the log", () => {
  it("holds the code of an error, and never a one-time code, wherever that is put by mistake", () => {
    let said = "";
    const write = (line: string) => {
      said += line;
    };
    const log = pino(LINES, { write });
    log.warn({ code: "123456", body: { code: "123456", form: { code: "123456" } }, errorCode: "ENOSPC" }, "x");
    assert.doesNotMatch(said, /123456/);
    assert.equal(JSON.parse(said).errorCode, "ENOSPC");
  });

  it("tells why the anchor was not raised, and why a notice was not delivered", async () => {
    const place = await openPlace({ env: { KITH_SMTP_URL: "smtp://127.0.0.1:1", KITH_MAIL_FROM: "kith@example.org" } });
    const secretFile = join(temporaryDirectory(), "secret");
    mkdirSync(`${secretFile}.anchor`);
    const anchor = await startAnchor({ ...place.context, config: { ...place.context.config, secretFile } });
    const queue = await startMailQueue(place.context, { pollSeconds: 0.1 });
    await sendNotice(place.context, { to: "ada@example.org", language: "en", kind: "password-changed" });
    const lineOf = (text: string) => place.log.map((line) => JSON.parse(line)).find(({ msg }) => msg.includes(text));
    const end = Date.now() + 60_000;
    while (!lineOf("could not be delivered yet")) {
      assert.ok(Date.now() < end);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await Promise.all([queue.stop(), anchor.stop()]);
    assert.equal(lineOf("the anchor beside")?.errorCode, "EISDIR");
    // nodemailer's own word for it, and the system's.
    assert.match(lineOf("could not be delivered yet")?.errorCode, /^(ESOCKET|ECONNREFUSED)$/);
  });

  it("is nowhere given an error's code under the name that is struck", () => {
    const found = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .filter((name) => /\blog\.\w+\(\s*\{[^}]*(?<!\w)code\s*[,:}]/.test(withoutNamed(name)));
    assert.deepEqual(found, []);
  });
});

/** A source without what is named otherwise. */
function withoutNamed(name: string): string {
  return readFileSync(join(SOURCES, name), "utf8").replaceAll(/\berrorCode: [^,}]*(\{[^}]*\})?[^,}]*/g, "errorCode");
}
