import { createTransport, type Transporter } from "nodemailer";
import type { Context } from "../context.js";
import { type Domain, domainOfKey } from "../onion/domain.js";
import { onionRoute } from "../onion/onion-route.js";
import type { RoutedTarget } from "../onion/route.js";
import { connectThroughTor } from "../onion/socks.js";
import type { Letter } from "./notice.js";

/** As for every mail server's first connection to an onion. */
const CONNECT_TIMEOUT_MS = 120_000;
const TALK_TIMEOUT_MS = 60_000;

export type Way = "onion" | "smtp";

type MailContext = Pick<Context, "config" | "db">;

/**
 * Delivers one letter: through Tor if the recipient's domain is in the onion map, unless `KITH_MAIL_OVER_ONION` is off;
 * else by `KITH_SMTP_URL`. Nothing in the map proves who wrote it, and an onion's certificate not whose it is: whoever can
 * write to the database has members' addresses sent to an onion of their own. Whoever fears that more than the clear net
 * switches it off.
 *
 * Fails closed: a domain that has an onion is never written to in the clear because Tor, the onion or the database
 * did not work. It throws, and whoever called tries again later.
 *
 * @param signal ends it at once, connection and all: a server that drips its answer is never idle
 * @param attempt from 0; each begins with another of the domain's onions, so that slow ones do not use up every attempt
 * @returns which way it went; undefined if there is none (no `KITH_SMTP_URL`, no onion)
 */
export async function deliver(
  context: MailContext,
  letter: Letter,
  { signal, attempt = 0 }: { signal?: AbortSignal; attempt?: number } = {},
): Promise<Way | undefined> {
  const { config } = context;
  if (config.mailFrom === undefined) return undefined;
  const domain = domainOfKey(letter.to);
  const targets = domain === undefined ? undefined : await onionTargets(context, domain);
  if (targets !== undefined) {
    const first = attempt % targets.length;
    await overOnion(context, letter, [...targets.slice(first), ...targets.slice(0, first)], signal);
    return "onion";
  }
  if (config.smtpUrl === undefined) return undefined;
  await send(
    createTransport({ url: config.smtpUrl, requireTLS: mustEncrypt(config.smtpUrl) }),
    config.mailFrom,
    letter,
    signal,
  );
  return "smtp";
}

/** Whether there is any way for mail to this address, as `deliver` goes; without an address: to one like most. */
export async function isMailed(context: MailContext, to: string): Promise<boolean> {
  const { mailFrom, smtpUrl } = context.config;
  if (mailFrom === undefined || smtpUrl !== undefined) return mailFrom !== undefined;
  const domain = domainOfKey(to);
  return domain !== undefined && (await onionTargets(context, domain)) !== undefined;
}

/**
 * Whether a letter is only handed over inside TLS: on every way that leaves this machine, since somebody in between
 * could take the offer of STARTTLS out of what the server says. `?requireTLS=false` in the URL switches that off, for a
 * network of one's own. Certificates are checked in any case.
 */
export function mustEncrypt(smtpUrl: string): boolean {
  const { hostname, searchParams } = new URL(smtpUrl);
  const said = searchParams.get("requireTLS");
  return said === null ? !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname) : said !== "false";
}

/** Own domains are delivered at home, whatever the map says. */
async function onionTargets({ config, db }: MailContext, domain: Domain): Promise<readonly RoutedTarget[] | undefined> {
  if (!config.mailOverOnion || config.domains.includes(domain)) return undefined;
  return (await onionRoute(db, domain))?.targets;
}

async function overOnion(
  { config }: MailContext,
  letter: Letter,
  targets: readonly RoutedTarget[],
  signal: AbortSignal | undefined,
): Promise<void> {
  let failure: unknown;
  for (const { onion, port } of targets) {
    const transport = createTransport({
      host: onion,
      port,
      secure: false,
      // The onion address already says who answers; a certificate for that name need not be valid.
      tls: { rejectUnauthorized: false },
      // Not the name of this machine.
      name: config.domains[0],
      greetingTimeout: TALK_TIMEOUT_MS,
      socketTimeout: TALK_TIMEOUT_MS,
      getSocket: (_options, callback) => {
        connectThroughTor(config.torSocks, onion, port, CONNECT_TIMEOUT_MS, signal).then(
          (connection) => callback(null, { connection }),
          // Never without a socket: then nodemailer would connect by itself.
          (error: Error) => callback(error),
        );
      },
    });
    try {
      await send(transport, config.mailFrom!, letter, signal);
      return;
    } catch (error) {
      failure = error;
      if (signal?.aborted) break;
    }
  }
  throw failure;
}

async function send(
  transport: Transporter,
  from: string,
  { to, subject, text }: Letter,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await transport.sendMail({
      from,
      to,
      subject,
      text,
      // What it is sent with is nobody's business; and no answering machine should answer.
      xMailer: false,
      headers: { "Auto-Submitted": "auto-generated" },
      // A letter is text. Nothing in it may make nodemailer open a file or an address.
      disableFileAccess: true,
      disableUrlAccess: true,
      ...(signal && { signal }),
    });
  } finally {
    transport.close();
  }
}
