import type { Language } from "../config.js";
import type { TreePicture } from "../review/picture.js";
import type { Rules, TrustedPerson } from "../trust/statement.js";
import type { Day, Message, Month } from "./i18n.js";

/** What every page is given besides its own data. */
export interface Shell {
  lang: Language;
  /** The token that every form sends back as `_csrf`. */
  csrf: string;
  /** Who is signed in. */
  me: {
    username: string;
    /** As others type it: with the domain where that is not the first one. */
    label: string;
    isAdmin: boolean;
  } | null;
  /** Entries of the main navigation, in order; only what exists. Left out of pages without `me`. */
  nav: readonly NavItem[];
  current: NavItem | null;
  collective: {
    /** `KITH_NAME`. */
    name: string;
    /** The mail domain of this member, or the first one. */
    domain: string;
    /** Where people sign in, without the scheme: `kith.example.org`. */
    host: string;
    origin: string;
    /** A URI (`mailto:…`, `https://…`), or null: no link. */
    contact: string | null;
  };
  /** Address of this page in the other language for somebody signed out (`?language=de`); null: no link. */
  switchHref: string | null;
  /** The answer to what was just done. `key` is one of `flash.*`. */
  flash: (Message & { kind: "good" | "wait" | "bad" }) | null;
  /** Resets of my own password that are under way, oldest first; null or empty: none. */
  band: readonly OpenReset[] | null;
  /** What was wrong with the form. Not empty: the title begins with "Error:". */
  errors: readonly FieldError[];
}

export type NavItem = "home" | "trust" | "help" | "invites" | "security" | "account" | "admin";

/** The admins' own navigation: a page's name in the catalogues (`adminNav.*`) and below `/admin/`. Only what exists. */
export const ADMIN_PAGES = ["tree", "accounts", "onion", "cases", "log", "recovery"] as const;

export interface FieldError extends Message {
  /** The field's name in the form. */
  field: string;
  /** Which form, on pages where two forms have a field of that name (each page's comment says so). */
  form?: string;
}

/** A reset of my own password, as its owner sees it. */
export interface OpenReset {
  /** The day on which it was opened. */
  began: Day;
  /** The day on which a password was chosen for it; null: not yet. */
  chosen: Day | null;
  agreed: number;
  threshold: number;
  /** The day on which the wait is over; null: nothing chosen yet. */
  earliest: Day | null;
}

/** A reset, as somebody who may agree to it sees it. */
export interface HelpCase {
  /** The case's id. */
  id: string;
  /** Four words. */
  words: readonly string[];
  chosen: Day;
  agreed: number;
  threshold: number;
  waitDays: number;
  lostSecondStep: boolean;
  /** Whether the helper who looks at it has agreed to it. */
  approved: boolean;
}

export type Tile =
  | { kind: "invites"; left: number }
  | { kind: "help" }
  | { kind: "services"; count: number }
  | { kind: "security"; secondStep: boolean | null; sessions: number }
  | { kind: "account"; contact: string | null }
  | { kind: "export" };

export type ActivityKind =
  | "joined"
  | "signed-in"
  | "wrong-password"
  | "password-changed"
  | "reset-opened"
  | "reset-stopped"
  | "reset-completed"
  | "reset-ended"
  | "person-added"
  | "person-removed"
  | "person-confirmed"
  | "rules-changed"
  | "letter-written"
  | "letter-revoked"
  | "letter-used"
  | "helped"
  | "agreed"
  | "sessions-ended"
  | "second-step-on"
  | "second-step-off"
  | "recovery-codes"
  | "service-made"
  | "service-revoked"
  | "contact-changed"
  | "language-changed"
  | "exported";

export type ServiceKind = "mail" | "chat" | "files";

export type Letter = {
  /** Value of the field `invite` that takes it back. */
  id: string;
  /** The inviter's note; empty: none. */
  note: string;
} & (
  | { state: "open"; expires: Day }
  | { state: "came"; month: Month; username: string | null }
  | { state: "expired"; expires: Day }
  | { state: "revoked" | "unreadable" }
);

export interface FreshLetter {
  link: string;
  note: string;
  expires: Day;
}

