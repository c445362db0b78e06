import { createTransport } from "nodemailer";
import type { Config, Language } from "../config.js";
import type { Context } from "../context.js";
import { translator } from "../web/i18n.js";

/** What Kith writes to members about: each has `mail.<kind>.subject` and `mail.<kind>.text` in the catalogues. */
export type NoticeKind = "reset-opened" | "reset-chosen" | "reset-completed" | "reset-stopped" | "reset-expired";

export interface Notice {
  to: string;
  language: Language;
  kind: NoticeKind;
  /** What else the text says: no names of members, no link. */
  vars?: Record<string, string | number>;
}

type MailContext = Pick<Context, "config" | "log">;

const FIRST_RETRY_MILLISECONDS = 60_000;
/** Each try waits twice as long as the one before: in all about two days. */
const MAX_TRIES = 12;
const MAX_WAITING = 10_000;

/** Letters of this process that are not delivered yet; one after the other, so that a flood is not passed on. */
let waiting = 0;
let last: Promise<void> = Promise.resolve();

/**
 * Queues a notice and returns at once: who caused it never waits for a mail server, nor learns how long one takes.
 * Nothing happens where no mail is configured; then notices stand on the pages only.
 */
export async function sendNotice(context: MailContext, notice: Notice): Promise<void> {
  if (context.config.smtpUrl === undefined || context.config.mailFrom === undefined || waiting >= MAX_WAITING) return;
  waiting += 1;
  attempt(context, compose(context.config, notice), 1);
}

interface Letter {
  to: string;
  subject: string;
  text: string;
}

/** Plain text, in the reader's language. */
function compose(config: Pick<Config, "name" | "origin">, { to, language, kind, vars }: Notice): Letter {
  const t = translator(language);
  const known = { ...vars, name: config.name, host: config.origin.host };
  return {
    to,
    subject: t(`mail.${kind}.subject`, known),
    text: `${t(`mail.${kind}.text`, known)}\n\n${t("mail.end", known)}\n`,
  };
}

function attempt(context: MailContext, letter: Letter, number: number): void {
  last = last.then(async () => {
    try {
      await deliver(context.config, letter);
      waiting -= 1;
    } catch (error) {
      const { code, responseCode } = error as { code?: string; responseCode?: number };
      // Neither the address nor what the other server said: both tell who is written to.
      context.log.warn({ code, responseCode, attempt: number }, "a notice could not be delivered yet");
      if (number >= MAX_TRIES) waiting -= 1;
      else {
        const later = FIRST_RETRY_MILLISECONDS * 2 ** (number - 1);
        setTimeout(() => attempt(context, letter, number + 1), later).unref();
      }
    }
  });
}

async function deliver({ smtpUrl, mailFrom, domains }: Config, letter: Letter): Promise<void> {
  const transport = createTransport({ url: smtpUrl, name: domains[0], connectionTimeout: 30_000 } as { url: string });
  try {
    await transport.sendMail({ from: mailFrom, ...letter, headers: { "Auto-Submitted": "auto-generated" } });
  } finally {
    transport.close();
  }
}
