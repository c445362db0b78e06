import type { Outcome } from "./outcome.js";
import type { Target } from "./route.js";
import { SmtpTalk } from "./smtp-talk.js";
import { connectThroughTor, SocksError } from "./socks.js";

/** Building circuits to an onion that is asked for the first time takes seconds; a dead one takes Tor up to a minute. */
export const CONNECT_TIMEOUT_MS = 60_000;
export const REPLY_TIMEOUT_MS = 30_000;

/** A name that says nothing about who checks. */
export const EHLO_NAME = "[127.0.0.1]";

export interface OnionCheck {
  outcome: Outcome;
  /** Until the banner was there, or until it failed. */
  milliseconds: number;
  /** Whether STARTTLS is offered; undefined if it did not come that far. */
  starttls?: boolean;
  /** The first line the server said; only for somebody who asked for this check. */
  banner?: string;
  /** The SOCKS reply or error behind the outcome. */
  detail?: string;
}

/** Whether a mail server answers at an onion address: connects through Tor, reads the banner, asks what it offers. */
export async function checkOnion(
  tor: { host: string; port: number },
  target: Pick<Target, "onion" | "port">,
  {
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
    replyTimeoutMs = REPLY_TIMEOUT_MS,
    signal,
  }: { connectTimeoutMs?: number; replyTimeoutMs?: number; signal?: AbortSignal } = {},
): Promise<OnionCheck> {
  const start = performance.now();
  const elapsed = () => Math.round(performance.now() - start);
  try {
    const socket = await connectThroughTor(tor, target.onion, target.port, connectTimeoutMs, signal);
    const talk = new SmtpTalk(socket, replyTimeoutMs);
    const giveUp = () => socket.destroy();
    signal?.addEventListener("abort", giveUp);
    try {
      const banner = await talk.reply();
      const milliseconds = elapsed();
      if (banner.code !== 220) return { outcome: "no-smtp", milliseconds, detail: String(banner.code) };
      const hello = await talk.command(`EHLO ${EHLO_NAME}`);
      const starttls = hello.code === 250 && hello.lines.some((line) => /^STARTTLS$/i.test(line.trim()));
      return { outcome: "reachable", milliseconds, starttls, banner: banner.lines[0] ?? "" };
    } finally {
      signal?.removeEventListener("abort", giveUp);
      talk.quit();
    }
  } catch (error) {
    if (error instanceof SocksError) {
      return { outcome: error.outcome, milliseconds: elapsed(), detail: error.reply };
    }
    return { outcome: "no-smtp", milliseconds: elapsed(), detail: (error as Error).message };
  }
}
