import { randomBytes } from "node:crypto";
import { CONNECT_TIMEOUT_MS, EHLO_NAME, REPLY_TIMEOUT_MS } from "./check-onion.js";
import type { Target } from "./route.js";
import { SmtpTalk } from "./smtp-talk.js";
import { connectThroughTor } from "./socks.js";

/** One envelope that a stranger might try to have relayed. */
export interface Probe {
  from: string;
  to: string;
  accepted: boolean;
  /** The sender was taken, so the answer is about the recipient. */
  reachedRecipient: boolean;
  /** The server's answer to RCPT (or to MAIL, if it refused that already). */
  reply: string;
}

export interface RelayCheck {
  /**
   * `closed`: every probe was refused for good. `open`: at least one was accepted. `unclear`: something else was
   * said, so nothing is proven: never to be taken for `closed`.
   */
  verdict: "closed" | "open" | "unclear";
  probes: Probe[];
}

/**
 * Domains that are certainly not the server's own. A server that checks whether a recipient's domain exists may refuse
 * an invented one although it relays, so there is one that takes mail in the real DNS as well.
 */
const FOREIGN = ["relay-test.invalid", "torproject.org"] as const;

/**
 * Tries from outside, through Tor, whether a mail server would relay for strangers. Ends every attempt before `DATA`:
 * no mail is sent to anybody, whatever the server accepts.
 *
 * @param ownDomain one the server receives for
 * @param foreign further domains that are not its own
 * @throws SocksError | Error if it can't be reached or does not speak SMTP
 */
export async function checkOpenRelay(
  tor: { host: string; port: number },
  target: Pick<Target, "onion" | "port">,
  ownDomain: string,
  foreign: readonly string[] = [],
): Promise<RelayCheck> {
  const socket = await connectThroughTor(tor, target.onion, target.port, CONNECT_TIMEOUT_MS);
  const talk = new SmtpTalk(socket, REPLY_TIMEOUT_MS);
  try {
    if ((await talk.reply()).code !== 220) throw new Error("the server does not want to talk");
    await hello(talk);
    const user = `kith-relay-test-${randomBytes(4).toString("hex")}`;
    // A server that takes every local part at its own domain takes those with "%" and "!" as well, and delivers them
    // to itself: then these prove nothing.
    const [anybody] = await probe(talk, "", [`${user}@${ownDomain}`]);
    const [invented, real] = FOREIGN;
    const strangers = [...FOREIGN, ...foreign].map((domain) => `${user}@${domain}`);
    const disguised = [
      `${user}%${real}@${ownDomain}`,
      `"${user}@${real}"@${ownDomain}`,
      `${real}!${user}@${ownDomain}`,
    ];
    const probes = [
      ...(await probe(talk, "", [
        ...strangers,
        `@${ownDomain}:${user}@${real}`,
        `${user}@[127.0.0.1]`,
        ...(anybody!.accepted ? [] : disguised),
      ])),
      ...(await probe(talk, `${user}@${invented}`, strangers)),
      // Some servers trust whoever claims to be one of their own.
      ...(await probe(talk, `postmaster@${ownDomain}`, strangers)),
    ];
    return { verdict: judge(probes), probes };
  } finally {
    talk.quit();
  }
}

function judge(probes: readonly Probe[]): RelayCheck["verdict"] {
  if (probes.some((one) => one.accepted)) return "open";
  // At least one envelope must have come as far as a final no to the recipient; 4xx and refused senders prove nothing.
  const final = probes.every((one) => one.reply.startsWith("5")) && probes.some((one) => one.reachedRecipient);
  return final ? "closed" : "unclear";
}

async function hello(talk: SmtpTalk): Promise<void> {
  if ((await talk.command(`EHLO ${EHLO_NAME}`)).code === 250) return;
  if ((await talk.command(`HELO ${EHLO_NAME}`)).code !== 250) throw new Error("the server refuses every greeting");
}

/** One sender, many recipients: servers get impatient with whoever starts over too often. */
async function probe(talk: SmtpTalk, from: string, recipients: readonly string[]): Promise<Probe[]> {
  const mail = await talk.command(`MAIL FROM:<${from}>`);
  const reachedRecipient = mail.code === 250;
  const probes: Probe[] = [];
  for (const to of recipients) {
    const asked = reachedRecipient ? await talk.command(`RCPT TO:<${to}>`) : mail;
    const accepted = reachedRecipient && asked.code >= 200 && asked.code < 300;
    probes.push({ from, to, accepted, reachedRecipient, reply: `${asked.code} ${asked.lines[0] ?? ""}`.trim() });
  }
  await talk.command("RSET");
  return probes;
}
