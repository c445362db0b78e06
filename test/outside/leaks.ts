import type { Patch } from "../support/variant.js";

export interface Leak {
  what: string;
  patch: Patch;
  /** Sentences of the suite. */
  noticedBy: readonly string[];
}

/** What browsers and proxies would keep. */
export const KEPT: readonly Leak[] = [
  {
    what: "pages may be kept for a minute",
    patch: {
      file: "web/security-headers.js",
      from: '"Cache-Control": "no-store"',
      to: '"Cache-Control": "private, max-age=60"',
    },
    noticedBy: ["every page says no-store, has no version and no date, and stays what it is however it is asked for"],
  },
  {
    what: "what may be kept carries who asked for it",
    patch: {
      file: "web/app.js",
      from: 'if (reply.getHeader("content-type") === "image/svg+xml")',
      to: 'reply.header("x-for", _request.headers.cookie ?? "nobody");\n            if (reply.getHeader("content-type") === "image/svg+xml")',
    },
    noticedBy: ["what browsers may keep is one and the same for everybody"],
  },
];

/** A leak of each kind, put in on purpose, and the tests that have to notice. */
export const LEAKS: readonly Leak[] = [
  {
    what: "a suspended member is told so before the password is right",
    patch: {
      file: "accounts/unlock.js",
      from: "    const [opened, ...others] = await tryKeys(",
      to: '    if (known && row.status !== "active") throw Object.assign(new Error(), { statusCode: 403 });\n    const [opened, ...others] = await tryKeys(',
    },
    noticedBy: [
      "to a wrong password, whoever bears the name and however they stand",
      "by signing in: not who there is, how they stand, nor whether the last password was right",
    ],
  },
  {
    what: "wrong passwords are counted for the member as well",
    patch: {
      file: "accounts/routes.js",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the code as it stands
      from: "const subjects = [`client ${visit.client}`,",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: and as it must not
      to: "const subjects = [`name ${username}`, `client ${visit.client}`,",
    },
    noticedBy: ["of what somebody else does: it takes as many tries, whatever others do to the same member meanwhile"],
  },
  {
    what: "whoever asks about somebody suspended gets a page of its own",
    patch: {
      file: "resets/help.js",
      from: "    const complete = genuine.length",
      to: '    if (person?.status === "suspended") throw Object.assign(new Error(), { statusCode: 404 });\n    const complete = genuine.length',
    },
    noticedBy: [
      "to who asks to help, or to agree, about somebody beyond help",
      "by asking to help: not who there is, who trusts whom, nor who could have been helped",
      "by agreeing: the same, for asking and agreeing count alike",
    ],
  },
  {
    what: "a link says that it has run out",
    patch: {
      file: "resets/handover.js",
      from: '    if (account?.status !== "active" || !counts',
      to: '    if (isFound && row.expiry_day < dayOf(context.clock())) throw Object.assign(new Error(), { statusCode: 410 });\n    if (account?.status !== "active" || !counts',
    },
    noticedBy: [
      "to a handover link, whatever it died of, read or sent",
      "by trying links and letters: not what they died of, nor whether the last one was alive",
    ],
  },
  {
    what: "a letter says that it was used",
    patch: {
      file: "invites/redeem.js",
      from: "    if (!domain || isSpent ||",
      to: "    if (isSpent) throw Object.assign(new Error(), { statusCode: 410 });\n    if (!domain || isSpent ||",
    },
    noticedBy: ["to a letter, whatever it died of, read or sent"],
  },
  {
    what: "what is for admins only looks otherwise than what is not there",
    patch: {
      file: "web/app.js",
      from: "await notFound(await visitOfMember(request, reply))",
      to: "await notFound(visitOf(request, reply))",
    },
    noticedBy: ["to a member who looks for what is for admins, and for what is not there"],
  },
];