/** One member, as an admin sees and acts on them. */
export interface PersonPanel {
  /** As it is typed: without the domain where that is the first one. */
  username: string;
  /** The admin who looks. */
  self: boolean;
  isAdmin: boolean;
  suspended: boolean;
  invitingFrozen: boolean;
  signInFrozen: boolean;
  /** Where the member stands in the tree; null: the tree is closed. */
  place: {
    inviter: string | null;
    month: Month | null;
    /** From the root to the inviter. */
    path: readonly string[];
    direct: number;
    below: number;
    /** The first few below. */
    names: readonly string[];
    more: number;
    /** The admin who looks is in the branch. */
    containsSelf: boolean;
  } | null;
}

/** One line of the tree as a list. */
export interface TreeItem {
  label: string;
  username: string;
  depth: number;
  state: "active" | "suspended" | "frozen";
  /** In the branch that is looked at. */
  cut: boolean;
  current: boolean;
  invited: number;
  /** On the first lines of a page: who stands above, on the page before. */
  below: string | null;
  /** In a list of matches: who invited. */
  by: string | null;
  open: boolean;
  children: TreeItem[];
}

export interface TreeList {
  items: readonly TreeItem[];
  filtered: boolean;
  count: number;
  page: number;
  pages: number;
}

/** An admin, as other admins see them. */
export interface AdminLine {
  username: string;
  self: boolean;
  /** `reader`: can open the tree; `unconfirmed`: somebody must confirm the key; `resting`: reset, the role rests. */
  standing: "reader" | "unconfirmed" | "resting";
  /** Whether the admin who looks may confirm. */
  canConfirm: boolean;
  canUnmake: boolean;
  /** In groups of four. */
  fingerprint: string;
  /** The same in hexadecimal, as forms send it back. */
  key: string;
}

/** One line of the log. */
export interface LogLine {
  id: string;
  /** The admin; null: by the command line. */
  by: string | null;
  kind: string;
  day: Day;
  /** Whom it was about, once the tree is open: a name, or null for somebody who has left; undefined while closed. */
  about?: { name: string | null; count: number; invites: number; everybody: boolean; to: string | null };
  undone: boolean;
  undo: boolean;
}

/** What an admin did with one's own account. */
export interface OwnAct {
  kind: string;
  day: Day;
  by: string;
  reason: string;
  count: number;
}

/** What was sent by one of the forms of a person's panel, or by that for everybody; the others are as nobody touched them. */
export interface PanelForm {
  /** The last word of its address, or `all`; empty: none. */
  sent: string;
  reason: string;
  branch: boolean;
  what: string;
  inviter: string;
  count: string;
}

