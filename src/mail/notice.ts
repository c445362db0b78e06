import type { Config, Language } from "../config.js";
import { translator } from "../web/i18n.js";

/** What Kith writes to members about. Each has `mail.<kind>.subject` and `mail.<kind>.text` in the catalogues. */
export const NOTICE_KINDS = [
  "reset-opened",
  "reset-chosen",
  "reset-completed",
  "reset-stopped",
  "reset-expired",
  "password-changed",
  "second-step-changed",
  "codes-wrong",
  "contact-changed",
  "release",
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** All that a notice may say besides its fixed words: no names of members, no link. */
export interface NoticeVars {
  /** Whole days until something takes effect. */
  days?: number;
}

/** What stands in the queue until it is delivered: the address and the text, and nothing else. */
export interface Letter {
  to: string;
  subject: string;
  text: string;
}

/** Writes a notice in the reader's language, as plain text. */
export function composeNotice(
  config: Pick<Config, "name" | "origin">,
  notice: { to: string; language: Language; kind: NoticeKind; vars?: NoticeVars },
): Letter {
  const t = translator(notice.language);
  const { days } = notice.vars ?? {};
  const vars = { name: config.name, host: config.origin.host, ...(days === undefined ? {} : { count: days }) };
  return {
    to: notice.to,
    subject: t(`mail.${notice.kind}.subject`, vars),
    text: `${t(`mail.${notice.kind}.text`, vars)}\n\n${t("mail.end", vars)}\n`,
  };
}