/** Each page's template and what it needs. The same stands in words at the top of the template. */
export interface Pages {
  "accounts/sign-in": {
    form: { username: string };
    next: string | null;
    /** A form came after the session had run out. */
    lost: boolean;
  };
  "accounts/sign-in-code": { next: string | null };
  "accounts/sign-in-waiting": {
    username: string;
    words: readonly string[];
    agreed: number;
    threshold: number;
    chosen: Day;
    earliest: Day;
    /** Whole days until the wait is over; 0: it is over. */
    daysLeft: number;
  };
  "accounts/suspended": {
    /** `frozen`: only signing in is closed, since somebody else may know the password. */
    kind: "suspended" | "frozen";
    reason: string | null;
  };
  "accounts/home": {
    people: readonly TrustedPerson[];
    rules: Rules;
    slots: number;
    /** A sign-in, or changes alone, stopped a reset: who had agreed to it (may be nobody). */
    stopped: { agreed: readonly string[]; byChange: boolean } | null;
    /** How many people left since the last sign-in; their relations are gone. */
    departed: number;
    /** Whether to ask if the list is still right (once in six months). */
    reminder: boolean;
    /** Whether the empty list comes from a reset that made a new key. */
    afterReset: boolean;
    lastSignIn: Day | null;
    listChanged: Day | null;
    tiles: readonly Tile[];
    /** When an admin last opened the invite tree. */
    treeOpened: { day: Day; by: string } | null;
    /** Whatever else this member should find: keys of `event.*`. */
    events: readonly (Message & { href?: string })[];
  };
  "accounts/welcome": {
    /** The inviter, if this member now trusts them. */
    inviter: string | null;
    slots: number;
  };
  "accounts/security": {
    passwordMin: number;
    suggestion: string | null;
    secondStep: { state: "off" } | { state: "on"; since: Month; codesLeft: number; codesTotal: number } | null;
    services: {
      list: readonly { id: string; label: string; services: readonly ServiceKind[]; since: Month }[];
      offered: readonly ServiceKind[];
      form: { label: string; service: string };
      /** A service password that was just made, shown once. */
      fresh: { label: string; password: string } | null;
    } | null;
    sessions: readonly {
      id: string;
      /** "Firefox"; null: unknown. */
      browser: string | null;
      phone: boolean;
      since: Day;
      current: boolean;
    }[];
    activity: readonly { kind: ActivityKind; day: Day; times: number; vars?: Message["vars"] }[];
  };
  "accounts/account": {
    language: Language;
    contact: { address: string } | null;
    /** Whether notices are sent by mail at all. */
    mailed: boolean;
    treeOpened: { day: Day; by: string } | null;
    /** What admins did with this account, newest first. */
    acts: readonly OwnAct[];
    /** This member's key in groups of four, for admins to compare; null: not an admin. */
    ownKey: string | null;
    canExport: boolean;
    canDelete: boolean;
  };
  "accounts/totp-setup": {
    /** The `otpauth://` address for the QR code. */
    uri: string;
    /** The secret in groups of four, to type. */
    secret: string;
  };
  "accounts/recovery-codes": { codes: readonly string[] };
  "admin/gate": {
    /** `unconfirmed`: nobody has confirmed this admin's key yet. */
    state: "closed" | "unconfirmed";
    /** How many members will read that it was opened. */
    members: number;
    last: { day: Day; by: string } | null;
  };
  "admin/reading": { done: number; total: number };
  "admin/tree": {
    total: number;
    roots: readonly string[];
    minutesLeft: number;
    picture: TreePicture;
    /** Around whom the picture is drawn; null: all of the tree. */
    around: string | null;
    /** Who invited the one in the middle. */
    up: string | null;
    rings: number;
    person: PersonPanel | null;
    list: TreeList;
    filter: { q: string; month: string; domain: string; state: string };
    domains: readonly string[];
    form: PanelForm;
  };
  "admin/accounts": {
    admins: readonly AdminLine[];
    /** Whether the admin who looks can open the tree. */
    reader: boolean;
    recovery: boolean;
    person: PersonPanel | null;
    list: readonly { username: string; suspended: boolean; frozen: boolean; isAdmin: boolean }[];
    filter: { q: string; state: string };
    page: number;
    more: boolean;
    form: PanelForm;
  };
  "admin/log": { open: boolean; lines: readonly LogLine[]; page: number; more: boolean };
  "admin/recovery": {
    state: "none" | "set" | "unconfirmed";
    /** A phrase that is shown until it was checked. */
    words: readonly string[] | null;
    /** Which words are asked for, counted from 1; null: they are still shown. */
    ask: readonly number[] | null;
  };
  "invites/redeem": {
    letter: string;
    kind: "member" | "operator" | "admin" | "first-admin";
    /** Who invites; null: the people who run this place. */
    inviter: string | null;
    expires: Day;
    passwordMin: number;
    form: { username: string; trustInviter: boolean };
    suggestion: string | null;
  };
  "invites/dead": Record<never, never>;
  "invites/list": {
    left: number;
    fresh: FreshLetter | null;
    letters: readonly Letter[];
    form: { note: string };
  };
  "invites/card": FreshLetter;
  "onion/map": {
    /** Entries in all. */
    count: number;
    /** What was searched for; empty: nothing. */
    search: string;
    rows: readonly OnionRow[];
    /** What an admin should look at. */
    notices: readonly OnionNotice[];
    /** What changed lately without an admin. */
    changes: readonly { domain: string; event: string; day: Day; detail: string }[];
    form: { domain: string; onion: string; port: string };
  };
  "onion/entry": {
    domain: string;
    /** null: no longer in the map. */
    row: OnionRow | null;
    notices: readonly OnionNotice[];
    targets: readonly { onion: string; port: number; priority: number; weight: number; virtual: string }[];
    fallback: boolean;
    note: string;
    check: { outcome: string; starttls: boolean | null; seconds: string; day: Day } | null;
    /** Of a domain that somebody removed: where its mail went. */
    again: { onion: string; port: number } | null;
    history: readonly { event: string; actor: string; day: Day; detail: string }[];
  };
  "onion/import": {
    form: { list: string; strict: boolean };
    refused: readonly { line: number; domain: string; reason: string }[];
    changed: number;
  };
  "trust/people": {
    people: readonly TrustedPerson[];
    rules: Rules;
    slots: number;
    /** Admins can't keep their key. */
    isAdmin: boolean;
    form: { username: string; threshold: string; waitDays: string; keepKey: boolean };
    /** Asked back before somebody is removed; null: nothing is asked. */
    removal: {
      username: string;
      /** How many would be left (those who count). */
      left: number;
      /** Going below the number that must agree. */
      below: boolean;
      /** The key is kept, so removing makes a new one. */
      needsPassword: boolean;
    } | null;
  };
  "trust/card": { people: readonly string[]; able: boolean; rules: Rules };
  "trust/confirm": { people: readonly TrustedPerson[] };
  "resets/help": { form: { username: string } };
  "resets/help-nothing": Record<never, never>;
  "resets/help-handover": {
    username: string;
    link: string;
    expires: Day;
    threshold: number;
    waitDays: number;
  };
  "resets/help-waiting": { username: string; expires: Day; threshold: number; waitDays: number };
  "resets/help-compare": {
    username: string;
    cases: readonly HelpCase[];
    /** A link of the helper's own, shown this once; null: the helper had one already. */
    fresh: { link: string; expires: Day } | null;
  };
  "resets/help-agreed": {
    username: string;
    agreed: number;
    threshold: number;
    chosen: Day;
    earliest: Day;
    waitDays: number;
  };
  "resets/handover": {
    username: string;
    /** `ada@example.org`, for password managers. */
    name: string;
    secret: string;
    passwordMin: number;
    threshold: number;
    waitDays: number;
    /** The earliest day if a password is chosen today. */
    earliest: Day;
    form: { lostSecondStep: boolean };
    suggestion: string | null;
  };
  "resets/handover-done": {
    username: string;
    words: readonly string[];
    agreed: number;
    threshold: number;
    chosen: Day;
    earliest: Day;
    waitDays: number;
  };
  "resets/dead": Record<never, never>;
  "resets/how": Record<never, never>;
  "admin/cases": {
    weeks: readonly { week: Day; opened: number; finished: number; alarming: boolean }[];
    warning: boolean;
  };
  "resets/stopped": { agreed: readonly string[]; count: number };
  "errors/not-found": Record<never, never>;
  "errors/too-many": { retryAfterSeconds: number };
  "errors/busy": { retryAfterSeconds: number };
  "errors/no-joining": Record<never, never>;
  "errors/broken": Record<never, never>;
  "errors/old-form": Record<never, never>;
  "errors/database-down": Record<never, never>;
  about: Record<never, never>;
}

/** A domain of the onion map. */
export interface OnionRow {
  domain: string;
  onion: string;
  port: number;
  /** How many further onions it has. */
  more: number;
  source: "pinned" | "dnssec" | "plain";
  /** An admin's name, `import` or `dns`. */
  changedBy: string;
  month: Month;
  reach:
    | { state: "unchecked" }
    | { state: "yes" | "slow"; seconds: string; day: Day }
    | { state: "no"; since: Day; clear: boolean };
}

/** Something about an entry of the onion map that an admin should look at. */
export type OnionNotice =
  | { kind: "unreachable"; domain: string; clear: boolean }
  | { kind: "contradiction"; domain: string; pinned: boolean; said: string }
  | { kind: "mta-sts"; domain: string; policy: "enforce" | "unknown" };
